// The member's one beat. Shards tick in phases, so that the work of many is spread; time
// that was missed (a long turn, a stopped process) is made up for before anything else is looked
// at: leases and elections count ticks and believe that they are time.

import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import type { HostSettings } from './settings.ts';
import { SuspendDetector } from './suspend-detector.ts';

/** [H33] `isLate`: all phases had a step already since the timer was last heard. */
export type OnStep = (step: number, isLate: boolean) => void;

export class Ticker {
  readonly #clock: Clock;
  readonly #stepMs: number;
  readonly #phases: number;
  readonly #startMs: number;
  readonly #onStep: OnStep;
  /** True while no shard ticks: then nothing is to be spread over the phases. */
  readonly #isIdle: () => boolean;
  /** Longest time that is made up for, in steps. */
  readonly #stepsMax: number;
  readonly #suspends: SuspendDetector;
  #steps = 0;
  /** Since the timer was last heard: one round of the events of this process. */
  #stepsOfRound = 0;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(
    clock: Clock,
    settings: HostSettings,
    onStep: OnStep,
    isIdle: () => boolean = () => false,
  ) {
    this.#clock = clock;
    this.#phases = settings.phases;
    this.#stepMs = settings.tickMs / settings.phases;
    // [H31] After an election timeout a lease is over and a follower may campaign: more ticks would
    // say nothing new, and make a leader doubt peers that it had no time to hear.
    this.#stepsMax = settings.electionTicks * settings.phases;
    this.#startMs = clock.monotonicMs();
    // [H32] After as many ticks no lease is left of those that began before.
    const doubtMs = settings.electionTicks * settings.tickMs;
    this.#suspends = new SuspendDetector(clock, settings.tickMs / 2, doubtMs);
    assert(this.#stepMs > 0, '[H30] time goes forward');
    this.#onStep = onStep;
    this.#isIdle = isIdle;
  }

  start(): void {
    assert(this.#timer === undefined, 'a ticker starts once');
    this.#arm();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  /** [H30] Makes up for the steps that are due. Cheap when none is. */
  catchUp(nowMs: number): void {
    this.#suspends.look(nowMs);
    const due = this.#stepsDue(nowMs);
    if (due <= this.#steps || this.#isClosed) return;
    // Time further back is left out.
    this.#steps = Math.max(this.#steps, due - this.#stepsMax);
    assert(due - this.#steps <= this.#stepsMax, '[H31] an election timeout is made up for at most');
    while (this.#steps < due) {
      this.#steps += 1;
      this.#stepsOfRound += 1;
      this.#onStep(this.#steps, this.#stepsOfRound > this.#phases);
    }
  }

  /** True when ticks are time: none became due since the last one, and [H32] none was missed. */
  isCurrent(nowMs: number): boolean {
    this.#suspends.look(nowMs);
    return nowMs < this.#timeOf(this.#steps + 1) && !this.#suspends.isInDoubt(nowMs);
  }

  #timeOf(step: number): number {
    return this.#startMs + step * this.#stepMs;
  }

  /**
   * The division may be off by a rounding, and say that the step for which the timer was set is not
   * due yet: the timer would be set for now, again and again. `#timeOf` decides.
   */
  #stepsDue(nowMs: number): number {
    const guess = Math.floor((nowMs - this.#startMs) / this.#stepMs);
    if (this.#timeOf(guess + 1) <= nowMs) return guess + 1;
    return this.#timeOf(guess) <= nowMs ? guess : guess - 1;
  }

  /** An idle member wakes up once per tick: a shard that wakes meanwhile is no later than that. */
  #arm(): void {
    const next = this.#steps + (this.#isIdle() ? this.#phases : 1);
    const delayMs = Math.max(0, this.#timeOf(next) - this.#clock.monotonicMs());
    this.#timer = this.#clock.setTimer(delayMs, () => {
      this.#stepsOfRound = 0;
      this.catchUp(this.#clock.monotonicMs());
      if (!this.#isClosed) this.#arm();
    });
  }
}
