// The words of snapshots on their way between members.

import type { Clock, Events, Log } from '../../base/capabilities.ts';
import type { Message, Snapshot } from '../../core/raft/index.ts';
import type { Store } from '../../engine/store/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
  Peers,
} from '../../engine/transport/index.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import type { StateStore } from '../state/index.ts';

export type SnapshotEvent =
  | { readonly kind: 'snapshotReceived'; readonly shard: ShardId; readonly from: MemberId }
  /** Its transfer broke off, or what came is not what was offered. */
  | { readonly kind: 'snapshotFailed'; readonly shard: ShardId; readonly from: MemberId };

export interface SnapshotParts {
  readonly member: MemberId;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'afterTurn'>;
  readonly log: Log;
  readonly events: Events<SnapshotEvent> | undefined;
  readonly peers: Pick<Peers, 'request' | 'cancel' | 'openStream'>;
  readonly store: Pick<Store, 'isBehind' | 'flush'>;
  readonly wal: Pick<Wal, 'isCramped'>;
  readonly states: Pick<StateStore, 'shardIds' | 'state'>;
  readonly limits?: Partial<SnapshotLimits>;
}

/**
 * Questions and news to the host; but for `runs` and `termOf` never within a call of `Snapshots`.
 */
export interface SnapshotsHandler {
  /** Whether the shard has a core here: only then is a state of it taken. */
  runs(shard: ShardId): boolean;
  /** The term that the shard's core is in; 0 when it does not run here. */
  termOf(shard: ShardId): number;
  /** `peer` refused a state of an earlier term, and is in this one. */
  onNewerTerm(shard: ShardId, peer: MemberId, term: number): void;
  /**
   * The state of `message.snapshot` is staged and durable, or not needed any more: step the
   * message. True if the core restores it: `ReplicaState.install` follows when the log has it.
   */
  onStaged(shard: ShardId, message: Message): boolean;
}

/** The snapshots that one member makes, sends and receives. */
export interface Snapshots {
  /**
   * A snapshot at hand of `minIndex` or beyond. `pending`: one is being made, ask again. Ask with
   * a higher index for one with a newer config.
   */
  latest(shard: ShardId, minIndex: number): Snapshot | 'pending';
  /**
   * Sends the state that `message.snapshot` names, then the message. `onDone` is called once, never
   * within this call: tell the core with `reportSnapshot`. False as well when the state is not at
   * hand any more, the peer is down, or too much is under way. A transfer that was interrupted goes
   * on if the same state is sent again soon.
   */
  send(peer: MemberId, shard: ShardId, message: Message, onDone: (isSent: boolean) => void): void;

  /** A request of the kind `offerSnapshot` or `compareSnapshot`. */
  onRequest(request: IncomingRequest): void;
  /** A stream of the kind `snapshot`. */
  onStream(from: MemberId, header: Uint8Array): IncomingStreamHandler | undefined;

  /** [N15] The shard runs, from here on: a state that its log names is installed. */
  openShard(shard: ShardId): void;
  /** [N15] The shard is not open any more: its transfers end, both ways. */
  closeShard(shard: ShardId): void;
  stats(): SnapshotStats;
  /** Ends every transfer, and lets go of the prepared states: the store may be closed then. */
  close(): void;
}

export interface SnapshotLimits {
  /** Pairs of one chunk, in bytes. */
  readonly chunkBytesMax: number;
  readonly sendsMax: number;
  readonly receivesMax: number;
  /** A transfer that takes longer holds its reader of the store for too long. */
  readonly transferMsMax: number;
  /** States held ready, which is as many readers of the store. */
  readonly preparedMax: number;
  /** How long a state is held ready for others who need one. */
  readonly preparedMs: number;
  /** How long a sender that was interrupted keeps the state, to go on where it stopped. */
  readonly resumeMs: number;
  /** Twice this long a receiver keeps what came of a transfer that was interrupted. */
  readonly sweepMs: number;
}

export interface SnapshotStats {
  readonly prepared: number;
  readonly sending: number;
  readonly receiving: number;
  readonly sent: number;
  readonly received: number;
  readonly failed: number;
  /** Transfers that went on where an earlier one was interrupted. */
  readonly resumed: number;
  readonly chunksSent: number;
  readonly bytesSent: number;
  /** Chunks that the receiver had in its present state already. */
  readonly chunksCopied: number;
}
