// Draws what a seed is about, from a stream of its own.

import type { Random } from '../src/base/capabilities.ts';
import { Prng } from '../src/base/prng.ts';

export class Dice {
  readonly random: Random;

  constructor(random: Random) {
    this.random = random;
  }

  static of(seed: number, stream: string): Dice {
    return new Dice(Prng.from(seed, stream));
  }

  chance(probability: number): boolean {
    return this.random.unit() < probability;
  }

  between(low: number, high: number): number {
    return low + this.random.below(high - low + 1);
  }

  oneOf<T>(items: readonly T[]): T {
    return items[this.random.below(items.length)] as T;
  }

  /** `value` with the given probability, else 0: the class is not part of this seed. */
  maybe(probability: number, value: number): number {
    return this.chance(probability) ? value : 0;
  }
}
