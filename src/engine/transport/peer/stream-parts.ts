// What all streams of a member share: how many there may be, and how fast they may go together.

import type { Clock } from '../../../base/capabilities.ts';
import { LIMITS } from '../../../base/limits.ts';

/** A burst of this much time's worth passes at once. */
const BURST_MS = 50;
const WAIT_MS_MIN = 1;

/** Bytes per second as a bucket that fills steadily and is emptied by what is sent. */
export class StreamRate {
  readonly #clock: Clock;
  readonly #bytesPerMs: number;
  readonly #bytesMax: number;
  #bytes: number;
  #filledMs: number;
  #isWaiting = false;
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, bytesPerSecond: number) {
    this.#clock = clock;
    this.#bytesPerMs = bytesPerSecond / 1_000;
    this.#bytesMax = Math.max(LIMITS.peer.chunkBytesMax, this.#bytesPerMs * BURST_MS);
    this.#bytes = this.#bytesMax;
    this.#filledMs = clock.monotonicMs();
  }

  /** False: not now; `onRoom` is called when it is worth another try. */
  take(bytes: number, onRoom: () => void): boolean {
    const nowMs = this.#clock.monotonicMs();
    const filled = this.#bytes + (nowMs - this.#filledMs) * this.#bytesPerMs;
    this.#bytes = Math.min(this.#bytesMax, filled);
    this.#filledMs = nowMs;
    if (this.#bytes >= bytes) {
      this.#bytes -= bytes;
      return true;
    }
    if (!this.#waiting.includes(onRoom)) this.#waiting.push(onRoom);
    if (!this.#isWaiting) {
      this.#isWaiting = true;
      // Rounding must not make a wait of nothing, again and again.
      const waitMs = Math.max(WAIT_MS_MIN, (bytes - this.#bytes) / this.#bytesPerMs);
      this.#clock.setTimer(waitMs, this.#wake);
    }
    return false;
  }

  readonly #wake = (): void => {
    this.#isWaiting = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const onRoom of waiting) onRoom();
  };
}

/** Streams that are open, of all connections in one direction. */
export class StreamSlots {
  readonly #max: number;
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  take(): boolean {
    if (this.#taken >= this.#max) return false;
    this.#taken += 1;
    return true;
  }

  release(): void {
    this.#taken -= 1;
  }
}
