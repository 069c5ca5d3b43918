// The turn: inputs mark their replicas, and at its end all marked ones do their work together.
// All that they want written, sent and answered is gathered meanwhile, and leaves once.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/capabilities.ts';

/** A replica as the turn sees it: naming the class here would close a circle. */
export interface TurnMember {
  readonly isRunning: boolean;
  /** Whether it waits for the end of the turn. Changed by the turn alone. */
  isMarked: boolean;
  work(nowMs: number): void;
}

export interface TurnSteps {
  /** [H30] The ticks that are due by `nowMs` are made before anything else is looked at. */
  catchUp(nowMs: number): void;
  /** Every marked replica has worked: hands over what they gathered. */
  flush(nowMs: number): void;
  /** Also in turns after the end: every caller is answered. */
  deliver(): void;
}

export class Turn {
  readonly #clock: Clock;
  readonly #steps: TurnSteps;
  #marked: TurnMember[] = [];
  #isScheduled = false;
  #isClosed = false;
  #nowMs: number;

  constructor(clock: Clock, steps: TurnSteps) {
    this.#clock = clock;
    this.#steps = steps;
    this.#nowMs = clock.monotonicMs();
  }

  /** When this turn began, or the clock was last looked at, by the monotonic clock. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Looks at the clock, without ticks. */
  readClock(): number {
    const nowMs = this.#clock.monotonicMs();
    assert(nowMs >= this.#nowMs, '[H30] monotonic time does not go back');
    this.#nowMs = nowMs;
    return nowMs;
  }

  /** [H30] Reads the clock, and makes the ticks that are due. */
  catchUp(): void {
    this.#steps.catchUp(this.readClock());
  }

  /** A turn ends soon. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.afterTurn(this.#run);
  }

  /** `replica` has something to do at the end of the turn. */
  mark(replica: TurnMember): void {
    if (replica.isMarked) return;
    replica.isMarked = true;
    this.#marked.push(replica);
    this.schedule();
  }

  /** Nothing works any more; answers still leave. */
  close(): void {
    this.#isClosed = true;
    this.schedule();
  }

  readonly #run = (): void => {
    assert(this.#isScheduled, 'a turn runs when it was scheduled, once');
    this.#isScheduled = false;
    if (!this.#isClosed) {
      this.catchUp();
      const marked = this.#marked;
      this.#marked = [];
      for (const replica of marked) {
        assert(replica.isMarked, 'a replica is marked while it waits for the end of the turn');
        replica.isMarked = false;
        if (replica.isRunning) replica.work(this.#nowMs);
      }
      this.#steps.flush(this.#nowMs);
    }
    this.#steps.deliver();
  };
}
