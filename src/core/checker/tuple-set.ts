// A set of tuples of 32-bit integers, all of one width, made for hundreds of millions of look-ups:
// two flat arrays, no object per tuple. Rows are numbered in the order of arrival and never move,
// so that a caller can keep columns of its own beside them.

import { assert } from '../../base/assert.ts';

const ROWS_INITIAL = 64;

export class TupleSet {
  readonly width: number;
  /** Row r occupies [r * width, (r + 1) * width). */
  #rows: Int32Array;
  /** Open addressing with linear probing: row number + 1, or 0 for a free place. */
  #places: Int32Array;
  size = 0;

  constructor(width: number) {
    assert(width >= 1, 'a tuple has a column');
    this.width = width;
    this.#rows = new Int32Array(ROWS_INITIAL * width);
    this.#places = new Int32Array(ROWS_INITIAL * 2);
  }

  /** What the set occupies now. */
  get bytes(): number {
    return this.#rows.byteLength + this.#places.byteLength;
  }

  /** Adds `tuple`; its row number when it is new, minus one less its row number when it is not. */
  add(tuple: Int32Array): number {
    const width = this.width;
    const rows = this.#rows;
    const places = this.#places;
    const mask = places.length - 1;
    let place = hashTuple(tuple, 0, width) & mask;
    for (;;) {
      const row = (places[place] as number) - 1;
      if (row < 0) break;
      let column = 0;
      const base = row * width;
      while (column < width && rows[base + column] === tuple[column]) column += 1;
      if (column === width) return -1 - row;
      place = (place + 1) & mask;
    }
    const row = this.size;
    places[place] = row + 1;
    this.size = row + 1;
    const base = row * width;
    for (let column = 0; column < width; column++) rows[base + column] = tuple[column] as number;
    if (this.size * width === rows.length) this.#grow();
    return row;
  }

  /** Doubles both arrays: at most half of the places are ever taken. */
  #grow(): void {
    const width = this.width;
    const rows = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    const places = new Int32Array(this.#places.length * 2);
    const mask = places.length - 1;
    for (let row = 0; row < this.size; row++) {
      let place = hashTuple(rows, row * width, width) & mask;
      while (places[place] !== 0) place = (place + 1) & mask;
      places[place] = row + 1;
    }
    this.#rows = rows;
    this.#places = places;
  }
}

/** Multiplies and folds each column in, then mixes so that the low bits depend on all of them. */
function hashTuple(from: Int32Array, base: number, width: number): number {
  let hash = 0x9e3779b9 | 0;
  for (let column = 0; column < width; column++) {
    hash = Math.imul(hash ^ (from[base + column] as number), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash, 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
