// A binary heap ordered by deadline, then by arrival: of two entries due at the same moment the one
// pushed first comes out first. The heap writes into its entries instead of wrapping them, so that
// a push makes no garbage and a removal needs no search.

import { assert } from './assert.ts';

/** What a queue holds. Only the queue writes these fields while the entry is inside. */
export interface Queued {
  atMs: number;
  /** Rank among entries of equal deadline. */
  order: number;
  /** Place in the heap, or `OUTSIDE`. */
  slot: number;
}

export const OUTSIDE = -1;

export class DeadlineQueue<Entry extends Queued> {
  readonly #heap: Entry[] = [];
  #pushes = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** Takes the entry in at `entry.atMs`. */
  push(entry: Entry): void {
    assert(entry.slot === OUTSIDE, 'an entry waits in one queue once');
    assert(entry.atMs >= 0, 'a deadline is a number: NaN would break the order of all others');
    entry.order = this.#pushes++;
    this.#heap.push(entry);
    this.#rise(entry, this.#heap.length - 1);
  }

  peek(): Entry | undefined {
    return this.#heap[0];
  }

  pop(): Entry | undefined {
    const first = this.#heap[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** False when the entry is not waiting here. */
  remove(entry: Entry): boolean {
    const slot = entry.slot;
    if (slot === OUTSIDE || this.#heap[slot] !== entry) return false;
    const last = this.#heap.pop() as Entry;
    entry.slot = OUTSIDE;
    if (last !== entry) {
      // The entry from the end may belong above or below the gap: it comes from another branch.
      this.#sink(last, slot);
      this.#rise(last, last.slot);
    }
    return true;
  }

  /** All entries in no order. For rare sweeps; the queue must not change meanwhile. */
  entries(): Iterable<Entry> {
    return this.#heap;
  }

  #rise(entry: Entry, start: number): void {
    const heap = this.#heap;
    let slot = start;
    while (slot > 0) {
      const above = (slot - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!precedes(entry, parent)) break;
      heap[slot] = parent;
      parent.slot = slot;
      slot = above;
    }
    heap[slot] = entry;
    entry.slot = slot;
  }

  #sink(entry: Entry, start: number): void {
    const heap = this.#heap;
    const length = heap.length;
    let slot = start;
    for (;;) {
      let below = slot * 2 + 1;
      if (below >= length) break;
      const right = below + 1;
      if (right < length && precedes(heap[right] as Entry, heap[below] as Entry)) below = right;
      const child = heap[below] as Entry;
      if (!precedes(child, entry)) break;
      heap[slot] = child;
      child.slot = slot;
      slot = below;
    }
    heap[slot] = entry;
    entry.slot = slot;
  }
}

function precedes(a: Queued, b: Queued): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
