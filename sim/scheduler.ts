// Virtual time: one queue of events for a whole world. Nothing happens between two events, and time
// moves only when one is taken out.
//
// Members are ordinary asynchronous programs, so an event may leave promise continuations behind.
// These belong to the moment of their event: `run` drains them all (one macrotask per event) before
// time moves on, which keeps their order a pure function of the seed.

import { assert } from '../src/base/assert.ts';
import { DeadlineQueue, OUTSIDE, type Queued } from '../src/base/deadline-queue.ts';
import { Trace } from './trace.ts';

/** Names of events in the trace. The numbers are part of the trace hash. */
export const LABEL = {
  timer: 1,
  datagram: 2,
  stream: 3,
  completion: 4,
  action: 5,
} as const;

/** A running process of a member. After a crash the next start is another one. */
export interface Process {
  /** Number of the member, for the trace. */
  readonly index: number;
  alive: boolean;
  /** Stopped as by SIGSTOP: its events wait in `backlog` until it goes on. */
  paused: boolean;
  /** What the next event takes of its time; undefined where events take none. */
  costMs: (() => number) | undefined;
  /** The event before is at work until then, and others wait in `backlog`. */
  busyUntilMs: number;
  readonly backlog: SimEvent[];
}

export abstract class SimEvent implements Queued {
  atMs = 0;
  order = 0;
  slot = OUTSIDE;
  readonly label: number;
  /** Without one the event belongs to the world and always fires. */
  readonly owner: Process | undefined;
  /** What the trace keeps of the event's content. */
  readonly fingerprint: number;

  constructor(label: number, owner: Process | undefined, fingerprint = 0) {
    this.label = label;
    this.owner = owner;
    this.fingerprint = fingerprint;
  }

  abstract fire(): void;
}

/** Time has steps of 1/1024 ms. Sums and differences of such numbers are exact doubles. */
export const STEPS_PER_MS = 1024;

function ceilToStep(ms: number): number {
  return Math.ceil(ms * STEPS_PER_MS) / STEPS_PER_MS;
}

/** A program that sets itself a timer for now, again and again, stops the world. */
const EVENTS_AT_ONCE_MAX = 1_000_000;

/** Turns of `run` that are set at once. */
const IMMEDIATES_AHEAD_MAX = 64;

export class Scheduler {
  readonly trace = new Trace();
  /** Called after every event, before its continuations run. */
  onEvent: ((event: SimEvent) => void) | undefined;
  readonly #queue = new DeadlineQueue<SimEvent>();
  #nowMs = 0;
  #events = 0;
  #eventsAtOnce = 0;
  #delayed = 0;

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events fired since the world began. */
  get events(): number {
    return this.#events;
  }

  /** Events that waited for one before them. */
  get delayed(): number {
    return this.#delayed;
  }

  schedule(event: SimEvent, delayMs: number): void {
    assert(delayMs >= 0, 'nothing is scheduled in the past');
    event.atMs = this.#nowMs + ceilToStep(delayMs);
    this.#queue.push(event);
  }

  cancel(event: SimEvent): void {
    this.#queue.remove(event);
  }

  /** Events that wait, in no order. */
  waiting(): Iterable<SimEvent> {
    return this.#queue.entries();
  }

  /** Puts a stopped process back to work: what waited for it happens now, in the old order. */
  wake(process: Process): void {
    process.paused = false;
    for (const event of process.backlog.splice(0)) this.schedule(event, 0);
  }

  /** Keeps an event for a process that is stopped. */
  defer(event: SimEvent, process: Process): void {
    process.backlog.push(event);
  }

