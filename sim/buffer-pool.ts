// Buffers that are used again, in sizes of powers of two. Crowds of members send hundreds of
// megabytes per simulated second; fresh memory for each datagram costs more than all else.

import { assert } from '../src/base/assert.ts';

const CLASS_MIN = 6;
const CLASS_MAX = 16;
/** Bytes kept per size; what comes back beyond that is left to the garbage collector. */
const IDLE_BYTES_MAX = 64 * 1024 * 1024;

export class BufferPool {
  readonly #idle: Uint8Array[][] = Array.from({ length: CLASS_MAX + 1 }, () => []);

  /** A buffer with the bytes at its start. It may be longer. */
  copyOf(bytes: Uint8Array): Uint8Array {
    const buffer = this.#idle[sizeClass(bytes.length)]?.pop() ?? fresh(bytes.length);
    buffer.set(bytes);
    return buffer;
  }

  /** Whoever still looks at the buffer will see other bytes. */
  giveBack(buffer: Uint8Array): void {
    const idle = this.#idle[sizeClass(buffer.length)];
    assert(idle !== undefined, 'a buffer comes back whole');
    if (idle.length * buffer.length < IDLE_BYTES_MAX) idle.push(buffer);
  }
}

function fresh(length: number): Uint8Array {
  return new Uint8Array(2 ** sizeClass(length));
}

function sizeClass(length: number): number {
  assert(length <= 2 ** CLASS_MAX, 'a datagram is shorter than 64 KiB');
  return Math.max(CLASS_MIN, 32 - Math.clz32(Math.max(1, length) - 1));
}
