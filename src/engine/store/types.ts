// The words of the store: an ordered map of byte strings that keeps what the state machines of all
// shards have made of the log.
//
// What is written is visible at once and durable later, in order: the log is what makes a command
// durable, and replays what a crash took from the store. The log may forget an entry only when the
// batch that holds its effect is durable here.

import type { MachinePair, MachineView } from '../../core/machine.ts';

export type { MachinePair as StorePair, MachineView as StoreView };

/** The store as it was at one moment, however much is written meanwhile. Close it soon. */
export interface StoreSnapshot extends MachineView {
  /** The newest batch in it. */
  readonly batch: number;
  close(): void;
}

/**
 * Ranges of the store itself, unlike those of a snapshot, are pulled before the next write. Batches
 * are numbered from 1 with each opening. One that is open (`put`, `delete`) is ended by `commit` in
 * the same turn; a crash leaves all of a batch or nothing of it, and no batch without those before.
 */
export interface Store extends MachineView {
  /** Keeps `key` and `value`: the caller does not change them afterwards. */
  put(key: Uint8Array, value: Uint8Array): void;
  delete(key: Uint8Array): void;
  /** Ends the batch and answers its number; the number of the last one if it was empty. */
  commit(): number;
  /** Takes back the open batch, for a machine that broke half-way through it. */
  rollback(): void;

  /** Number of the newest batch that survives a power failure. Only grows. */
  durableBatch(): number;
  /** Makes what is committed by now durable. False when the store has failed. */
  flush(): Promise<boolean>;
  /** The newest batch is in it, perhaps newer ones that are committed before it answers. */
  snapshot(): Promise<StoreSnapshot>;

  /** True while more is waiting to be written down than the limit: admit no new work. */
  readonly isBehind: boolean;
  stats(): StoreStats;
  /** Flushes what it can. Open snapshots must be closed first. */
  close(): Promise<void>;
}

export interface StoreStats {
  readonly batches: number;
  readonly durableBatches: number;
  readonly flushes: number;
  /** Written and not yet handed to the disk. */
  readonly waitingBytes: number;
  readonly snapshotsOpen: number;
}

export interface StoreEvents {
  /** `batch` and all before it are durable. */
  readonly onDurable: (batch: number) => void;
  /** The store has stopped for good; the member must stop too. */
  readonly onFailure: (reason: string) => void;
}

export type StoreOpening = { readonly kind: 'opened'; readonly store: Store } | StoreRefusal;

export interface StoreRefusal {
  readonly kind: 'refused';
  readonly reason: /** Bytes that were durable are not what was written. */
    | 'corrupt'
    /** Written by a newer Parley. */
    | 'version'
    /** The disk does not answer, or is full. */
    | 'disk';
  readonly path: string;
  /** Says what happened, why it usually happens and what to do. */
  readonly message: string;
}
