// Finds a slot by the raw bytes of an id, without making a string: open addressing over slot
// numbers. A slot is a small integer that the user of the table hands out. The bytes of all ids lie
// in one pool, since a typed array for each would outweigh the ids themselves.

import { assert } from '../../base/assert.ts';
import { grown } from './columns.ts';
import { compareIds, sameBytes } from './node-id.ts';

const CELLS_LEAST = 64;

export class IdTable {
  readonly #seed: number;
  /** Slot + 1 per cell, 0 for an empty cell. Its size is a power of two, at most half full. */
  #cells = new Int32Array(CELLS_LEAST);
  #count = 0;
  #pool = new Uint8Array(1024);
  #view = new DataView(this.#pool.buffer);
  #poolLength = 0;
  /** Place of each slot's id in the pool; a length of 0 marks a slot not in use. */
  #starts = new Int32Array(16);
  #lengths = new Int32Array(16);

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
      if (this.#lengths[slot] !== length) continue;
      if (sameBytes(view, start, this.#view, this.#starts[slot] as number, length)) return slot;
    }
  }

  add(slot: number, id: Uint8Array): void {
    this.#store(slot, id);
    const start = this.#starts[slot] as number;
    assert(this.find(this.#view, start, id.length) < 0, 'an id has one slot');
    this.#count += 1;
    if (this.#count * 2 > this.#cells.length) this.#rebuild(this.#cells.length * 2);
    else this.#place(slot);
  }

  #store(slot: number, id: Uint8Array): void {
    if (slot >= this.#starts.length) {
      this.#starts = grown(this.#starts, slot * 2);
      this.#lengths = grown(this.#lengths, slot * 2);
    }
    assert(this.#lengths[slot] === 0, 'a slot has one id');
    if (this.#poolLength + id.length > this.#pool.length) {
      this.#pool = grown(this.#pool, (this.#poolLength + id.length) * 2);
      this.#view = new DataView(this.#pool.buffer);
    }
    this.#pool.set(id, this.#poolLength);
    this.#starts[slot] = this.#poolLength;
    this.#lengths[slot] = id.length;
    this.#poolLength += id.length;
  }

  /** Rare, so cells and pool are simply made anew: no holes to step over afterwards. */
  remove(slots: readonly number[]): void {
    for (const slot of slots) {
      assert(this.bytesOf(slot).length > 0, 'only a slot in use can be given up');
      this.#lengths[slot] = 0;
      this.#count -= 1;
    }
    const before = this.#pool;
    this.#pool = new Uint8Array(before.length);
    this.#view = new DataView(this.#pool.buffer);
    this.#poolLength = 0;
    for (let slot = 0; slot < this.#lengths.length; slot++) {
      const length = this.#lengths[slot] as number;
      if (length === 0) continue;
      const start = this.#starts[slot] as number;
      this.#lengths[slot] = 0;
      this.#store(slot, before.subarray(start, start + length));
    }
    this.#rebuild(this.#cells.length);
  }

  clear(): void {
    if (this.#count === 0) return;
    this.#count = 0;
    this.#poolLength = 0;
    this.#lengths.fill(0);
    if (this.#cells.length > CELLS_LEAST * 32) this.#cells = new Int32Array(CELLS_LEAST);
    else this.#cells.fill(0);
  }

  /** The encoded id, as a view that lasts until the next addition or removal. */
  bytesOf(slot: number): Uint8Array {
    const start = this.#starts[slot] as number;
    return this.#pool.subarray(start, start + (this.#lengths[slot] as number));
  }

  compare(a: number, b: number): number {
    return compareIds(this.#pool, this.#starts[a] as number, this.#starts[b] as number);
  }

  #rebuild(size: number): void {
    this.#cells = new Int32Array(size);
    for (let slot = 0; slot < this.#lengths.length; slot++) {
      if (this.#lengths[slot] !== 0) this.#place(slot);
    }
  }

  #place(slot: number): void {
    const mask = this.#cells.length - 1;
    const start = this.#starts[slot] as number;
    let at = this.#hash(this.#view, start, this.#lengths[slot] as number) & mask;
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
