// Integers of varying length, for frames of which a member writes and reads many thousands a
// second: seven bits to a byte, the lowest first; the top bit says that another byte follows.

import { assert } from '../../base/assert.ts';
import { SAFE_MAX } from '../../base/bytes.ts';

/** The longest integer that is read: eight bytes hold 56 bits, a safe integer has 53. */
const VARINT_BYTES_MAX = 8;
const SMALL = 2 ** 31;

/** Appends to a buffer that grows and is used again after `reset`. */
export class PackedWriter {
  length = 0;
  #bytes: Uint8Array;

  constructor(bytesInitial = 1024) {
    this.#bytes = new Uint8Array(bytesInitial);
  }

  /** The bytes so far, as a view that the next write may overwrite. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  copy(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }

  reset(): void {
    this.length = 0;
  }

  u8(value: number): void {
    assert(value >= 0 && value <= 0xff, 'a byte is a byte');
    this.#reserve(1);
    this.#bytes[this.length] = value;
    this.length += 1;
  }

  varint(value: number): void {
    assert(value >= 0 && value <= SAFE_MAX, 'a counter is a safe non-negative integer');
    this.#reserve(VARINT_BYTES_MAX);
    const bytes = this.#bytes;
    let at = this.length;
    let rest = value;
    // Shifts work on 32 bits only; what is larger is brought below by division.
    while (rest >= SMALL) {
      bytes[at] = (rest % 128) | 0x80;
      at += 1;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 0x80) {
      bytes[at] = (rest & 0x7f) | 0x80;
      at += 1;
      rest >>>= 7;
    }
    bytes[at] = rest;
    this.length = at + 1;
  }

  append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
  }

  #reserve(count: number): void {
    const wanted = this.length + count;
    if (wanted <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}

/**
 * Reads bytes that may be hostile: past the end, or at an integer that is none, it sets `failed`
 * and yields zeros from then on.
 */
export class PackedReader {
  readonly bytes: Uint8Array;
  at: number;
  failed = false;

  constructor(bytes: Uint8Array, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  get remaining(): number {
    return this.bytes.length - this.at;
  }

  fail(): void {
    this.failed = true;
    this.at = this.bytes.length;
  }

  u8(): number {
    const value = this.bytes[this.at];
    if (value === undefined) {
      this.fail();
      return 0;
    }
    this.at += 1;
    return value;
  }

  varint(): number {
    const first = this.bytes[this.at];
    if (first !== undefined && first < 0x80) {
      this.at += 1;
      return first;
    }
    return this.#longVarint();
  }

  /** A view into what is read. */
  take(count: number): Uint8Array {
    assert(count >= 0, 'reading goes forward');
    const start = this.at;
    if (count > this.bytes.length - start) {
      this.fail();
      return this.bytes.subarray(0, 0);
    }
    this.at = start + count;
    return this.bytes.subarray(start, start + count);
  }

  #longVarint(): number {
    let value = 0;
    let scale = 1;
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.u8();
      if (this.failed) return 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value <= SAFE_MAX) return value;
        break;
      }
      scale *= 128;
    }
    this.fail();
    return 0;
  }
}
