// The log of one shard as its Raft core sees it. What it says is what was appended; the core counts
// on it only once the append was answered as durable.

import { assert } from '../../base/assert.ts';
import {
  type ConfState,
  type Entry,
  type EntryId,
  entryBytes,
  type HardState,
  type LogSource,
  type Snapshot,
} from '../../core/raft/index.ts';
import { type CacheBudget, EntryCache } from './entry-cache.ts';
import { EntryIndex } from './entry-index.ts';
import type { ShardId } from './types.ts';

const NOWHERE = Number.POSITIVE_INFINITY;

/** The rest of a log's state, which a segment must keep while nothing newer repeats it. */
export type StateKind = 'base' | 'snapshot' | 'hardState';

export class ShardLog implements LogSource {
  readonly shard: ShardId;
  readonly index = new EntryIndex();
  readonly cache: EntryCache;
  /** Entries whose bytes are lost here: index -> term. See [W9]. */
  readonly holes = new Map<number, number>();
  /** Grows with every change of what a rewrite would copy, and of the places where it stands. */
  version = 0;
  /** The entry before the first one kept; only its id is known. */
  #base: EntryId = { index: 0, term: 0 };
  #snapshot: Snapshot;
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  /** Segments that hold the newest record of each kind. */
  readonly #places: Record<StateKind, number> = {
    base: NOWHERE,
    snapshot: NOWHERE,
    hardState: NOWHERE,
  };
  /** Of entries that were refilled, the segments where they stood first. */
  readonly #origins = new Map<number, number>();

  constructor(shard: ShardId, budget: CacheBudget) {
    this.shard = shard;
    this.cache = new EntryCache(budget);
    this.#snapshot = emptySnapshot();
  }

  // --- what the core asks -----------------------------------------------------------------------

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.confState };
  }

  firstIndex(): number {
    return this.#base.index + 1;
  }

  lastIndex(): number {
    return this.index.count === 0 ? this.#base.index : this.index.last;
  }

  term(index: number): number | 'compacted' | 'unavailable' {
    if (index < this.#base.index) return 'compacted';
    if (index === this.#base.index) return this.#base.term;
    return this.index.has(index) ? this.index.termOf(index) : 'unavailable';
  }

  entries(low: number, high: number, bytesMax: number): readonly Entry[] | 'compacted' | 'pending' {
    assert(low <= high && high <= this.lastIndex() + 1, 'a range of the log stays inside it');
    if (low <= this.#base.index) return 'compacted';
    const found: Entry[] = [];
    let bytes = 0;
    for (let next = low; next < high; ) {
      const cached = this.cache.find(next);
      if (cached === undefined) return found.length === 0 ? 'pending' : found;
      const stop = Math.min(cached.entries.length, cached.at + high - next);
      for (let at = cached.at; at < stop; at++) {
        const entry = cached.entries[at] as Entry;
        bytes += entryBytes(entry);
        if (bytes > bytesMax && found.length > 0) return found;
        found.push(entry);
      }
      next += stop - cached.at;
    }
    return found;
  }

  snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Whether it may lead: who has holes votes by the ids it knows, but could not replicate. */
  isWhole(): boolean {
    return this.holes.size === 0;
  }

  get base(): EntryId {
    return this.#base;
  }

  // --- what the log of the member changes, live and in recovery ---------------------------------

  setHardState(state: HardState, segment: number): void {
    this.#hardState = state;
    this.#moved('hardState', segment);
  }

  /** Places an entry's record. What stood at its index or behind it is gone. */
  putEntry(index: number, term: number, segment: number, offset: number, length: number): void {
    this.version += 1;
    if (this.index.count > 0 && index <= this.index.last) this.#dropCachedFrom(index);
    this.index.put(index, term, segment, offset, length);
  }

  truncateTo(index: number): void {
    this.version += 1;
    this.#dropCachedFrom(index + 1);
    this.index.truncateTo(index);
  }

  /** [W10] Entries up to `to` are gone; what is below the base never comes back. */
  purgeTo(to: EntryId, segment: number): void {
    if (to.index < this.#base.index) return;
    this.version += 1;
    this.#base = to;
    this.index.dropTo(to.index);
    this.cache.dropTo(to.index);
    for (const index of this.holes.keys()) if (index <= to.index) this.holes.delete(index);
    for (const index of this.#origins.keys()) if (index <= to.index) this.#origins.delete(index);
    this.#moved('base', segment);
  }

  saveSnapshot(snapshot: Snapshot, segment: number): void {
    if (snapshot.index < this.#snapshot.index) return;
    this.#snapshot = snapshot;
    this.#moved('snapshot', segment);
  }

  installSnapshot(snapshot: Snapshot, segment: number): void {
    this.clearEntries();
    this.#base = { index: snapshot.index, term: snapshot.term };
    this.#snapshot = snapshot;
    this.#moved('base', segment);
    this.#moved('snapshot', segment);
  }

  /** What was said of the shard so far does not count: all of it follows. */
  restart(): void {
    this.clearEntries();
    this.#base = { index: 0, term: 0 };
    this.#snapshot = emptySnapshot();
    this.#hardState = { term: 0, vote: 0, commit: 0 };
    for (const kind of ['base', 'snapshot', 'hardState'] as const) this.#places[kind] = NOWHERE;
  }

  clearEntries(): void {
    this.version += 1;
    this.index.clear();
    this.cache.clear();
    this.holes.clear();
    this.#origins.clear();
  }

  /** The bytes of `id` stand in a second place now. False when that entry is not in the log. */
  refill(id: EntryId, segment: number, offset: number): boolean {
    if (!this.index.has(id.index) || this.index.termOf(id.index) !== id.term) return false;
    if (!this.#origins.has(id.index)) {
      this.#origins.set(id.index, this.index.segmentOf(id.index));
    }
    this.version += 1;
    this.index.relocate(id.index, segment, offset);
    this.holes.delete(id.index);
    return true;
  }

  // --- which segments it needs ------------------------------------------------------------------

  /**
   * The oldest segment with an entry that is kept. [W8] Where a refilled entry stood first is
   * needed as well: its copy comes too late to tell where the log begins. 5 rots in segment 1 and
   * is refilled in 3. Without segment 1, reading back would meet 6 in segment 2, and no 5 before.
   */
  entryPin(): number {
    if (this.index.count === 0) return NOWHERE;
    const { first } = this.index;
    return this.#origins.get(first) ?? this.index.segmentOf(first);
  }

  /** All of it was written once more, in order. */
  rewritten(): void {
    this.version += 1;
    this.#origins.clear();
  }

  /** The oldest segment with a part of the state that nothing newer repeats. */
  statePin(): number {
    return Math.min(this.#places.base, this.#places.snapshot, this.#places.hardState);
  }

  has(kind: StateKind): boolean {
    return this.#places[kind] !== NOWHERE;
  }

  /** The state was written once more, to `segment`. */
  stateMoved(segment: number): void {
    for (const kind of ['base', 'snapshot', 'hardState'] as const) {
      if (this.has(kind)) this.#places[kind] = segment;
    }
  }

  #moved(kind: StateKind, segment: number): void {
    this.#places[kind] = segment;
  }

  #dropCachedFrom(index: number): void {
    this.cache.truncateTo(index - 1);
    for (const hole of this.holes.keys()) if (hole >= index) this.holes.delete(hole);
    for (const at of this.#origins.keys()) if (at >= index) this.#origins.delete(at);
  }
}

function emptySnapshot(): Snapshot {
  const confState: ConfState = {
    voters: [],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return { index: 0, term: 0, confState, data: new Uint8Array(0) };
}
