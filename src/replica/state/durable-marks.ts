// Which applied index becomes durable with which batch of the store.

import { assert } from '../../base/assert.ts';

/** Batches on their way to the disk; more than these are told apart no finer than needed. */
const MARKS_MAX = 64;

export class DurableMarks {
  /** Ascending; the mark at `#first` is the oldest one that is not known to be durable. */
  readonly #batches: number[] = [];
  readonly #indexes: number[] = [];
  readonly #bytes: number[] = [];
  #unwritten = 0;
  #durable: number;

  /** All up to `durable` survived a restart. */
  constructor(durable: number) {
    this.#durable = durable;
  }

  /** With `batch`, which has `bytes` of the shard, everything up to `index` is durable. */
  note(batch: number, index: number, bytes = 0): void {
    this.#unwritten += bytes;
    const last = this.#batches.length - 1;
    assert(last < 0 || batch >= (this.#batches[last] as number), '[D9] batches ascend');
    if (last >= 0 && (batch === this.#batches[last] || last === MARKS_MAX - 1)) {
      // Too many: the newest two become one, which holds once the later one does.
      this.#batches[last] = batch;
      this.#indexes[last] = index;
      this.#bytes[last] = (this.#bytes[last] as number) + bytes;
      return;
    }
    this.#batches.push(batch);
    this.#indexes.push(index);
    this.#bytes.push(bytes);
  }

  /** [D9] What is durable once `durableBatch` is; never less than before. */
  durableIndex(durableBatch: number): number {
    let done = 0;
    while (done < this.#batches.length && (this.#batches[done] as number) <= durableBatch) {
      this.#durable = Math.max(this.#durable, this.#indexes[done] as number);
      this.#unwritten -= this.#bytes[done] as number;
      done += 1;
    }
    if (done > 0) {
      this.#batches.splice(0, done);
      this.#indexes.splice(0, done);
      this.#bytes.splice(0, done);
    }
    return this.#durable;
  }

  /** [D23] What the shard has given to the store that is not durable yet. */
  unwrittenBytes(durableBatch: number): number {
    this.durableIndex(durableBatch);
    return this.#unwritten;
  }
}
