export { type ConfigOutcome, type GossipSettings, parseGossipConfig } from './config.ts';
export { Gossip, LEAVING_KEY } from './gossip.ts';
export type { GossipMetrics, MessageCounts } from './metrics.ts';
export type {
  BlockCodec,
  EntryStatus,
  GossipConfig,
  GossipId,
  GossipPorts,
  KeyChange,
  KeyListener,
  LiveListener,
  LiveSnapshot,
  MessageType,
  NodeEntry,
  NodeLife,
  NodeReset,
  NodeView,
  Outgoing,
  ProtocolVersion,
  ReceiveOutcome,
  RefusalReason,
  ResetOutcome,
  Subscription,
  Watermark,
  Winner,
  WriteOutcome,
  WriteRefusal,
} from './types.ts';
