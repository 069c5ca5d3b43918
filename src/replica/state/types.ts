// The words of a member's shards in its store: what the host asks of them, and hears.

import type { Clock, Random } from '../../base/capabilities.ts';
import type { QueryAnswer, ShardMachine } from '../../core/machine.ts';
import type { ConfState, Entry, EntryId, NodeId, Snapshot } from '../../core/raft/index.ts';
import type { Store, StorePair, StoreSnapshot, StoreView } from '../../engine/store/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { FeedHub } from '../feed/index.ts';
import type { SessionLimits, ShardEditions, ShardRules } from './editions.ts';

export interface StateStoreOptions {
  readonly store: Store;
  /** Paces the removal of generations that nobody needs any more. */
  readonly clock: Pick<Clock, 'setTimer'>;
  /** Names prepared snapshots. */
  readonly random: Random;
  /** Limits that shards begin with, for tests: alike on all members. */
  readonly sessions?: Partial<SessionLimits>;
  /** What surrounds machines in another release, for tests. */
  readonly rules?: ShardRules;
  /** Whom machines' events go to. */
  readonly feed?: FeedHub;
}

/** Why the store's records cannot be used; what to do about it is said in `message`. */
export interface StateStoreRefusal {
  readonly kind: 'refused';
  readonly reason: 'version' | 'corrupt';
  readonly message: string;
}

export type StateStoreOpening =
  | { readonly kind: 'opened'; readonly states: StateStore }
  | StateStoreRefusal;

/** What a replica that left had in its log: others may count on it for good. */
export interface FormerLog {
  readonly term: number;
  readonly vote: NodeId;
  /** Its last entry, or what it began with. */
  readonly last: EntryId;
}

/** All shards of one member's store. */
export interface StateStore {
  /** The shards that the store knows, in ascending order. */
  shardIds(): readonly ShardId[];
  /** A shard that the store knows; undefined if it does not. At most once per shard. */
  open(shard: ShardId, machine: ShardMachine): ReplicaState | undefined;
  /**
   * A shard that the store does not know yet: `at` and `confState` are what its log begins with,
   * index 0 and nobody for one that waits for a snapshot. The log's own beginning must be durable
   * first, because the store must never run ahead of the log.
   */
  create(shard: ShardId, machine: ShardMachine, at: EntryId, confState: ConfState): ReplicaState;
  /** Shards that are open. */
  state(shard: ShardId): ReplicaState | undefined;
  /** [D21] What the sessions of all open shards take in memory. */
  sessionBytes(): number;
  /**
   * [D27] The shard is closed: what `open` or `create` gave is of no use any more. Its memory is
   * free once all that it wrote is durable, and until then it is not opened again. False when the
   * store has failed.
   */
  release(shard: ShardId): Promise<boolean>;
  /**
   * [D22] The shard leaves this member: its state is gone at once, and removed from the store bit
   * by bit; what `log` had is kept for good. The log must forget it when this is durable (`true`),
   * then `forgotten` is called. Once more for those that `removed` names.
   */
  remove(shard: ShardId, log: FormerLog): Promise<boolean>;
  /** [D22] Shards that left and did not come back, whose log may still be here, ascending. */
  removed(): readonly ShardId[];
  /** [D22] What the replicas that left had, all together; undefined if none did. */
  former(shard: ShardId): FormerLog | undefined;
  /** [D22] The log has nothing of it any more. */
  forgotten(shard: ShardId): void;
  /** No more work in the background. */
  close(): void;
}

export interface Question {
  readonly body: Uint8Array;
  /** What the machine said with `more`. */
  readonly cursor: Uint8Array | undefined;
  readonly mayWait: boolean;
}

/** Whom the results of commands go to. One for all entries: no closure per entry. */
export interface ResultSink {
  /**
   * See `decodeResult`. `position` is the place of the command within its entry, from 0 on. Called
   * in order, once all of the batch had its effect.
   */
  onResult(entry: Entry, position: number, result: Uint8Array): void;
}

/**
 * One shard's slice of the store. Everything that writes ends the store's batch itself, so that a
 * machine that breaks takes nothing else back with it.
 */
