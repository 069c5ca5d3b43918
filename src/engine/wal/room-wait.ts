// Waits for room on a full disk. A commit and the segment after it may both be waiting; proposals
// are refused until neither is.

import { type Clock, DiskError, type Timer } from '../../base/capabilities.ts';

/** Who met the full disk. Each tries one thing at a time. */
export type Writer = 'batch' | 'segment';

export function isDiskFull(error: unknown): error is DiskError {
  return error instanceof DiskError && error.code === 'noSpace';
}

export class RoomWait {
  readonly #clock: Clock;
  readonly #retryMs: number;
  readonly #onRoom: (isFull: boolean) => void;
  readonly #refused = new Set<Writer>();
  readonly #sleeping = new Map<Writer, { readonly timer: Timer; readonly wake: () => void }>();
  #isOn = false;

  constructor(clock: Clock, retryMs: number, onRoom: (isFull: boolean) => void) {
    this.#clock = clock;
    this.#retryMs = retryMs;
    this.#onRoom = onRoom;
  }

  /** From now on a full disk is waited for. Until here it refuses the log. */
  begin(): void {
    this.#isOn = true;
  }

  /** Whoever sleeps tries once more, and is refused for good if there is still no room. */
  end(): void {
    this.#isOn = false;
    for (const { timer, wake } of this.#sleeping.values()) {
      timer.cancel();
      wake();
    }
    this.#sleeping.clear();
  }

  /** A full disk is not a broken one: waits a while. Anything else is thrown on. */
  async afterRefusal(writer: Writer, error: unknown): Promise<void> {
    if (!isDiskFull(error) || !this.#isOn) throw error;
    this.#refused.add(writer);
    this.#onRoom(true);
    await new Promise<void>((wake) => {
      const timer = this.#clock.setTimer(this.#retryMs, () => {
        this.#sleeping.delete(writer);
        wake();
      });
      this.#sleeping.set(writer, { timer, wake });
    });
  }

  /** What `writer` wrote went through. */
  noteWritten(writer: Writer): void {
    if (this.#refused.delete(writer) && this.#refused.size === 0) this.#onRoom(false);
  }
}
