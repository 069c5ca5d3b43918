// The words of a member's shards in its store: what the host asks of them, and hears.

import type { Clock } from '../../base/capabilities.ts';
import type { ConfState, Entry, EntryId, Snapshot } from '../../core/raft/index.ts';
import type { Store, StoreSnapshot } from '../../engine/store/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { ShardMachine } from '../types.ts';

export interface ShardStatesOptions {
  readonly store: Store;
  /** Paces the removal of generations that nobody needs any more. */
  readonly clock: Clock;
  readonly sessions?: Partial<SessionLimits>;
}

export interface SessionLimits {
  /** Beyond this the session that was used least recently goes. */
  readonly sessionsMax: number;
  /** Replicated time after which an unused session goes. */
  readonly idleMs: number;
  /** A longer result is not kept for those who ask again. */
  readonly resultBytesMax: number;
}

/** All shards of one member's store. */
export interface ShardStates {
  /** The shards that the store knows, in ascending order. */
  shardIds(): readonly ShardId[];
  /** A shard that the store knows; undefined if it does not. At most once per shard. */
  open(shard: ShardId, machine: ShardMachine): ShardData | undefined;
  /**
   * A shard that the store does not know yet: `at` and `confState` are what its log begins with,
   * index 0 and nobody for one that waits for a snapshot. The log's own beginning must be durable
   * first, because the store must never run ahead of the log.
   */
  create(shard: ShardId, machine: ShardMachine, at: EntryId, confState: ConfState): ShardData;
  /** Shards that are open. */
  state(shard: ShardId): ShardData | undefined;
  /** No more work in the background. */
  close(): void;
}

/** Whom the results of commands go to. One for all entries: no closure per entry. */
export interface ResultSink {
  /** See `decodeResult`. Called when all of the batch had its effect. */
  onResult(entry: Entry, result: Uint8Array): void;
}

/**
 * One shard's slice of the store. Everything that writes ends the store's batch itself, so that a
 * machine that breaks takes nothing else back with it.
 */
export interface ShardData {
  readonly shard: ShardId;
  applied(): EntryId;
  confState(): ConfState;
  /** The log may forget entries up to here, as far as this shard is concerned. */
  durableApplied(): number;
  /**
   * Why the machine broke, which is a bug; undefined while it works. A broken shard is as it was
   * before the batch in which it broke, takes no more, and may be asked nothing.
   */
  readonly broken: string | undefined;

  /**
   * Carries out normal entries that follow `applied()` without a gap; empty ones have no effect.
   * One batch of the store: all of it or nothing. Without a sink results are not even made.
   * Throws (AssertionError) when the machine does; see `broken`.
   */
  apply(entries: readonly Entry[], sink: ResultSink | undefined): void;
  /** The entry `at` was a config change, or one without effect: the config from now on. */
  setConfState(confState: ConfState, at: EntryId): void;
  /** Asks the machine. */
  query(question: Uint8Array): Uint8Array;

  /** The state as it is now, with the config and index that belong to exactly this state. */
  prepareSnapshot(): Promise<PreparedSnapshot>;
  /**
   * Makes the staged state the shard's state. The log's record of the same snapshot must be
   * durable. False when another one, or none, is staged: a bug of the caller.
   */
  install(snapshot: Snapshot): boolean;
  /**
   * At start, with the log's newest snapshot: finishes an installation that the log knows and a
   * crash interrupted. `missing`: the log begins beyond what is here, and nothing is staged that
   * would do; the replica cannot run.
   */
  finishInstall(snapshot: Snapshot): 'current' | 'finished' | 'missing';

  /** Sums up all that the machine and the sessions hold: equal on replicas of equal index. */
  digest(): string;
}

/** A state that stays as it was. Holds a reader of the store open: close it soon. */
export interface PreparedSnapshot {
  readonly shard: ShardId;
  /** Its `data` is the id of this very state. */
  readonly snapshot: Snapshot;
  readonly view: StoreSnapshot;
  /** Every key of the state begins with this. */
  readonly prefix: Uint8Array;
  close(): void;
}
