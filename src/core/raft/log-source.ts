// What the core asks of the durable log, and what it asks the host to fetch from it.

import type { ConfState, Entry, HardState, NodeId, Snapshot } from './types.ts';

/**
 * The durable log as the core sees it. The core reads here only what it does not hold itself (its
 * tail that is not yet durable). All answers are immediate; only `entries` may say `pending`.
 */
export interface LogSource {
  /** [R37] A config that is not empty belongs to a log that begins with a snapshot. */
  initialState(): { readonly hardState: HardState; readonly confState: ConfState };
  /** The first index whose entry is kept; last + 1 when there is none, 1 for a new log. */
  firstIndex(): number;
  lastIndex(): number;
  /** Known for firstIndex - 1 .. lastIndex: hosts keep terms in memory, a pair per change. */
  term(index: number): number | 'compacted' | 'unavailable';
  /**
   * Entries `low <= index < high`, cut so that their `entryBytes` sum stays within `bytesMax`, the
   * first one always included. `pending` when they must be fetched: the core then asks with a
   * `LogFetch`. The array must not change afterwards.
   */
  entries(low: number, high: number, bytesMax: number): readonly Entry[] | 'compacted' | 'pending';
  /**
   * The newest snapshot, at or beyond firstIndex - 1; `pending` when none is ready just now. One
   * whose config lacks the peer that needs it is not sent (event `snapshotWithheld`): make a newer.
   */
  snapshot(): Snapshot | 'pending';
}

/** The core needs entries which the log has, but not in memory. Answer with `logFetched`. */
export interface LogFetch {
  readonly purpose: 'replicate' | 'apply' | 'campaign';
  /** The peer that waits for them, for `replicate`. */
  readonly peer: NodeId;
  readonly low: number;
  readonly high: number;
  readonly bytesMax: number;
}
