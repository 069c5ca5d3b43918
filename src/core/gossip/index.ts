export { type ConfigOutcome, type GossipSettings, parseGossipConfig } from './config.ts';
export { Gossip } from './gossip.ts';
export { LEAVING_KEY } from './lifecycle.ts';
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
  WonKey,
  WriteOutcome,
  WriteRefusal,
} from './types.ts';
