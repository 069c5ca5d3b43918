// Makes batches durable some time after they are visible: one pass at a time, each taking all that
// is committed by then. What both stores share.

import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { StoreEvents } from './types.ts';

/**
 * Makes what is committed durable, all of it or the oldest part, and answers the newest batch in
 * it. Takes what it needs from memory before its first await, since writers go on meanwhile.
 * Rejects when that failed: nobody tries again.
 */
export type Persist = () => Promise<number>;

export interface WriteBehindOptions {
  readonly clock: Pick<Clock, 'setTimer'>;
  /** How long a batch waits for others before the disk is asked. */
  readonly flushDelayMs: number;
  readonly persist: Persist;
  /** So much is waiting that the next pass follows at once. */
  readonly isUrgent: () => boolean;
  readonly events: StoreEvents;
}

interface Waiter {
  readonly batch: number;
  readonly resolve: (isDurable: boolean) => void;
}

export class WriteBehind {
  readonly #options: WriteBehindOptions;
  #isOpen = false;
  #isClosed = false;
  #batches = 0;
  #durable = 0;
  #flushes = 0;
  #failure: string | undefined;
  #isRunning = false;
  #timer: Timer | undefined;
  #waiters: Waiter[] = [];

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  get batches(): number {
    return this.#batches;
  }

  get durableBatches(): number {
    return this.#durable;
  }

  get flushes(): number {
    return this.#flushes;
  }

  get isBatchOpen(): boolean {
    return this.#isOpen;
  }

  /** `key` is about to be written, in a batch that the next `commit` ends. */
  touch(key: Uint8Array): void {
    assert(!this.#isClosed, '[S9] a closed store takes nothing');
    const { length } = key;
    assert(length > 0 && length <= LIMITS.store.keyBytesMax, '[S2] a key is 1 to 1,978 bytes');
    this.#isOpen = true;
  }

  commit(): number {
    if (!this.#isOpen) return this.#batches;
    this.#isOpen = false;
    this.#batches += 1;
    this.#arm();
    return this.#batches;
  }

  /** The open batch is none any more. */
  rollback(): void {
    this.#isOpen = false;
  }

  flush(): Promise<boolean> {
    assert(!this.#isOpen, '[S3] a flush is asked for between batches');
    if (this.#failure !== undefined) return Promise.resolve(false);
    if (this.#durable === this.#batches) return Promise.resolve(true);
    const batch = this.#batches;
    return new Promise((resolve) => {
      this.#waiters.push({ batch, resolve });
      this.start();
    });
  }

  /** Flushes what it can; nothing may be written afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.flush();
    this.#timer?.cancel();
  }

  /** Begins a pass now; if one is under way, another one follows it when somebody waits for it. */
  start(): void {
    if (this.#isRunning || this.#failure !== undefined) return;
    assert(!this.#isOpen, '[S3] a pass begins between batches');
    this.#isRunning = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#options.persist().then(
      (batch) => this.#succeed(batch),
      (error: unknown) => this.fail(error instanceof Error ? error.message : String(error)),
    );
  }

  /** Stops for good: what is not durable now will not be. */
  fail(reason: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = reason;
    this.#isRunning = false;
    this.#timer?.cancel();
    this.#answer();
    this.#options.events.onFailure(reason);
  }

  #succeed(batch: number): void {
    if (this.#failure !== undefined) return;
    assert(batch >= this.#durable, '[S4] the durable batch only grows');
    this.#isRunning = false;
    this.#durable = batch;
    this.#flushes += 1;
    this.#answer();
    this.#options.events.onDurable(batch);
    if (this.#waiters.length > 0 || this.#options.isUrgent()) this.start();
    else this.#arm();
  }

  #arm(): void {
    const isIdle = this.#timer === undefined && !this.#isRunning && this.#failure === undefined;
    if (!isIdle || this.#durable === this.#batches) return;
    this.#timer = this.#options.clock.setTimer(this.#options.flushDelayMs, () => this.start());
  }

  #answer(): void {
    const failed = this.#failure !== undefined;
    const due = this.#waiters.filter(({ batch }) => failed || batch <= this.#durable);
    this.#waiters = this.#waiters.filter(({ batch }) => !failed && batch > this.#durable);
    for (const { batch, resolve } of due) resolve(batch <= this.#durable);
  }
}
