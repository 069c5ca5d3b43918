// Reads that wait at the leader. A read may be served at the commit index of the moment it came,
// once a quorum confirmed that this leader was still the leader after that moment.
//
// Confirmation goes by rounds: a round has a number, rides in heartbeats, and a response with
// number n confirms all rounds up to n. Rounds are numbered here and never by what a caller says.
// [R50] Suppose the caller's words named them: A confirms read "x" for B in round "x"; later B asks
// "x" again; a delayed response to the first heartbeat would confirm the second read with news from
// before it was asked, and a new leader C may have committed something in between.

import { assert } from '../../base/assert.ts';
import type { NodeId } from './types.ts';

export interface ReadRequest {
  /** Who asked: this node or the follower that forwarded. */
  readonly from: NodeId;
  readonly ticket: number;
  /** A lease is not enough for whoever asks. */
  readonly byRound: boolean;
}

export interface ReadRound {
  readonly number: number;
  /** The commit index when the round began: all its requests came while it stood there. */
  readonly index: number;
  /** The leader's clock when its heartbeats were made. */
  readonly sentAtTick: number;
  readonly requests: ReadRequest[];
}

export class ReadRounds {
  readonly #requestsMax: number;
  #rounds: ReadRound[] = [];
  /** Before the first commit of the term nothing can be answered: requests queue up here. */
  #waiting: ReadRequest[] = [];
  #requestCount = 0;
  /** Never falls and never restarts: a late response cannot confirm a later round. */
  #newest = 0;
  /** The newest round's heartbeats have not left yet: more requests may join it. */
  #isOpen = false;

  constructor(requestsMax: number) {
    this.#requestsMax = requestsMax;
  }

  get newest(): number {
    return this.#newest;
  }

  /** What a heartbeat carries: the newest round, or 0 if nobody waits. */
  get pendingRound(): number {
    return this.#rounds.length === 0 ? 0 : this.#newest;
  }

  isFull(): boolean {
    return this.#requestCount >= this.#requestsMax;
  }

  /** Parks a request until the term has a commit of its own. */
  wait(request: ReadRequest): void {
    assert(!this.isFull(), '[R56] whoever is let in finds room');
    this.#waiting.push(request);
    this.#requestCount += 1;
  }

  takeWaiting(): readonly ReadRequest[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#requestCount -= waiting.length;
    assert(this.#requestCount >= 0, '[R56] every request is counted once');
    return waiting;
  }

  /** Joins the open round if its index still holds. False: the caller must begin a new one. */
  join(request: ReadRequest, index: number): boolean {
    const newest = this.#rounds.at(-1);
    if (!this.#isOpen || newest === undefined || newest.index !== index) return false;
    assert(newest.number === this.#newest, '[R50] only the newest round is open');
    newest.requests.push(request);
    this.#requestCount += 1;
    return true;
  }

  begin(requests: ReadRequest[], index: number, tick: number): number {
    this.#newest += 1;
    assert(Number.isSafeInteger(this.#newest), '[R50] round numbers never run out');
    assert(!(index < (this.#rounds.at(-1)?.index ?? 0)), '[R50] rounds follow the commit index');
    this.#rounds.push({ number: this.#newest, index, sentAtTick: tick, requests });
    this.#requestCount += requests.length;
    this.#isOpen = true;
    return this.#newest;
  }

  /** The heartbeats of the newest round left. */
  close(): void {
    this.#isOpen = false;
  }

  /** Takes the rounds up to `number`, oldest first. */
  takeConfirmed(number: number): readonly ReadRound[] {
    let count = 0;
    for (const round of this.#rounds) {
      if (round.number > number) break;
      count += 1;
      this.#requestCount -= round.requests.length;
    }
    assert(this.#requestCount >= this.#waiting.length, '[R56] every request is counted once');
    if (count === 0) return [];
    return this.#rounds.splice(0, count);
  }

  /** Takes everything that waits, in the order it came. */
  takeAll(): readonly ReadRequest[] {
    const inRounds = this.#requestCount - this.#waiting.length;
    const all = [...this.#rounds.flatMap(({ requests }) => requests), ...this.#waiting];
    assert(all.length === inRounds + this.#waiting.length, '[R56] nobody is forgotten');
    this.#rounds = [];
    this.#waiting = [];
    this.#requestCount = 0;
    this.#isOpen = false;
    return all;
  }
}
