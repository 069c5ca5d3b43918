// What the simulation asks of a member's running process: the real one, or a stand-in.

import type { Capabilities, Events } from '../../src/base/capabilities.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { MemberEvent } from '../../src/cluster/index.ts';
import type { ShardMachine } from '../../src/core/machine.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { ReplicaHost } from '../../src/replica/types.ts';
import type { GossipPort } from './gossip-oracle.ts';
import type { GossipScenario, Sessions, Sizes, Timing } from './scenario.ts';

export const CLUSTER_ID = '5a1e6f9c-0c5e-4f6b-9d31-3f1d0f6b7a10';

export interface Neighbour {
  readonly member: MemberId;
  readonly address: SocketAddress;
}

export interface ProgramSettings {
  readonly member: MemberId;
  readonly listen: SocketAddress;
  readonly peers: readonly Neighbour[];
  readonly shards: readonly { readonly shard: ShardId; readonly founders: readonly MemberId[] }[];
  /** As the version before this one: without features. */
  readonly isOld: boolean;
  readonly timing: Timing;
  readonly sizes: Sizes;
  readonly sessions: Sessions;
  /** Undefined: the members have none. */
  readonly gossip: GossipScenario | undefined;
  /** Old segments of the log are read again all the time. */
  readonly scrubs: boolean;
  readonly seeds: readonly SocketAddress[];
  readonly machineOf: (shard: ShardId) => ShardMachine;
  /** [H96] */
  readonly events: Events<MemberEvent>;
  readonly onFatal: (reason: string) => void;
}

export interface Program {
  readonly host: ReplicaHost;
  readonly gossip: GossipPort | undefined;
  /** Sums up a shard's state: equal where the applied index is equal. */
  digest(shard: ShardId): string | undefined;
  setPeer(peer: Neighbour): void;
  dropPeer(member: MemberId): void;
  /** An orderly end. */
  close(): Promise<void>;
}

export type Opened =
  | { readonly kind: 'opened'; readonly program: Program }
  | { readonly kind: 'refused'; readonly reason: string };

export type OpenProgram = (
  capabilities: Capabilities,
  settings: ProgramSettings,
) => Promise<Opened>;
