// Finds a node's slot by the raw bytes of its id, without making a string: open addressing over
// slot numbers. Slots are small integers that the roster hands out.

import { assert } from '../../base/assert.ts';
import { sameBytes } from './node-id.ts';

export class IdTable {
  readonly #seed: number;
  /** Slot + 1 per cell, 0 for an empty cell. Its size is a power of two, at most half full. */
  #cells = new Int32Array(64);
  readonly #ids: (DataView | undefined)[] = [];
  #count = 0;

  /** A secret seed keeps strangers from choosing ids that all collide. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** The slot of the id at `view[start, start + length)`, or -1. */
  find(view: DataView, start: number, length: number): number {
    const cells = this.#cells;
    const mask = cells.length - 1;
    for (let at = this.#hash(view, start, length) & mask; ; at = (at + 1) & mask) {
      const slot = (cells[at] as number) - 1;
      if (slot < 0) return -1;
      const known = this.#ids[slot] as DataView;
      if (known.byteLength === length && sameBytes(view, start, known, 0, length)) return slot;
    }
  }

  add(slot: number, idBytes: Uint8Array): void {
    const view = new DataView(idBytes.buffer, idBytes.byteOffset, idBytes.byteLength);
    assert(this.find(view, 0, idBytes.length) < 0, 'an id has one slot');
    this.#ids[slot] = view;
    this.#count += 1;
    if (this.#count * 2 > this.#cells.length) this.#rebuild(this.#cells.length * 2);
    else this.#place(slot, view);
  }

  /** Rare, so the table is simply made anew: no tombstones to step over afterwards. */
  remove(slots: readonly number[]): void {
    for (const slot of slots) {
      assert(this.#ids[slot] !== undefined, 'only an id that has a slot can lose it');
      this.#ids[slot] = undefined;
      this.#count -= 1;
    }
    this.#rebuild(this.#cells.length);
  }

  #rebuild(size: number): void {
    this.#cells = new Int32Array(size);
    for (const [slot, view] of this.#ids.entries()) {
      if (view !== undefined) this.#place(slot, view);
    }
  }

  #place(slot: number, view: DataView): void {
    const mask = this.#cells.length - 1;
    let at = this.#hash(view, 0, view.byteLength) & mask;
    while (this.#cells[at] !== 0) at = (at + 1) & mask;
    this.#cells[at] = slot + 1;
  }

  #hash(view: DataView, start: number, length: number): number {
    let hash = this.#seed ^ length;
    const last = length - 4;
    for (let i = 0; i < last; i += 4) {
      hash = Math.imul(hash ^ view.getInt32(start + i, true), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ view.getInt32(start + last, true), 0x85ebca6b);
    return hash ^ (hash >>> 13);
  }
}
