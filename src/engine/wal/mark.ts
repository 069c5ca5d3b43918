// The mark: an empty batch behind the last one. It proves that all before it was durable, which
// nothing else says of the last batch.

import type { Clock, DiskFile, Timer } from '../../base/capabilities.ts';
import { Batch } from './batch.ts';
import { MARK_BYTES } from './format.ts';
import { isDiskFull } from './room-wait.ts';
import type { ScanPoint } from './scan.ts';

type State =
  /** There is nothing that it could prove, or no batch may ever follow here. */
  | 'needless'
  /** A batch is the last thing in the log. */
  | 'missing'
  /** Perhaps in the system's memory only. */
  | 'written';

export class Mark {
  readonly #clock: Clock;
  readonly #salt: number;
  readonly #delayMs: number;
  readonly #onDue: () => void;
  #state: State;
  #batches = 0;
  #timer: Timer | undefined;
  #isOver = false;

  constructor(clock: Clock, salt: number, delayMs: number, isMissing: boolean, onDue: () => void) {
    this.#clock = clock;
    this.#salt = salt;
    this.#delayMs = delayMs;
    this.#onDue = onDue;
    this.#state = isMissing ? 'missing' : 'needless';
  }

  get isWritten(): boolean {
    return this.#state === 'written';
  }

  /** A batch stands where it was. */
  noteBatch(): void {
    this.#batches += 1;
    this.#state = 'missing';
  }

  /** Says that it is due once no batch has come for a while. */
  maybeArm(): void {
    if (this.#state !== 'missing' || this.#timer !== undefined || this.#isOver) return;
    const before = this.#batches;
    this.#timer = this.#clock.setTimer(this.#delayMs, () => {
      this.#timer = undefined;
      if (this.#batches === before) this.#onDue();
      else this.maybeArm();
    });
  }

  /** It is not due any more. */
  disarm(): void {
    this.#isOver = true;
    this.#timer?.cancel();
  }

  /**
   * [W6] Writes it at `end`. The next batch is written over it, so that it never needs a sync of
   * its own.
   *
   * [W11] None is written where the log was cut and goes on in the next segment. And none is worth
   * waiting for room: the next batch asks for one again.
   */
  async write(file: DiskFile, end: ScanPoint, capacity: number): Promise<void> {
    if (this.#state !== 'missing' || end.offset + MARK_BYTES > capacity) return;
    const batch = new Batch(this.#salt, MARK_BYTES);
    batch.begin(0, end.offset, end.number + 1, MARK_BYTES);
    batch.seal(end.chain);
    try {
      await file.write(end.offset, batch.sealed());
    } catch (error) {
      if (isDiskFull(error)) return;
      throw error;
    }
    this.#state = 'written';
  }
}
