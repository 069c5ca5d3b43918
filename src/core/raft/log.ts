// The replica's log: the durable part behind a port, the unstable tail, and three watermarks.
//
//      first                              durable | unstable
//        5   6   7   8   9  10  11  12  13  14  15  16
//                applied ^       ^ applying  ^ committed
//
// [R22] applied <= applying <= committed <= last. Each of them only grows.

import { assert } from '../../base/assert.ts';
import { entriesBytes, NO_ENTRIES } from './entries.ts';
import type { LogFetch, LogSource } from './log-source.ts';
import { type Entry, type EntryId, NO_NODE, type Snapshot } from './types.ts';
import { Unstable } from './unstable.ts';

/** [R7] A log that ends with `id` has everything committed that one ending with `end` may have. */
export function reaches(id: EntryId, end: EntryId): boolean {
  return id.term > end.term || (id.term === end.term && id.index >= end.index);
}

export class RaftLog {
  readonly #source: LogSource;
  readonly unstable: Unstable;
  #committed: number;
  /** Handed to the machine up to here. */
  #applying: number;
  #applied: number;
  /** Bytes of entries handed to the machine and not yet applied. */
  #applyingBytes = 0;
  readonly #applyBytesMax: number;
  /** Nothing more is handed out until the machine catches up. */
  #isApplyPaused = false;
  /** Entries to apply are being fetched. */
  #isFetchingApply = false;

  constructor(source: LogSource, applyBytesMax: number) {
    this.#source = source;
    this.#applyBytesMax = applyBytesMax;
    const first = source.firstIndex();
    const last = source.lastIndex();
    assert(first >= 1 && first <= last + 1, '[R22] a log starts before it ends');
    this.unstable = new Unstable(last + 1);
    // What is compacted was applied and committed before.
    this.#committed = first - 1;
    this.#applying = first - 1;
    this.#applied = first - 1;
  }

  get committed(): number {
    return this.#committed;
  }

  get applying(): number {
    return this.#applying;
  }

  get applied(): number {
    return this.#applied;
  }

  firstIndex(): number {
    const installing = this.unstable.snapshot;
    return installing === undefined ? this.#source.firstIndex() : installing.index + 1;
  }

  lastIndex(): number {
    return this.unstable.lastIndex() ?? this.unstable.offset - 1;
  }

  lastId(): EntryId {
    const index = this.lastIndex();
    const term = this.term(index);
    assert(typeof term === 'number', '[R23] the term of the last entry is always known');
    return { index, term };
  }

  /** Known for firstIndex - 1 .. lastIndex. */
  term(index: number): number | 'compacted' | 'unavailable' {
    const known = this.unstable.term(index);
    if (known !== undefined) return known;
    if (index >= this.unstable.offset) return 'unavailable';
    if (index + 1 < this.firstIndex()) return 'compacted';
    return this.#source.term(index);
  }

  /** Our log has the entry `id` names, and hence all before it in common with whoever names it. */
  matches(index: number, term: number): boolean {
    return this.term(index) === term;
  }

  /** A log that ends with `id` has everything committed that ours may have. */
  isUpToDate(id: EntryId): boolean {
    return reaches(id, this.lastId());
  }

  /** Entries from `low` to below `high`, cut to `bytesMax`, the first always included. */
  entries(low: number, high: number, bytesMax: number): readonly Entry[] | 'compacted' | 'pending' {
    assert(low <= high && high <= this.lastIndex() + 1, '[R23] a range of the log stays inside it');
    if (low < this.firstIndex()) return 'compacted';
    if (low === high) return NO_ENTRIES;
    const { offset } = this.unstable;
    if (low >= offset) return this.unstable.slice(low, high, bytesMax);
    const cutAt = Math.min(high, offset);
    const durable = this.#source.entries(low, cutAt, bytesMax);
    if (typeof durable === 'string') return durable;
    if (durable.length < cutAt - low || cutAt === high) return durable;
    const bytes = entriesBytes(durable);
    if (bytes >= bytesMax) return durable;
    const tail = this.unstable.slice(offset, high, bytesMax - bytes);
    if (tail.length === 1 && bytes + entriesBytes(tail) > bytesMax) return durable;
    return [...durable, ...tail];
  }

  snapshot(): Snapshot | 'pending' {
    return this.unstable.snapshot ?? this.#source.snapshot();
  }

