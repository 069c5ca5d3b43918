// The events of one shard that the ring still has, in order.

import { assert } from '../../base/assert.ts';

/** The front of the list is cut off when so much of it is dead. */
const DEAD_MAX = 1_024;

/** Events are numbered from 0 with each feed. */
export class ShardFeed {
  /** In the ring. The first `#dead` are dropped. */
  #addresses: number[] = [];
  #dead = 0;
  /** The number of the first address in the list, dead or not. */
  #base = 0;
  /** Events up to this index are gone, or were before the feed. */
  floor: number;
  /** Up to here events are told; behind it are those of the open batch. */
  #told = 0;
  /** Of the newest event of the open batch that was not kept; 0 for none. */
  #skipped = 0;

  constructor(floor: number) {
    this.floor = floor;
  }

  get first(): number {
    return this.#base + this.#dead;
  }

  /** Behind the last one that may be told. */
  get end(): number {
    return this.#told;
  }

  /** Behind the last one. */
  get openEnd(): number {
    return this.#base + this.#addresses.length;
  }

  addressOf(number: number): number {
    assert(number >= this.first && number < this.openEnd, '[F2] the event is there');
    return this.#addresses[number - this.#base] as number;
  }

  push(address: number): void {
    this.#addresses.push(address);
  }

  /** [F7] An event of `index` is not kept. Of a batch all are, or none but those in front. */
  skip(index: number): void {
    this.#skipped = index;
  }

  /** The ring let go of the oldest. */
  dropFirst(index: number): void {
    assert(this.#dead < this.#addresses.length, '[F1] what is dropped was there');
    this.#dead += 1;
    this.floor = Math.max(this.floor, index);
    if (this.#dead < DEAD_MAX || this.#dead * 2 < this.#addresses.length) return;
    this.#addresses = this.#addresses.slice(this.#dead);
    this.#base += this.#dead;
    this.#dead = 0;
  }

  /** The open batch had its effect. */
  commit(): void {
    this.#told = this.openEnd;
    this.floor = Math.max(this.floor, this.#skipped);
    this.#skipped = 0;
  }

  /** Its events never were. Answers their addresses. */
  rollback(): number[] {
    this.#skipped = 0;
    const from = Math.max(this.#told, this.first) - this.#base;
    return this.#addresses.splice(from);
  }
}