export interface ReplicaState {
  readonly shard: ShardId;
  applied(): EntryId;
  confState(): ConfState;
  /** The log may forget entries up to here, as far as this shard is concerned. */
  durableApplied(): number;
  /** [D23] Given to the store and not durable yet. */
  unwrittenBytes(): number;
  /**
   * Why nothing is applied any more; undefined while all is well. The machine broke, which is a
   * bug, or the shard agreed on an edition that this release does not know. The state is as it was
   * before the batch in which that came up, until the member starts anew.
   */
  readonly broken: string | undefined;
  /** [M6] What this release lacks to run the shard, if that is why; said to operators. */
  readonly unsupported: string | undefined;
  /** What the shard agreed on. */
  editions(): ShardEditions;
  /** [M5] What its shard began with: every release can carry it out. */
  firstEditions(): ShardEditions;
  /** What this release would raise it to. */
  newestEditions(): ShardEditions;
  /** [M12] When the machine wants to be woken; `NEVER_MS` if it does not. */
  wakeMs(): number;
  /** [D21] What sessions take in memory. */
  sessionsHeld(): { readonly count: number; readonly bytes: number };
  /** [D21] The shard does not run here: its sessions take no memory until it does again. */
  releaseSessions(): void;

  /**
   * Carries out normal entries that follow `applied()` without a gap; empty ones have no effect.
   * One batch of the store: all of it or nothing. Without a sink results are not even made.
   * Throws (AssertionError) when the machine does; see `broken`.
   */
  apply(entries: readonly Entry[], sink: ResultSink | undefined): void;
  /** The entry `at` was a config change, or one without effect: the config from now on. */
  setConfState(confState: ConfState, at: EntryId): void;
  /** Asks the machine, in one budget. */
  ask(question: Question): QueryAnswer;
  /** Asks it to the end, without waiting. */
  query(question: Uint8Array): Uint8Array;

  /** The state as it is now, with the config and index that belong to exactly this state. */
  prepareSnapshot(): Promise<PreparedSnapshot>;

  /** The state that waits, whole and durable, to become the shard's state. */
  staged(): Snapshot | undefined;
  /**
   * Makes the staged state of `snapshot` the shard's state. The log's record of the same snapshot
   * must be durable. False when another one, or none, is staged.
   */
  install(snapshot: Snapshot): boolean;
  /**
   * At start, with the log's newest snapshot: finishes an installation that the log knows and a
   * crash interrupted. `missing`: the log begins beyond what is here, and nothing is staged that
   * would do; the replica cannot run.
   */
  finishInstall(snapshot: Snapshot): 'current' | 'finished' | 'missing';

  /** What the shard's state is at this moment; pull ranges before the next write. */
  present(): { readonly view: StoreView; readonly prefix: Uint8Array };

  /** What is under way to become the next state, whole or not. */
  readonly staging: IncomingState | undefined;
  /** Begins a next state; what was under way before is dropped. */
  stage(snapshot: Snapshot): IncomingState;
  /** Drops what is under way. */
  dropStaging(): void;

  /** Sums up all that the machine and the sessions hold: equal on replicas of equal index. */
  digest(): string;
}

/**
 * A state that stays as it was. Holds a reader of the store open: release it soon. Whoever passes
 * it on retains it once more.
 */
export interface PreparedSnapshot {
  readonly shard: ShardId;
  /** Its `data` is the id of this very state. */
  readonly snapshot: Snapshot;
  readonly view: StoreSnapshot;
  /** Every key of the state begins with this. */
  readonly prefix: Uint8Array;
  retain(): void;
  close(): void;
}

/** How far the next state has come. */
export interface Progress {
  /** What follows the prefix in the last key that is here; empty: nothing yet. */
  readonly lastKey: Uint8Array;
  /** Sums up all chunks so far: two transfers at the same point agree on all that was sent. */
  readonly chain: Uint8Array;
  readonly chunks: number;
  readonly pairs: number;
  readonly bytes: number;
}

/** A shard's next state, which comes from another member in the order of its keys. */
export interface IncomingState {
  readonly snapshot: Snapshot;
  readonly progress: Progress;
  readonly isComplete: boolean;
  /** Adds ascending pairs in one batch. False, and nothing added, unless they lie further on. */
  add(pairs: readonly StorePair[], progress: Progress): boolean;
  /** Nothing is missing. Durable once the store is flushed; only then may anyone hear of it. */
  complete(): void;
}