  /** Fires the next event if it is due by `limitMs`. */
  #step(limitMs: number): boolean {
    const event = this.#queue.peek();
    if (event === undefined || event.atMs > limitMs) return false;
    this.#queue.remove(event);
    assert(event.atMs >= this.#nowMs, 'time never goes back');
    if (event.atMs > this.#nowMs) this.#eventsAtOnce = 0;
    this.#eventsAtOnce += 1;
    assert(this.#eventsAtOnce < EVENTS_AT_ONCE_MAX, 'time goes on');
    this.#nowMs = event.atMs;
    const owner = event.owner;
    if (owner !== undefined) {
      if (!owner.alive) return true;
      if (owner.paused) {
        this.defer(event, owner);
        return true;
      }
      if (
        owner.costMs !== undefined &&
        (owner.busyUntilMs > this.#nowMs || owner.backlog.length > 0)
      ) {
        this.#delayed += 1;
        this.defer(event, owner);
        if (owner.backlog.length === 1) this.#goOnLater(owner);
        return true;
      }
    }
    this.#fire(event);
    return true;
  }

  #fire(event: SimEvent): void {
    const { owner } = event;
    this.#events += 1;
    this.trace.note(this.#nowMs, event.label, owner?.index ?? -1, event.fingerprint);
    event.fire();
    if (owner?.costMs !== undefined) owner.busyUntilMs = this.#nowMs + owner.costMs();
    this.onEvent?.(event);
  }

  #goOnLater(owner: Process): void {
    const delayMs = Math.max(0, owner.busyUntilMs - this.#nowMs);
    this.schedule(new Action(undefined, () => this.#goOn(owner)), delayMs);
  }

  /** The oldest of the events that wait, in their order: streams depend on it. */
  #goOn(owner: Process): void {
    if (!owner.alive || owner.paused || owner.backlog.length === 0) return;
    if (owner.busyUntilMs <= this.#nowMs) this.#fire(owner.backlog.shift() as SimEvent);
    if (owner.backlog.length > 0) this.#goOnLater(owner);
  }

  /**
   * Runs to `limitMs`, or until `done` after some event. True when `done` stopped it. Time stands
   * at `limitMs` afterwards if it was reached.
   */
  run(limitMs: number, done: () => boolean): Promise<boolean> {
    return new Promise((resolve, reject) => {
      // Node drains promises between two immediates. Setting many at once spares most of the event
      // loop's own work, which would cost more than the events; those left at the end do nothing.
      let ahead = 0;
      let batch = 1;
      let finished = false;
      const finish = (settle: () => void): void => {
        finished = true;
        settle();
      };
      const turn = (): void => {
        ahead -= 1;
        if (finished) return;
        try {
          if (done()) return finish(() => resolve(true));
          if (!this.#step(limitMs)) {
            if (Number.isFinite(limitMs)) this.#nowMs = Math.max(this.#nowMs, limitMs);
            return finish(() => resolve(false));
          }
        } catch (error) {
          return finish(() => reject(error));
        }
        if (ahead === 0) refill();
      };
      const refill = (): void => {
        ahead = batch;
        for (let i = 0; i < batch; i++) setImmediate(turn);
        batch = Math.min(batch * 2, IMMEDIATES_AHEAD_MAX);
      };
      refill();
    });
  }
}

/** Something rare that happens later; frequent events have classes of their own. */
export class Action extends SimEvent {
  readonly #work: () => void;

  constructor(owner: Process | undefined, work: () => void) {
    super(LABEL.action, owner);
    this.#work = work;
  }

  fire(): void {
    this.#work();
  }
}

/** An asynchronous call of a capability: does its work when it fires, then settles its promise. */
class Completion<Result> extends SimEvent {
  readonly #work: () => Result;
  readonly #resolve: (result: Result) => void;
  readonly #reject: (error: unknown) => void;

  constructor(
    owner: Process,
    work: () => Result,
    resolve: (result: Result) => void,
    reject: (error: unknown) => void,
  ) {
    super(LABEL.completion, owner);
    this.#work = work;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  fire(): void {
    try {
      this.#resolve(this.#work());
    } catch (error) {
      this.#reject(error);
    }
  }
}

/** Does `work` after `delayMs`. The promise of a process that died meanwhile never settles. */
export function completeLater<Result>(
  scheduler: Scheduler,
  owner: Process,
  delayMs: number,
  work: () => Result,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    scheduler.schedule(new Completion(owner, work, resolve, reject), delayMs);
  });
}
