// The configurations that the search has been in. What is placed of the operations that returned,
// and the state, have to be the same to be the same. Of the pending ones it is enough that an
// earlier visit had placed no others: it had the same ways to go on, and more (C6).

import { TupleSet } from './tuple-set.ts';

const NONE = -1;
const ENTRIES_INITIAL = 64;

export class Tried {
  readonly #tuples: TupleSet;
  readonly #words: number;
  /** By row of `#tuples`: the first entry of its chain in `#entries`. */
  #firstEntry = new Int32Array(ENTRIES_INITIAL);
  /** Each entry is the index of the next one of its chain, then the words of a set. */
  #entries: Int32Array<ArrayBuffer>;
  #entryCount = 0;

  /** `width` of the tuples, `words` for the set of pending operations. */
  constructor(width: number, words: number) {
    this.#tuples = new TupleSet(width);
    this.#words = words;
    this.#entries = new Int32Array(ENTRIES_INITIAL * (words + 1));
  }

  get bytes(): number {
    return this.#tuples.bytes + this.#firstEntry.byteLength + this.#entries.byteLength;
  }

  /** False when the configuration needs no visit. */
  add(tuple: Int32Array, pendingPlaced: Int32Array): boolean {
    const row = this.#tuples.add(tuple);
    if (this.#words === 0) return row >= 0;
    if (row >= 0) {
      this.#firstEntry = grown(this.#firstEntry, row + 1);
      this.#firstEntry[row] = this.#append(NONE, pendingPlaced);
      return true;
    }
    const known = -1 - row;
    const first = this.#firstEntry[known] as number;
    if (this.#hasSubset(first, pendingPlaced)) return false;
    this.#firstEntry[known] = this.#append(first, pendingPlaced);
    return true;
  }

  #hasSubset(first: number, pendingPlaced: Int32Array): boolean {
    const words = this.#words;
    const entries = this.#entries;
    for (let entry = first; entry !== NONE; entry = entries[entry] as number) {
      let word = 0;
      while (word < words) {
        const before = entries[entry + 1 + word] as number;
        if ((before & ~(pendingPlaced[word] as number)) !== 0) break;
        word += 1;
      }
      if (word === words) return true;
    }
    return false;
  }

  #append(next: number, pendingPlaced: Int32Array): number {
    const at = this.#entryCount * (this.#words + 1);
    this.#entries = grown(this.#entries, at + this.#words + 1);
    this.#entries[at] = next;
    this.#entries.set(pendingPlaced, at + 1);
    this.#entryCount += 1;
    return at;
  }
}

/** The array itself, or a larger copy where `length` does not fit. */
function grown(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= array.length) return array;
  const larger = new Int32Array(Math.max(length, array.length * 2));
  larger.set(array);
  return larger;
}
