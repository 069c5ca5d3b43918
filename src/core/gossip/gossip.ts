// The gossip core as one object: calls and datagrams in, datagrams and outcomes out. It is pure:
// time is an argument, chance and compression are ports. SPEC.md has the rules.

import type { SocketAddress } from '../../base/ids.ts';
import type { GossipMetrics } from './metrics.ts';
import type {
  GossipConfig,
  GossipId,
  GossipPorts,
  KeyListener,
  LiveListener,
  NodeReset,
  NodeView,
  Outgoing,
  ReceiveOutcome,
  ResetOutcome,
  Subscription,
  Watermark,
  Winner,
  WriteOutcome,
} from './types.ts';

/** A node that has this key set is on its way out: peers count it as dead at once. */
export const LEAVING_KEY = 'parley.leaving';

export class Gossip {
  readonly config: GossipConfig;

  constructor(
    config: GossipConfig,
    _ports: GossipPorts,
    _nowMs: number,
    _initialKeyValues: readonly (readonly [string, string])[] = [],
  ) {
    this.config = config;
  }

  /** One gossip round: the SYNs to send. Also purges, and judges who is alive. */
  declare round: (nowMs: number, seeds: readonly SocketAddress[]) => readonly Outgoing[];
  /** A SYN to one address, outside the rounds. */
  declare gossipTo: (address: SocketAddress, nowMs: number) => Outgoing;
  declare receive: (bytes: Uint8Array, from: SocketAddress, nowMs: number) => ReceiveOutcome;

  declare set: (key: string, value: string, nowMs: number) => WriteOutcome;
  declare setWithTtl: (key: string, value: string, nowMs: number) => WriteOutcome;
  declare delete: (key: string, nowMs: number) => WriteOutcome;
  declare deleteAfterTtl: (key: string, nowMs: number) => WriteOutcome;
  declare get: (key: string) => string | undefined;

  /** Every known node in id order, the own one included. */
  declare nodes: () => readonly NodeView[];
  declare node: (id: GossipId) => NodeView | undefined;
  declare self: NodeView;
  declare liveNodes: () => readonly GossipId[];
  declare deadNodes: () => readonly GossipId[];
  declare scheduledForDeletion: (nowMs: number) => readonly GossipId[];
  declare winners: () => Map<string, Winner>;

  declare subscribe: (prefix: string, listener: KeyListener) => Subscription;
  declare watchLive: (listener: LiveListener) => Subscription;
  declare resetNodeStateIfUpdate: (reset: NodeReset, nowMs: number) => ResetOutcome;
  declare leave: (reason: string, nowMs: number) => readonly Outgoing[];

  declare phi: (id: GossipId, nowMs: number) => number | undefined;
  declare detectionTimeoutMs: (id: GossipId) => number | undefined;
  declare metrics: () => GossipMetrics;
  declare watermark: (id: GossipId) => Watermark | undefined;
}
