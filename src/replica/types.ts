// The words between the host of a member's replicas, its machines, and those who call it.

import type { ShardMachine } from '../core/machine.ts';
import type { ConfChange, ConfState, EntryId, TransferOutcome } from '../core/raft/index.ts';
import type { MemberId } from '../engine/transport/index.ts';
import type { ShardId } from '../engine/wal/index.ts';

// --- what callers hear --------------------------------------------------------------------------

/** None of these had or will have an effect. */
export type WriteRefusal =
  | 'unknownShard'
  /** `leader` says who may lead, 0 if nobody is known. */
  | 'notLeader'
  | 'noLeader'
  | 'transferring'
  /** Limits of what may wait. */
  | 'overloaded'
  | 'diskFull'
  | 'tooLarge'
  | 'malformed'
  /** Another leader's entry stands where ours was. */
  | 'replaced'
  /** Another config change is under way: one at a time. */
  | 'changePending'
  /** The config change makes no sense from the present config. */
  | 'changeImpossible'
  /** A member that it adds has not said that it can carry out what the shard agreed on. */
  | 'releaseTooOld'
  | 'stopping';

/** The command may take effect yet, or has had: only a session makes it safe to send again. */
export type WriteDoubt =
  | 'leaderChanged'
  | 'timeout'
  | 'connectionLost'
  | 'stopped'
  /** It has had its effect, but what came of it does not fit the answer. */
  | 'answerTooLarge';

export type WriteOutcome =
  | { readonly kind: 'applied'; readonly index: number; readonly result: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: WriteRefusal; readonly leader: MemberId }
  | { readonly kind: 'unknown'; readonly reason: WriteDoubt };

/**
 * strong: linearizable, confirmed by a round to a majority. lease: linearizable while clocks drift
 * within bounds, without a round. local: this replica's state, however old.
 */
export type ReadLevel = 'strong' | 'lease' | 'local';

export type ReadRefusal =
  | 'unknownShard'
  | 'notLeader'
  | 'noLeader'
  | 'overloaded'
  | 'malformed'
  /** The answer is longer than a frame: ask for less. */
  | 'tooLarge'
  | 'timeout'
  | 'stopping';

export type ReadAnswer =
  | {
      readonly kind: 'answered';
      /** The state that was asked is that after this index. */
      readonly index: number;
      readonly level: ReadLevel;
      readonly result: Uint8Array;
    }
  | { readonly kind: 'refused'; readonly reason: ReadRefusal; readonly leader: MemberId };

/** Whether leadership is on its way. It may fail yet: `status` says who leads. */
export type TransferAnswer =
  | TransferOutcome
  | { readonly kind: 'refused'; readonly reason: 'unknownShard' | 'stopping' };

// --- the host -----------------------------------------------------------------------------------

export interface ShardPlan {
  readonly shard: ShardId;
  readonly machine: ShardMachine;
  /** The config that a new shard begins with. Ignored when the shard is on disk already. */
  readonly founders: readonly MemberId[];
}

export interface ShardStatus {
  readonly shard: ShardId;
  readonly role: 'follower' | 'preCandidate' | 'candidate' | 'leader';
  readonly term: number;
  readonly leader: MemberId;
  readonly commit: number;
  readonly applied: EntryId;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly config: ConfState;
  readonly isHibernating: boolean;
  /** Entries that its log must have and lost, [H60]. 0 once it has stopped. */
  readonly lostEntries: number;
  /** [H61] No peer that answers has them. */
  readonly isUnrepairable: boolean;
  /** Why it cannot take part fully, for people; undefined when nothing is amiss. */
  readonly waitsFor: string | undefined;
}

/** The fate of a shard that was to leave this member. */
export type RemoveOutcome =
  /** Log and state have nothing of it any more; its pairs go bit by bit. */
  | 'removed'
  /** It was not here, or is on its way out already. */
  | 'unknownShard'
  /** It is being opened: ask again. */
  | 'beginning'
  /** The member stops: it stays whole, or goes on leaving at the next start. */
  | 'stopping';

/** One member's replicas. Callbacks are called once, never within the call that passed them. */
export interface ReplicaHost {
  /** Again after `closeShard`; after `removeShard` it is a new shard, see [H95]. */
  openShard(plan: ShardPlan): void;
  /** [H94] Its callers are told; log and state stay. False when it is not open. */
  closeShard(shard: ShardId): boolean;
  /** [H95] The shard leaves this member for good, open or not. */
  removeShard(shard: ShardId, done: (outcome: RemoveOutcome) => void): void;
  /** `payload` is a command with its header, see `encodeCommand`. Kept by the host. */
  propose(shard: ShardId, payload: Uint8Array, done: (outcome: WriteOutcome) => void): void;
  read(
    shard: ShardId,
    level: ReadLevel,
    question: Uint8Array,
    done: (answer: ReadAnswer) => void,
  ): void;
  changeConfig(shard: ShardId, change: ConfChange, done: (outcome: WriteOutcome) => void): void;
  transferLeader(shard: ShardId, to: MemberId): TransferAnswer;
  status(shard: ShardId): ShardStatus | undefined;
  stop(): Promise<void>;
}
