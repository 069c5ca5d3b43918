// The tail of the log that is not known to be durable, and a snapshot that is being installed.
//
//   source (durable)        | unstable
//   ... 9  10  11           | 12  13  14  15        offset = 12
//                           | in progress ^         inProgress = 14: 12 and 13 are being written
//
// Entries stay here until the disk says so, even while they are written: the core reads them here,
// and a durable log may hold other entries at these indexes until the write is done.

import { assert, implies } from '../../base/assert.ts';
import { countWithin, NO_ENTRIES } from './entries.ts';
import type { Entry, EntryId, Snapshot } from './types.ts';

/** Dead slots at the front of the array before it is cut: cutting costs a copy of the rest. */
const DEAD_MAX = 1024;

export class Unstable {
  /** Index of the first entry here, or of the next one to come. */
  #offset: number;
  /** [R21] Entries below are being written. offset <= inProgress <= offset + length. */
  #inProgress: number;
  /** `#entries[#head]` is the entry at `#offset`. */
  #entries: Entry[] = [];
  #head = 0;
  #snapshot: Snapshot | undefined;
  #snapshotInProgress = false;

  constructor(offset: number) {
    assert(offset >= 1, '[R21] logs start at index 1');
    this.#offset = offset;
    this.#inProgress = offset;
  }

  get offset(): number {
    return this.#offset;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  /** Being installed: its index is beyond anything the durable log has. */
  get snapshot(): Snapshot | undefined {
    return this.#snapshot;
  }

  lastIndex(): number | undefined {
    if (this.length > 0) return this.#offset + this.length - 1;
    return this.#snapshot?.index;
  }

  term(index: number): number | undefined {
    if (index >= this.#offset) return this.#entries[index - this.#offset + this.#head]?.term;
    return this.#snapshot?.index === index ? this.#snapshot.term : undefined;
  }

  /** Entries from `low` to below `high`, cut to `bytesMax`. A copy: callers may keep it. */
  slice(low: number, high: number, bytesMax: number): readonly Entry[] {
    assert(
      low >= this.#offset && low <= high && high <= this.#offset + this.length,
      '[R21] a slice of the unstable log stays inside it',
    );
    const shift = this.#head - this.#offset;
    const count = countWithin(this.#entries, low + shift, high + shift, bytesMax);
    return this.#entries.slice(low + shift, low + shift + count);
  }

  hasNextEntries(): boolean {
    return this.#inProgress < this.#offset + this.length;
  }

  /** What is to be written and not yet on its way. */
  nextEntries(): readonly Entry[] {
    if (!this.hasNextEntries()) return NO_ENTRIES;
    return this.slice(this.#inProgress, this.#offset + this.length, Number.POSITIVE_INFINITY);
  }

  nextSnapshot(): Snapshot | undefined {
    return this.#snapshotInProgress ? undefined : this.#snapshot;
  }

  /** Everything here is on its way to the disk. */
  acceptInProgress(): void {
    this.#inProgress = this.#offset + this.length;
    this.#snapshotInProgress = this.#snapshot !== undefined;
    assert(!this.hasNextEntries(), '[R21] nothing is left to be written');
  }

  /**
   * The disk holds `id` and all before it. Answers that are overtaken do nothing: the entry at that
   * index is gone, durable already, or another one.
   */
  stableTo(id: EntryId): boolean {
    if (id.index < this.#offset || this.term(id.index) !== id.term) return false;
    this.#head += id.index + 1 - this.#offset;
    this.#offset = id.index + 1;
    this.#inProgress = Math.max(this.#inProgress, this.#offset);
    if (this.length === 0) {
      this.#entries = [];
      this.#head = 0;
    } else if (this.#head > DEAD_MAX && this.#head > this.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    this.#assertShape();
    return true;
  }

  /** [R21] What is being written is a prefix of what is here, at its index. */
  #assertShape(): void {
    const end = this.#offset + this.length;
    assert(
      this.#offset <= this.#inProgress && this.#inProgress <= end,
      '[R21] what is being written is a prefix of the unstable log',
    );
    const first = this.#entries[this.#head];
    implies(first !== undefined, first?.index === this.#offset, '[R21] the first is at the offset');
    const last = this.#entries.at(-1);
    implies(last !== undefined, last?.index === end - 1, '[R21] the last is at the end');
    const snapshot = this.#snapshot;
    implies(
      snapshot !== undefined,
      snapshot !== undefined && snapshot.index < this.#offset,
      '[R35] entries follow the snapshot that is being installed',
    );
  }

  stableSnapshotTo(index: number): void {
    if (this.#snapshot?.index !== index) return;
    this.#snapshot = undefined;
    this.#snapshotInProgress = false;
  }

  /** Forgets everything for `snapshot`. */
  restore(snapshot: Snapshot): void {
    assert(snapshot.index >= 1, '[R35] a snapshot covers something');
    this.#offset = snapshot.index + 1;
    this.#inProgress = this.#offset;
    this.#entries = [];
    this.#head = 0;
    this.#snapshot = snapshot;
    this.#snapshotInProgress = false;
  }

  /** [R20] Puts `entries` where they belong; entries from there on that stood here are gone. */
  truncateAndAppend(entries: readonly Entry[]): void {
    const from = (entries[0] as Entry).index;
    const end = this.#offset + this.length;
    assert(from <= end, '[R20] a log has no holes');
    if (from <= this.#offset) {
      // The durable log is cut too, at `from`, when these are written.
      this.#offset = from;
      this.#inProgress = from;
      this.#entries = entries.slice();
      this.#head = 0;
      this.#assertShape();
      return;
    }
    if (from < end) {
      this.#entries.length = from - this.#offset + this.#head;
      // What is written from `from` on is written in vain: it must be written again.
      this.#inProgress = Math.min(this.#inProgress, from);
    }
    for (const entry of entries) this.#entries.push(entry);
    this.#assertShape();
  }
}
