// A machine's idea of time: its clocks run a little fast or slow, together or apart, and the wall
// clock jumps. A process sees it through a Clock that counts from before the process began.

import { assert } from '../src/base/assert.ts';
import type { Clock, Timer } from '../src/base/capabilities.ts';
import {
  Action,
  LABEL,
  type Process,
  type Scheduler,
  SimEvent,
  STEPS_PER_MS,
} from './scheduler.ts';

/** 2026-01-01T00:00:00Z: when every world begins. */
const EPOCH_MS = 1_767_225_600_000;

export class MachineTime {
  readonly #scheduler: Scheduler;
  /** Local milliseconds per true millisecond. */
  #rate = 1;
  /** True and local time when the rate last changed. */
  #anchorTrueMs = 0;
  #anchorLocalMs = 0;
  /** The wall clock has a source of its own: it is put right by others. */
  #wallRate = 1;
  #anchorWallTrueMs = 0;
  #anchorWallMs = EPOCH_MS;

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler;
  }

  /** Local milliseconds since the world began. Never goes back. */
  elapsedMs(): number {
    const trueMs = this.#scheduler.nowMs - this.#anchorTrueMs;
    if (this.#rate === 1) return this.#anchorLocalMs + trueMs;
    return this.#anchorLocalMs + Math.floor(trueMs * this.#rate * STEPS_PER_MS) / STEPS_PER_MS;
  }

  wallMs(): number {
    const trueMs = this.#scheduler.nowMs - this.#anchorWallTrueMs;
    if (this.#wallRate === 1) return this.#anchorWallMs + trueMs;
    return this.#anchorWallMs + Math.floor(trueMs * this.#wallRate * STEPS_PER_MS) / STEPS_PER_MS;
  }

  /** True milliseconds until `elapsedMs()` shows `localMs`, to be checked again on arrival. */
  trueDelayMs(localMs: number): number {
    return Math.max(0, (localMs - this.elapsedMs()) / this.#rate);
  }

  /** +100 ppm gains a millisecond in ten seconds. Timers that wait follow. */
  drift(partsPerMillion: number): void {
    this.driftWall(partsPerMillion);
    this.driftMonotonic(partsPerMillion);
  }

  driftWall(partsPerMillion: number): void {
    this.#anchorWallMs = this.wallMs();
    this.#anchorWallTrueMs = this.#scheduler.nowMs;
    this.#wallRate = 1 + partsPerMillion / 1_000_000;
  }

  driftMonotonic(partsPerMillion: number): void {
    assert(Math.abs(partsPerMillion) < 1_000_000, 'a drifting clock still goes forward');
    this.#anchorLocalMs = this.elapsedMs();
    this.#anchorTrueMs = this.#scheduler.nowMs;
    this.#rate = 1 + partsPerMillion / 1_000_000;
    const affected: SimTimer[] = [];
    for (const event of this.#scheduler.waiting()) {
      if (event instanceof SimTimer && event.machine === this) affected.push(event);
    }
    // The heap lists its entries in no order, and equal deadlines keep the order of their pushes.
    for (const timer of affected.toSorted((a, b) => a.number - b.number)) timer.replan();
  }

  jumpWall(byMs: number): void {
    this.#anchorWallMs += byMs;
  }
}

class SimTimer extends SimEvent implements Timer {
  readonly machine: MachineTime;
  readonly number: number;
  readonly #scheduler: Scheduler;
  readonly #deadlineLocalMs: number;
  readonly #callback: () => void;

  constructor(
    owner: Process,
    machine: MachineTime,
    scheduler: Scheduler,
    number: number,
    deadlineLocalMs: number,
    callback: () => void,
  ) {
    super(LABEL.timer, owner);
    this.machine = machine;
    this.number = number;
    this.#scheduler = scheduler;
    this.#deadlineLocalMs = deadlineLocalMs;
    this.#callback = callback;
  }

  fire(): void {
    // A drifting clock rounds down and may be a step short of the deadline; a timer never is.
    if (this.machine.elapsedMs() < this.#deadlineLocalMs) this.plan();
    else this.#callback();
  }

  plan(): void {
    const delayMs = this.machine.trueDelayMs(this.#deadlineLocalMs);
    this.#scheduler.schedule(this, delayMs);
  }

  replan(): void {
    this.#scheduler.cancel(this);
    this.plan();
  }

  cancel(): void {
    this.#scheduler.cancel(this);
    const backlog = this.owner?.backlog ?? [];
    const at = backlog.indexOf(this);
    if (at >= 0) backlog.splice(at, 1);
  }
}

export class SimClock implements Clock {
  readonly #scheduler: Scheduler;
  readonly #machine: MachineTime;
  readonly #process: Process;
  readonly #startMs: number;
  #timers = 0;

  /** `startMs`: local time that counts as zero for this process. */
  constructor(scheduler: Scheduler, machine: MachineTime, process: Process, startMs: number) {
    this.#scheduler = scheduler;
    this.#machine = machine;
    this.#process = process;
    this.#startMs = startMs;
  }

  monotonicMs(): number {
    return this.#machine.elapsedMs() - this.#startMs;
  }

  wallMs(): number {
    return this.#machine.wallMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    assert(delayMs >= 0 && Number.isFinite(delayMs), 'a delay is finite and not negative');
    // A delay that vanishes in the sum would stop time for whoever waits again and again.
    const lasting = delayMs > 0 ? Math.max(delayMs, 1 / STEPS_PER_MS) : 0;
    const deadlineMs = this.#machine.elapsedMs() + lasting;
    const timer = new SimTimer(
      this.#process,
      this.#machine,
      this.#scheduler,
      this.#timers++,
      deadlineMs,
      callback,
    );
    if (this.#process.alive) timer.plan();
    return timer;
  }

  afterTurn(callback: () => void): void {
    if (this.#process.alive) this.#scheduler.schedule(new Action(this.#process, callback), 0);
  }
}