  // --- growing ----------------------------------------------------------------------------------

  append(entries: readonly Entry[]): number {
    const first = entries[0];
    if (first === undefined) return this.lastIndex();
    assert(first.index > this.#committed, '[R24] what is committed is never replaced');
    this.unstable.truncateAndAppend(entries);
    return this.lastIndex();
  }

  commitTo(index: number): boolean {
    if (index <= this.#committed) return false;
    assert(index <= this.lastIndex(), '[R22] only what exists is committed');
    this.#committed = index;
    this.#assertWatermarks();
    return true;
  }

  #assertWatermarks(): void {
    assert(this.#applied <= this.#applying, '[R22] what is applied was handed out');
    assert(this.#applying <= this.#committed, '[R22] what is handed out is committed');
    assert(this.#committed <= this.lastIndex(), '[R22] what is committed exists');
  }

  /** The newest index up to `index` whose term is at most `term`: below it the logs may agree. */
  conflictByTerm(index: number, term: number): EntryId {
    assert(index >= 0, '[R18] hints are indexes');
    for (let at = index; at > 0; at--) {
      const ours = this.term(at);
      // Not known: it may match, and a term of 0 says that it is a guess.
      if (typeof ours !== 'number') return { index: at, term: 0 };
      if (ours <= term) return { index: at, term: ours };
    }
    return { index: 0, term: 0 };
  }

  restore(snapshot: Snapshot): void {
    assert(snapshot.index > this.#committed, '[R24] a snapshot never takes the commit index back');
    this.#committed = snapshot.index;
    this.unstable.restore(snapshot);
    assert(this.lastIndex() === snapshot.index, '[R35] nothing is left behind a snapshot');
    this.#assertWatermarks();
  }

  // --- applying ---------------------------------------------------------------------------------

  hasNextCommitted(allowUnstable: boolean): boolean {
    if (this.#isApplyPaused || this.#isFetchingApply) return false;
    // Entries behind a snapshot make no sense to a machine that has not restored it.
    if (this.unstable.snapshot !== undefined) return false;
    return this.#applying < this.#appliableIndex(allowUnstable);
  }

  /** Committed entries for the machine, or what must be fetched to have them. */
  nextCommitted(allowUnstable: boolean): readonly Entry[] | LogFetch {
    if (!this.hasNextCommitted(allowUnstable)) return NO_ENTRIES;
    const bytesMax = this.#applyBytesMax - this.#applyingBytes;
    assert(bytesMax > 0, '[R25] applying is paused before its limit is passed');
    const low = this.#applying + 1;
    const high = this.#appliableIndex(allowUnstable) + 1;
    const entries = this.entries(low, high, bytesMax);
    if (entries === 'pending') return { purpose: 'apply', peer: NO_NODE, low, high, bytesMax };
    assert(entries !== 'compacted', '[R26] the log keeps what is not applied');
    assert(entries[0]?.index === low, '[R23] the log answers what it was asked');
    return entries;
  }

  /** [R27] With asynchronous writes, only what is durable here is applied here. */
  #appliableIndex(allowUnstable: boolean): number {
    if (allowUnstable) return this.#committed;
    return Math.min(this.#committed, this.unstable.offset - 1);
  }

  acceptApplying(entries: readonly Entry[], allowUnstable: boolean): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    assert(
      (entries[0] as Entry).index === this.#applying + 1,
      '[R22] entries are applied one after the other',
    );
    this.#applying = last.index;
    this.#applyingBytes += entriesBytes(entries);
    // Cut short by the limit: wait for room, else the rest would trickle out entry by entry.
    this.#isApplyPaused =
      this.#applyingBytes >= this.#applyBytesMax ||
      last.index < this.#appliableIndex(allowUnstable);
    this.#assertWatermarks();
  }

  appliedTo(index: number, bytes: number): void {
    assert(
      index >= this.#applied && index <= this.#committed,
      '[R22] the applied index grows, up to the commit index',
    );
    this.#applied = index;
    this.#applying = Math.max(this.#applying, index);
    this.#applyingBytes = Math.max(0, this.#applyingBytes - bytes);
    this.#isApplyPaused = this.#applyingBytes >= this.#applyBytesMax;
    this.#assertWatermarks();
  }

  acceptApplyFetch(): void {
    this.#isFetchingApply = true;
  }

  applyFetched(): void {
    this.#isFetchingApply = false;
  }
}
