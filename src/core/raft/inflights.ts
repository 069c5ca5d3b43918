// The window of appends that are on their way to one peer: a ring of (last index, bytes).
//
//   #start                    #start + count
//     |                             |
//   [ 11,3 | 12,40 | 15,7 | 16,1 |  .  |  .  ]   freeUpTo(15) frees the first three
//
// The limits are soft towards the last one in: an append that passes the byte limit is still taken.

import { assert, implies } from '../../base/assert.ts';

const INITIAL_CAPACITY = 8;

export class Inflights {
  readonly #messagesMax: number;
  readonly #bytesMax: number;
  #indexes = new Float64Array(0);
  #sizes = new Float64Array(0);
  #start = 0;
  #count = 0;
  #bytes = 0;

  constructor(messagesMax: number, bytesMax: number) {
    assert(messagesMax >= 1 && bytesMax >= 1, '[R31] a window that holds nothing never moves');
    this.#messagesMax = messagesMax;
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  isFull(): boolean {
    return this.#count >= this.#messagesMax || this.#bytes >= this.#bytesMax;
  }

  /** An append whose last entry is at `index` leaves. Never when full. */
  add(index: number, bytes: number): void {
    assert(!this.isFull(), '[R31] nothing is sent past a full window');
    if (this.#count === this.#indexes.length) this.#grow();
    const capacity = this.#indexes.length;
    let at = this.#start + this.#count;
    if (at >= capacity) at -= capacity;
    const newest = at === 0 ? capacity - 1 : at - 1;
    assert(
      this.#count === 0 || (this.#indexes[newest] as number) < index,
      '[R31] appends leave in the order of their entries',
    );
    this.#indexes[at] = index;
    this.#sizes[at] = bytes;
    this.#count += 1;
    this.#bytes += bytes;
    assert(this.#count <= capacity, '[R31] the ring grows before it overflows');
  }

  /** Everything up to `index` arrived. Acknowledgements may skip some or come late. */
  freeUpTo(index: number): void {
    while (this.#count > 0 && (this.#indexes[this.#start] as number) <= index) {
      this.#bytes -= this.#sizes[this.#start] as number;
      this.#count -= 1;
      this.#start += 1;
      if (this.#start === this.#indexes.length) this.#start = 0;
    }
    assert(this.#bytes >= 0, '[R31] what was freed had been counted');
    implies(this.#count === 0, this.#bytes === 0, '[R31] an empty window weighs nothing');
  }

  reset(): void {
    this.#start = 0;
    this.#count = 0;
    this.#bytes = 0;
  }

  /** The window may be allowed to be huge: room is made as it is used. */
  #grow(): void {
    const old = this.#indexes.length;
    assert(this.#count === old, '[R31] the ring grows only when it is full');
    const capacity = Math.max(INITIAL_CAPACITY, old * 2);
    const indexes = new Float64Array(capacity);
    const sizes = new Float64Array(capacity);
    for (let i = 0; i < this.#count; i++) {
      const from = (this.#start + i) % old;
      indexes[i] = this.#indexes[from] as number;
      sizes[i] = this.#sizes[from] as number;
    }
    this.#indexes = indexes;
    this.#sizes = sizes;
    this.#start = 0;
  }
}
