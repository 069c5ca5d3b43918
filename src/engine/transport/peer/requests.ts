// The requests of this side that wait for an answer. All their deadlines share one timer.

import type { Clock, Timer } from '../../../base/capabilities.ts';
import { DeadlineQueue, OUTSIDE, type Queued } from '../../../base/deadline-queue.ts';
import { FRAME } from './frame.ts';
import type { TurnEnd } from './turn-end.ts';
import type { RequestOutcome } from './types.ts';
import type { Wire } from './wire.ts';

type Done = (outcome: RequestOutcome) => void;

const DOWN: RequestOutcome = { kind: 'refused', reason: 'down' };
const FULL: RequestOutcome = { kind: 'refused', reason: 'full' };
const TIMEOUT: RequestOutcome = { kind: 'unknown', reason: 'timeout' };
const LOST: RequestOutcome = { kind: 'unknown', reason: 'connectionLost' };
const CANCELLED: RequestOutcome = { kind: 'unknown', reason: 'cancelled' };

const ID_MAX = 2 ** 32 - 1;

class Waiting implements Queued {
  atMs: number;
  order = 0;
  slot = OUTSIDE;
  readonly id: number;
  readonly wire: Wire;
  /** Where it begins in all that the wire's ordinary lane takes. */
  readonly startsAt: number;
  readonly done: Done;

  constructor(atMs: number, id: number, wire: Wire, startsAt: number, done: Done) {
    this.atMs = atMs;
    this.id = id;
    this.wire = wire;
    this.startsAt = startsAt;
    this.done = done;
  }
}

export class Requests {
  readonly #clock: Clock;
  readonly #turnEnd: TurnEnd;
  readonly #max: number;
  readonly #waiting = new Map<number, Waiting>();
  readonly #deadlines = new DeadlineQueue<Waiting>();
  #timer: Timer | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #lastId = 0;

  constructor(clock: Clock, turnEnd: TurnEnd, max: number) {
    this.#clock = clock;
    this.#turnEnd = turnEnd;
    this.#max = max;
  }

  get size(): number {
    return this.#waiting.size;
  }

  ask(
    wire: Wire | undefined,
    kind: number,
    body: Uint8Array,
    timeoutMs: number,
    done: Done,
  ): number {
    const id = this.#nextId();
    const startsAt = wire?.ordinaryEnd ?? 0;
    const outcome = this.#send(wire, kind, id, body, timeoutMs);
    if (wire === undefined || outcome !== undefined) {
      this.#tellLater(done, outcome ?? DOWN);
      return id;
    }
    const waiting = new Waiting(this.#clock.monotonicMs() + timeoutMs, id, wire, startsAt, done);
    this.#waiting.set(id, waiting);
    this.#deadlines.push(waiting);
    if (waiting.atMs < this.#timerAtMs) this.#arm();
    return id;
  }

  /** The outcome, if it is clear at once. */
  #send(
    wire: Wire | undefined,
    kind: number,
    id: number,
    body: Uint8Array,
    timeoutMs: number,
  ): RequestOutcome | undefined {
    if (wire === undefined) return DOWN;
    if (this.#waiting.size >= this.#max) return FULL;
    const sent = wire.send('ordinary', FRAME.request, kind, id, body, Math.ceil(timeoutMs));
    if (sent === 'queued') return undefined;
    return sent === 'full' ? FULL : DOWN;
  }

  /** [T14] An answer came. Nobody waits for it when it is late, or never was asked for. */
  answer(wire: Wire, id: number, outcome: RequestOutcome): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined || waiting.wire !== wire) return;
    this.#forget(waiting);
    waiting.done(outcome);
  }

  /** [T15] The asked is told, and need not answer. */
  cancel(id: number): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#forget(waiting);
    waiting.wire.sendEmpty(FRAME.cancel, 0, id);
    this.#tellLater(waiting.done, CANCELLED);
  }

  /** [T13] The wire is gone: what was never written had no effect, of the rest nothing is known. */
  lose(wire: Wire): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.wire !== wire) continue;
      this.#forget(waiting);
      const hasLeft = wire.ordinaryWritten > waiting.startsAt;
      this.#tellLater(waiting.done, hasLeft ? LOST : DOWN);
    }
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** [T12] An outcome that is clear within the call that asked is told at the turn's end. */
  #tellLater(done: Done, outcome: RequestOutcome): void {
    this.#turnEnd.later(() => done(outcome));
  }

  #forget(waiting: Waiting): void {
    this.#waiting.delete(waiting.id);
    this.#deadlines.remove(waiting);
  }

  #nextId(): number {
    do {
      this.#lastId = this.#lastId >= ID_MAX ? 1 : this.#lastId + 1;
    } while (this.#waiting.has(this.#lastId));
    return this.#lastId;
  }

  /** Sets the timer to the first deadline. Most requests are answered before: it is set rarely. */
  #arm(): void {
    this.#timer?.cancel();
    const first = this.#deadlines.peek();
    if (first === undefined) {
      this.#timer = undefined;
      this.#timerAtMs = Number.POSITIVE_INFINITY;
      return;
    }
    this.#timerAtMs = first.atMs;
    const delayMs = Math.max(0, first.atMs - this.#clock.monotonicMs());
    this.#timer = this.#clock.setTimer(delayMs, () => this.#expire());
  }

  #expire(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#timerAtMs = Number.NEGATIVE_INFINITY;
    for (;;) {
      const first = this.#deadlines.peek();
      if (first === undefined || first.atMs > nowMs) break;
      this.#waiting.delete(first.id);
      this.#deadlines.remove(first);
      first.done(TIMEOUT);
    }
    this.#arm();
  }
}
