// The words of snapshots on their way between members.

import type { Clock, Log } from '../../base/capabilities.ts';
import type { Message } from '../../core/raft/index.ts';
import type { Store } from '../../engine/store/index.ts';
import type { MemberId, Peers } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { ShardStates } from '../state/index.ts';

export interface SnapshotParts {
  readonly member: MemberId;
  readonly clock: Pick<Clock, 'monotonicMs' | 'setTimer' | 'afterTurn'>;
  readonly log: Log;
  readonly peers: Pick<Peers, 'request' | 'cancel' | 'openStream'>;
  readonly store: Pick<Store, 'isBehind' | 'flush'>;
  readonly states: Pick<ShardStates, 'shardIds' | 'state'>;
  /**
   * The state of `message.snapshot` is staged and durable, or not needed any more: step the
   * message. True if the core restores it, so that `ShardData.install` follows.
   */
  readonly onStaged: (shard: ShardId, message: Message) => boolean;
  readonly limits?: Partial<SnapshotLimits>;
}

export interface SnapshotLimits {
  /** Pairs of one chunk, in bytes. */
  readonly chunkBytesMax: number;
  readonly sendsMax: number;
  readonly receivesMax: number;
  /** A transfer that takes longer holds its reader of the store for too long. */
  readonly transferMsMax: number;
  /** How long a sender that was interrupted keeps the state, to go on where it stopped. */
  readonly resumeMs: number;
  /** Twice this long a receiver keeps what came of a transfer that was interrupted. */
  readonly sweepMs: number;
}

export interface SnapshotStats {
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
