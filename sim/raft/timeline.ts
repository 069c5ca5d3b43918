// Virtual time: a wheel of slots, one per instant, each a queue of events. Delays are short
// compared to the wheel, so that adding and taking an event cost the same however many there are.

import { assert } from '../../src/base/assert.ts';
import type { Message } from '../../src/core/raft/index.ts';

export type EventKind =
  | 'tick'
  | 'deliver'
  | 'diskDone'
  | 'applyDone'
  | 'fetchDone'
  | 'poll'
  | 'report'
  | 'restart'
  | 'resume'
  | 'ambush'
  | 'client'
  | 'timeout'
  | 'operator'
  | 'fault';

export interface SimEvent {
  readonly kind: EventKind;
  /** The replica it is for, or the client. */
  readonly who: number;
  /** The life of the replica in which it was made; 0 where that does not matter. */
  readonly life: number;
  /** What the kind says: a peer, a serial number. */
  readonly detail: number;
  readonly message: Message | undefined;
}

/** Longer than any delay. */
const SLOTS = 8192;

export class Timeline {
  now = 0;
  readonly #slots: SimEvent[][] = Array.from({ length: SLOTS }, () => []);
  #taken = 0;
  #waiting = 0;

  add(delay: number, kind: EventKind, who: number, life = 0, detail = 0, message?: Message): void {
    assert(delay >= 0 && delay < SLOTS, 'a delay fits the wheel');
    const slot = this.#slots[(this.now + delay) & (SLOTS - 1)] as SimEvent[];
    slot.push({ kind, who, life, detail, message });
    this.#waiting += 1;
  }

  /** The next event, with `now` moved to it. */
  next(): SimEvent {
    assert(this.#waiting > 0, 'clocks tick for ever');
    for (;;) {
      const slot = this.#slots[this.now & (SLOTS - 1)] as SimEvent[];
      if (this.#taken < slot.length) {
        const event = slot[this.#taken] as SimEvent;
        this.#taken += 1;
        this.#waiting -= 1;
        return event;
      }
      slot.length = 0;
      this.#taken = 0;
      this.now += 1;
    }
  }
}
