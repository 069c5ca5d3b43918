// Makes batches durable some time after they are visible: one pass at a time, each taking all that
// is committed by then. What both stores share.

import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import type { StoreEvents } from './types.ts';

/**
 * Makes all that is committed when it is called durable; by then it has taken what it needs from
 * the memory, before its first await. Rejects when that failed: nobody tries again.
 */
export type Persist = () => Promise<void>;

export interface WriteBehindOptions {
  readonly clock: Pick<Clock, 'setTimer'>;
  /** How long a batch waits for others before the disk is asked. */
  readonly flushDelayMs: number;
  readonly persist: Persist;
  readonly events: StoreEvents;
}

interface Waiter {
  readonly batch: number;
  readonly resolve: (isDurable: boolean) => void;
}

export class WriteBehind {
  readonly #options: WriteBehindOptions;
  #isOpen = false;
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

  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  /** Something was written that the next `commit` ends. */
  touch(): void {
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

  /** Begins a pass now; if one is under way, another one follows it when somebody waits for it. */
  start(): void {
    if (this.#isRunning || this.#failure !== undefined) return;
    assert(!this.#isOpen, '[S3] a pass begins between batches');
    this.#isRunning = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    const batch = this.#batches;
    this.#options.persist().then(
      () => this.#succeed(batch),
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
    if (this.#waiters.length > 0) this.start();
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
