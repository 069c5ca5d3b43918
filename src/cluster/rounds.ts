// The beat of gossip: one call at once, then one per interval, measured from the start so that
// the time a round takes does not add up.

import { assert } from '../base/assert.ts';
import type { Clock, Timer } from '../base/capabilities.ts';

export class Rounds {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #onRound: () => void;
  #dueMs = 0;
  #timer: Timer | undefined;
  #running = false;

  constructor(clock: Clock, intervalMs: number, onRound: () => void) {
    assert(intervalMs > 0, 'a round has a length');
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#onRound = onRound;
  }

  start(): void {
    assert(!this.#running, 'rounds start once');
    this.#running = true;
    this.#dueMs = this.#clock.monotonicMs();
    this.#beat();
  }

  stop(): void {
    this.#running = false;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #beat(): void {
    this.#onRound();
    // The callback may have stopped us.
    if (!this.#running) return;
    const now = this.#clock.monotonicMs();
    this.#dueMs += this.#intervalMs;
    // After a pause (a suspended laptop, a stopped process) the missed rounds are dropped: made up
    // in a burst they would tell peers nothing that the next round does not.
    if (this.#dueMs <= now) {
      const missed = Math.floor((now - this.#dueMs) / this.#intervalMs) + 1;
      this.#dueMs += missed * this.#intervalMs;
    }
    this.#timer = this.#clock.setTimer(this.#dueMs - now, () => this.#beat());
  }
}
