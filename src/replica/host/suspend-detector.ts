// [H32] Time that the monotonic clock does not count: on Linux it stands still while the machine
// sleeps. Leases are made of its ticks, so that A, which led, slept for a minute and woke, would
// answer by a lease while B leads. The wall clock is set anew when a machine wakes: what it gains
// on the monotonic one was missed there, or it was set by somebody, which looks the same and costs
// little.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/capabilities.ts';

export class SuspendDetector {
  readonly #clock: Pick<Clock, 'wallMs'>;
  /** Less is rounding, or fits into what a lease is cut short by. */
  readonly #toleratedMs: number;
  readonly #doubtMs: number;
  /** The least by which the wall clock was ahead since it last gained too much. */
  #aheadMs: number;
  #doubtUntilMs = Number.NEGATIVE_INFINITY;

  /** `doubtMs`: for so long after a gain no lease counts. */
  constructor(clock: Clock, toleratedMs: number, doubtMs: number) {
    assert(toleratedMs >= 0 && doubtMs > 0, '[H32] a gain is doubted for a while');
    this.#clock = clock;
    this.#toleratedMs = toleratedMs;
    this.#doubtMs = doubtMs;
    this.#aheadMs = clock.wallMs() - clock.monotonicMs();
  }

  /** `nowMs` was just read: what passes between the two readings looks like a gain. */
  look(nowMs: number): void {
    const aheadMs = this.#clock.wallMs() - nowMs;
    const gainMs = aheadMs - this.#aheadMs;
    // Small gains are kept in mind: ten naps of 3 ms are a tick that nobody counted.
    if (gainMs > this.#toleratedMs) this.#doubtUntilMs = nowMs + this.#doubtMs;
    if (gainMs > this.#toleratedMs || gainMs < 0) this.#aheadMs = aheadMs;
  }

  isInDoubt(nowMs: number): boolean {
    return nowMs < this.#doubtUntilMs;
  }
}
