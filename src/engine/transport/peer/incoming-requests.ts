// The requests of the other side that wait for an answer from this one.

import { assert } from '../../../base/assert.ts';
import type { Clock } from '../../../base/capabilities.ts';
import { LIMITS } from '../../../base/limits.ts';
import { FRAME, REFUSAL } from './frame.ts';
import type { IncomingRequest, MemberId } from './types.ts';
import type { Wire } from './wire.ts';

/** A deadline further away is a mistake of the caller's. */
const DEADLINE_MS_MAX = 24 * 3_600_000;

class Incoming implements IncomingRequest {
  readonly from: MemberId;
  readonly kind: number;
  body: Uint8Array;
  readonly deadlineMs: number;
  readonly id: number;
  isAbandoned = false;
  #isAnswered = false;
  readonly #requests: IncomingRequests;

  constructor(
    requests: IncomingRequests,
    from: MemberId,
    kind: number,
    id: number,
    body: Uint8Array,
    deadlineMs: number,
  ) {
    this.#requests = requests;
    this.from = from;
    this.kind = kind;
    this.id = id;
    this.body = body;
    this.deadlineMs = deadlineMs;
  }

  /** It may wait long for its answer, and not be alone: it costs little meanwhile. */
  forgetBody(): void {
    this.body = NOTHING;
  }

  respond(body: Uint8Array): void {
    assert(body.length <= LIMITS.peer.frameBytesMax, 'an answer fits a frame');
    this.#answerOnce();
    this.#requests.answer(this, FRAME.response, 0, body);
  }

  refuse(reason: keyof typeof REFUSAL): void {
    this.#answerOnce();
    this.#requests.answer(this, FRAME.refusal, REFUSAL[reason], NOTHING);
  }

  #answerOnce(): void {
    assert(!this.#isAnswered, 'a request is answered once');
    this.#isAnswered = true;
  }
}

const NOTHING = new Uint8Array(0);

export class IncomingRequests {
  readonly #clock: Clock;
  readonly #wire: Wire;
  readonly #max: number;
  readonly #open = new Map<number, Incoming>();

  constructor(clock: Clock, wire: Wire, max: number) {
    this.#clock = clock;
    this.#wire = wire;
    this.#max = max;
  }

  /** The request for the handler; undefined when it is refused, 'broken' when it makes no sense. */
  take(
    from: MemberId,
    kind: number,
    id: number,
    timeoutMs: number,
    body: Uint8Array,
  ): Incoming | undefined | 'broken' {
    if (this.#open.has(id) || timeoutMs > DEADLINE_MS_MAX) return 'broken';
    const nowMs = this.#clock.monotonicMs();
    if (this.#open.size >= this.#max) this.#forgetOverdue(nowMs);
    if (this.#open.size >= this.#max) {
      this.#wire.send('ordinary', FRAME.refusal, REFUSAL.full, id, NOTHING);
      return undefined;
    }
    const request = new Incoming(this, from, kind, id, body, nowMs + timeoutMs);
    this.#open.set(id, request);
    return request;
  }

  cancel(id: number): void {
    const request = this.#open.get(id);
    if (request !== undefined) this.#abandon(request);
  }

  answer(request: Incoming, type: number, kind: number, body: Uint8Array): void {
    if (request.isAbandoned) return;
    this.#open.delete(request.id);
    const sent = this.#wire.send('ordinary', type, kind, request.id, body);
    // The caller must not wait for an answer that never comes: it learns that the line is gone.
    if (sent === 'full') this.#wire.cut('answers are not read');
    else this.#wire.holdBack();
  }

  abandonAll(): void {
    for (const request of this.#open.values()) this.#abandon(request);
  }

  /** Those whose callers gave up long ago; only looked for when there is no room. */
  #forgetOverdue(nowMs: number): void {
    for (const request of this.#open.values()) {
      if (request.deadlineMs < nowMs) this.#abandon(request);
    }
  }

  #abandon(request: Incoming): void {
    request.isAbandoned = true;
    this.#open.delete(request.id);
  }
}
