// What gathers during a turn and is done together at its end.

import type { Clock } from '../../../base/capabilities.ts';

export interface Flushable {
  /** Only the turn's end writes it. */
  isDirty: boolean;
  flush(): void;
}

export class TurnEnd {
  readonly #clock: Clock;
  #dirty: Flushable[] = [];
  #spare: Flushable[] = [];
  #isDue = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(flushable: Flushable): void {
    if (flushable.isDirty) return;
    flushable.isDirty = true;
    this.#dirty.push(flushable);
    this.expect();
  }

  /**
   * The turn's end will have something to do, which callbacks of it that were asked for before will
   * add: without this it would be done at the end of the next turn.
   */
  expect(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.afterTurn(this.#run);
  }

  /** For what is rare: a call at the turn's end. */
  later(call: () => void): void {
    this.add({ isDirty: false, flush: call });
  }

  /** Does now what waits; what comes up meanwhile waits for the next end. */
  readonly flush = (): void => {
    const dirty = this.#dirty;
    this.#dirty = this.#spare;
    // A flush within this one must not meet the list that this one goes through.
    this.#spare = [];
    for (const flushable of dirty) {
      flushable.isDirty = false;
      flushable.flush();
    }
    dirty.length = 0;
    this.#spare = dirty;
  };

  readonly #run = (): void => {
    this.#isDue = false;
    this.flush();
  };
}
