// Seeded randomness that is the same on every machine and in every process. A simulation is one
// seed; each of its parts draws from a stream of its own, derived from the seed and a name, so
// that adding a draw in one part does not change what another part sees.

import { assert } from './assert.ts';
import type { Random } from './capabilities.ts';

/** sfc32 (Small Fast Counter, Chris Doty-Humphrey): 128 bits of state, passes PractRand. */
export class Prng implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  private constructor(a: number, b: number, c: number) {
    this.#a = a;
    this.#b = b;
    this.#c = c;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** `seed` is any safe integer; `stream` names who draws. */
  static from(seed: number, stream = ''): Prng {
    assert(Number.isSafeInteger(seed), 'a seed is a safe integer, so that it prints and replays');
    const low = seed >>> 0;
    const high = Math.floor(seed / 2 ** 32) >>> 0;
    return new Prng(low, high, hashText(stream));
  }

  /** From true randomness: four words drawn by the engine at start. */
  static fromWords(words: readonly [number, number, number]): Prng {
    return new Prng(words[0] >>> 0, words[1] >>> 0, words[2] >>> 0);
  }

  u32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    this.#c |= 0;
    return sum >>> 0;
  }

  unit(): number {
    const high = this.u32() >>> 5;
    const low = this.u32() >>> 6;
    return (high * 2 ** 26 + low) / 2 ** 53;
  }

  below(bound: number): number {
    assert(Number.isInteger(bound) && bound >= 1 && bound <= 2 ** 32, 'below() takes 1..2^32');
    // Reject the uneven tail, or small values would come up more often than large ones.
    const even = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const drawn = this.u32();
      if (drawn < even) return drawn % bound;
    }
  }
}

/** FNV-1a over UTF-16 units: spreads stream names, nothing more is asked of it. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  return hash >>> 0;
}

/** Shuffles in place (Fisher-Yates). */
export function shuffle(items: unknown[], random: Random): void {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const kept = items[i];
    items[i] = items[j];
    items[j] = kept;
  }
}
