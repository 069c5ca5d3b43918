// A log in memory: for tests, the simulator and examples. It can pretend that old entries are on
// disk only (`evictBelow`), so that the core has to ask for them.

import { assert } from '../../base/assert.ts';
import { countWithin } from './entries.ts';
import type { LogFetch, LogSource } from './log-source.ts';
import type { ConfState, Entry, EntryId, HardState, Snapshot } from './types.ts';

const EMPTY_CONF_STATE: ConfState = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

export class MemoryLog implements LogSource {
  #hardState: HardState = { term: 0, vote: 0, commit: 0 };
  #snapshot: Snapshot;
  /** The entry before the first one kept; only its id is known. */
  #base: EntryId;
  #entries: Entry[] = [];
  /** Entries below are not in memory; `fetch` moves the window down for one read. */
  #residentFrom = 0;
  #fetched: LogFetch | undefined;
  /** Answers `snapshot()` instead of the newest one installed. */
  snapshotOverride: (() => Snapshot | 'pending') | undefined;

  constructor(confState: ConfState = EMPTY_CONF_STATE) {
    this.#snapshot = { index: 0, term: 0, confState, data: new Uint8Array(0) };
    this.#base = { index: 0, term: 0 };
  }

  initialState(): { hardState: HardState; confState: ConfState } {
    return { hardState: this.#hardState, confState: this.#snapshot.confState };
  }

  firstIndex(): number {
    return this.#base.index + 1;
  }

  lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  term(index: number): number | 'compacted' | 'unavailable' {
    if (index < this.#base.index) return 'compacted';
    if (index === this.#base.index) return this.#base.term;
    return this.#entries[index - this.#base.index - 1]?.term ?? 'unavailable';
  }

  entries(low: number, high: number, bytesMax: number): readonly Entry[] | 'compacted' | 'pending' {
    assert(low <= high && high <= this.lastIndex() + 1, 'a range of the log stays inside it');
    if (low <= this.#base.index) return 'compacted';
    if (low < this.#residentFrom && this.#fetched?.low !== low) return 'pending';
    const from = low - this.firstIndex();
    const count = countWithin(this.#entries, from, high - this.firstIndex(), bytesMax);
    return this.#entries.slice(from, from + count);
  }

  snapshot(): Snapshot | 'pending' {
    return this.snapshotOverride === undefined ? this.#snapshot : this.snapshotOverride();
  }

  // --- what the host writes ---------------------------------------------------------------------

  setHardState(state: HardState): void {
    assert(state.term >= this.#hardState.term, '[R3] the term never falls');
    this.#hardState = state;
  }

  /** Adds `entries`, replacing what stands at their indexes and beyond. */
  append(entries: readonly Entry[]): void {
    const first = entries[0];
    if (first === undefined) return;
    const keep = first.index - this.firstIndex();
    assert(keep <= this.#entries.length, 'a log has no holes');
    // Entries that a snapshot covers already are not needed: skip them.
    const skip = Math.max(0, -keep);
    this.#entries.length = Math.max(0, keep);
    for (let i = skip; i < entries.length; i++) this.#entries.push(entries[i] as Entry);
    const last = entries.at(-1) as Entry;
    assert(last.index <= this.lastIndex() || skip > 0, 'what is appended is in the log');
  }

  /** Drops entries beyond `index`. */
  truncate(index: number): void {
    const kept = Math.max(0, index - this.#base.index);
    if (kept < this.#entries.length) this.#entries.length = kept;
  }

  /** Replaces the log by `snapshot`. False when it is older than the one at hand. */
  applySnapshot(snapshot: Snapshot): boolean {
    if (snapshot.index <= this.#snapshot.index) return false;
    this.#snapshot = snapshot;
    this.#base = { index: snapshot.index, term: snapshot.term };
    this.#entries = [];
    return true;
  }

  /** Keeps `snapshot` of applied state, for peers and for a restart; the log stays. */
  saveSnapshot(snapshot: Snapshot): void {
    assert(snapshot.index <= this.lastIndex(), 'a snapshot covers entries that exist');
    if (snapshot.index > this.#snapshot.index) this.#snapshot = snapshot;
  }

  /** Drops entries up to `index`. False when they are gone already or do not exist. */
  compact(index: number): boolean {
    const term = this.term(index);
    if (index <= this.#base.index || typeof term !== 'number') return false;
    this.#entries = this.#entries.slice(index - this.#base.index);
    this.#base = { index, term };
    return true;
  }

  // --- entries that are on disk only ------------------------------------------------------------

  /** From now on reads below `index` answer `pending`. */
  evictBelow(index: number): void {
    this.#residentFrom = index;
    this.#fetched = undefined;
  }

  /** Brings what `fetch` asks for into memory; tell the core with `logFetched`. */
  load(fetch: LogFetch): void {
    this.#fetched = fetch;
  }
}
