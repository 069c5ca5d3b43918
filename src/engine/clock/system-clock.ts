// The machine's clock. Node's own timers keep one list per duration and round to milliseconds, so a
// timer can fire a little early and two timers can fire in the wrong order; the Clock contract
// promises neither. All timers of a member therefore wait in one heap behind a single Node timer.

import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import { DeadlineQueue, OUTSIDE, type Queued } from '../../base/deadline-queue.ts';

/** Node fires anything longer at once; longer waits are made of several. */
const NODE_DELAY_MS_MAX = 2 ** 31 - 1;

class SystemTimer implements Timer, Queued {
  atMs: number;
  order = 0;
  slot = OUTSIDE;
  readonly callback: () => void;
  readonly #drop: (timer: SystemTimer) => void;

  constructor(atMs: number, callback: () => void, drop: (timer: SystemTimer) => void) {
    this.atMs = atMs;
    this.callback = callback;
    this.#drop = drop;
  }

  cancel(): void {
    this.#drop(this);
  }
}

export class SystemClock implements Clock {
  readonly #waiting = new DeadlineQueue<SystemTimer>();
  #alarm: NodeJS.Timeout | undefined;
  /** When `#alarm` goes off. That may find nothing due: most cancellations leave it alone. */
  #alarmAtMs = Number.POSITIVE_INFINITY;

  monotonicMs(): number {
    return performance.now();
  }

  wallMs(): number {
    return Date.now();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    assert(delayMs >= 0 && Number.isFinite(delayMs), 'a delay is finite and not negative');
    const timer = new SystemTimer(this.monotonicMs() + delayMs, callback, this.#drop);
    this.#waiting.push(timer);
    if (timer.atMs < this.#alarmAtMs) this.#arm();
    return timer;
  }

  afterTurn(callback: () => void): void {
    setImmediate(callback);
  }

  readonly #drop = (timer: SystemTimer): void => {
    this.#waiting.remove(timer);
    if (this.#waiting.size === 0) this.#arm();
  };

  /** Sets the alarm to the first deadline, or stops it so that an idle process can end. */
  #arm(): void {
    clearTimeout(this.#alarm);
    const first = this.#waiting.peek();
    if (first === undefined) {
      this.#alarm = undefined;
      this.#alarmAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    const delayMs = Math.max(1, Math.ceil(first.atMs - this.monotonicMs()));
    this.#alarmAtMs = first.atMs;
    this.#alarm = setTimeout(() => this.#fire(), Math.min(delayMs, NODE_DELAY_MS_MAX));
  }

  #fire(): void {
    // One reading for the whole sweep: a callback that sets a timer of 0 ms again and again gets
    // its turn in the next sweep and cannot keep the event loop from everything else.
    const nowMs = this.monotonicMs();
    this.#alarmAtMs = Number.NEGATIVE_INFINITY;
    try {
      for (;;) {
        const first = this.#waiting.peek();
        if (first === undefined || first.atMs > nowMs) break;
        this.#waiting.remove(first);
        first.callback();
      }
    } finally {
      this.#arm();
    }
  }
}
