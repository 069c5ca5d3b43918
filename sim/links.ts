// The state of the network between machines: how each direction of each pair treats what passes.

import { assert } from '../src/base/assert.ts';
import type { Prng } from '../src/base/prng.ts';

export interface LinkRules {
  /** Share of datagrams that vanish, and of stream segments that must be sent again. */
  readonly lossRate: number;
  /** Share of datagrams that arrive twice. */
  readonly duplicateRate: number;
  /** Share of datagrams that take `lateMs` longer, so that later ones overtake them. */
  readonly lateRate: number;
  readonly lateMs: number;
  /** Every passage takes at least this ... */
  readonly delayMsMin: number;
  /** ... and on average this much more, exponentially distributed: a few take far longer. */
  readonly delayMsMean: number;
}

/** A quiet local network. */
const CALM: LinkRules = {
  lossRate: 0,
  duplicateRate: 0,
  lateRate: 0,
  lateMs: 0,
  delayMsMin: 0.05,
  delayMsMean: 0.05,
};

/** Machines are numbered; a direction of a pair is one number. */
const MACHINES_MAX = 65_536;

export class Links {
  readonly #random: Prng;
  #rules: LinkRules = CALM;
  readonly #special = new Map<number, LinkRules>();
  readonly #cut = new Set<number>();
  #onMended: () => void = () => {};

  constructor(random: Prng) {
    this.#random = random;
  }

  /** Rules of all links that have none of their own. */
  all(change: Partial<LinkRules>): void {
    this.#rules = { ...this.#rules, ...change };
  }

  /** Rules of one direction, based on those of all links as they are now. */
  one(from: number, to: number, change: Partial<LinkRules>): void {
    this.#special.set(direction(from, to), { ...this.rules(from, to), ...change });
  }

  /** Nothing passes from `from` to `to`; the other direction is left as it is. */
  cut(from: number, to: number): void {
    this.#cut.add(direction(from, to));
  }

  mend(from: number, to: number): void {
    this.#cut.delete(direction(from, to));
    this.#onMended();
  }

  /** Ends all cuts; rules stay. */
  mendAll(): void {
    this.#cut.clear();
    this.#onMended();
  }

  get rulesOfAll(): LinkRules {
    return this.#rules;
  }

  /** Ends all cuts and all special rules. */
  heal(): void {
    this.#cut.clear();
    this.#special.clear();
    this.#onMended();
  }

  /** Called when something may pass again. */
  set onMended(listener: () => void) {
    this.#onMended = listener;
  }

  isCut(from: number, to: number): boolean {
    return this.#cut.size > 0 && this.#cut.has(direction(from, to));
  }

  rules(from: number, to: number): LinkRules {
    if (this.#special.size === 0) return this.#rules;
    return this.#special.get(direction(from, to)) ?? this.#rules;
  }

  /** How long one passage takes. */
  delayMs(rules: LinkRules): number {
    if (rules.delayMsMean === 0) return rules.delayMsMin;
    return rules.delayMsMin - Math.log(1 - this.#random.unit()) * rules.delayMsMean;
  }

  /** True in the share `rate` of all calls. Draws nothing for 0, so that calm worlds are fast. */
  happens(rate: number): boolean {
    return rate > 0 && this.#random.unit() < rate;
  }

  /** Uniform in [1, bound]. */
  upTo(bound: number): number {
    return 1 + this.#random.below(bound);
  }
}

function direction(from: number, to: number): number {
  assert(from < MACHINES_MAX && to < MACHINES_MAX, 'a world has few enough machines');
  return from * MACHINES_MAX + to;
}
