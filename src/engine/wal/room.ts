// Watches the free space. Proposals are refused while it is less than the reserve, so that votes,
// purges and snapshots, which make room again, never meet a full disk.

import {
  type Clock,
  type Disk,
  DiskError,
  type Events,
  type Log,
  type Timer,
} from '../../base/capabilities.ts';
import type { WalCapabilities, WalEvent } from './types.ts';

/** In the time of one check far from the reserve. */
const NEAR_CHECKS = 10;

export class Room {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #events: Events<WalEvent> | undefined;
  readonly #reserveBytes: number;
  readonly #checkMs: number;
  #freeBytes = Number.POSITIVE_INFINITY;
  #isLow = false;
  #isFull = false;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(
    { clock, disk, events, log }: Omit<WalCapabilities, 'random'>,
    reserveBytes: number,
    checkMs: number,
  ) {
    this.#disk = disk;
    this.#clock = clock;
    this.#log = log;
    this.#events = events;
    this.#reserveBytes = reserveBytes;
    this.#checkMs = checkMs;
  }

  /** [W15] Whether new proposals may be taken. */
  get isAmple(): boolean {
    return !this.#isLow && !this.#isFull;
  }

  /**
   * [W15] Half of the reserve is gone, although nothing is proposed here any more: what leaders
   * send would use up the rest.
   */
  get isCramped(): boolean {
    return this.#isFull || this.#freeBytes < this.#reserveBytes / 2;
  }

  /** Looks now, and again from time to time until closed: more often when it may matter soon. */
  async watch(): Promise<void> {
    await this.#check();
    if (this.#isClosed) return;
    const isNear = this.#freeBytes < this.#reserveBytes * 2;
    const delayMs = isNear ? this.#checkMs / NEAR_CHECKS : this.#checkMs;
    this.#timer = this.#clock.setTimer(delayMs, () => void this.watch());
  }

  /** A write was refused for want of room, or went through again. */
  noteFull(isFull: boolean): void {
    if (this.#isFull === isFull) return;
    this.#isFull = isFull;
    this.#tell();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  async #check(): Promise<void> {
    try {
      this.#freeBytes = await this.#disk.freeBytes();
      const isLow = this.#freeBytes < this.#reserveBytes;
      if (isLow === this.#isLow) return;
      this.#isLow = isLow;
      this.#tell();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // Writing meets the same trouble, and knows what to do about it.
      this.#log.warn('free space unknown', { reason: error.message });
    }
  }

  #tell(): void {
    if (this.isAmple) {
      this.#log.info('disk has room again');
      return;
    }
    this.#log.warn('disk nearly full', { reserveBytes: this.#reserveBytes });
    this.#events?.tell({ kind: 'diskNearlyFull' });
  }
}
