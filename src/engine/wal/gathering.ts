// The batches that gather and wait to be written, and the places that they will have.

import { assert } from '../../base/assert.ts';
import { Batch } from './batch.ts';
import { BATCH_HEADER_BYTES, FIRST_BATCH_OFFSET, MARK_BYTES } from './format.ts';

/** One gathers while another one is written. What more a stall took goes when it is over. */
const SPARE_BATCHES_MAX = 2;

/** Where the next batch to be opened will stand. */
export interface Place {
  segment: number;
  offset: number;
  /** Of the batch before. */
  number: number;
  /** Bytes of the segment. */
  capacity: number;
}

export class Gathering {
  readonly #salt: number;
  readonly #segmentBytes: number;
  readonly #batchBytesMax: number;
  readonly #queue: Batch[] = [];
  readonly #spare: Batch[] = [];
  #open: Batch | undefined;
  #planned: Place;

  constructor(salt: number, segmentBytes: number, batchBytesMax: number, planned: Place) {
    this.#salt = salt;
    this.#segmentBytes = segmentBytes;
    this.#batchBytesMax = batchBytesMax;
    this.#planned = planned;
  }

  /** Nothing has gathered yet: the first batch will stand elsewhere. */
  moveTo(planned: Place): void {
    assert(this.last === undefined, '[W4] a batch keeps its place');
    this.#planned = planned;
  }

  get last(): Batch | undefined {
    return this.#open ?? this.#queue.at(-1);
  }

  /** Memory of them all, and of those kept for reuse. */
  get bufferBytes(): number {
    const batches = [this.#open, ...this.#queue, ...this.#spare];
    return batches.reduce((sum, batch) => sum + (batch?.bufferBytes ?? 0), 0);
  }

  /** Makes room for `bytes` in one batch, and answers the batch. */
  batchFor(bytes: number): Batch {
    const open = this.#open;
    if (open?.hasRoomFor(bytes)) return open;
    this.#closeOpen();
    const planned = this.#planned;
    const wanted = BATCH_HEADER_BYTES + bytes;
    // [W6] The last batch of a segment gets its mark like any other.
    if (planned.offset + wanted + MARK_BYTES > planned.capacity) {
      planned.segment += 1;
      planned.offset = FIRST_BATCH_OFFSET;
      planned.capacity = this.#segmentBytes;
      const isFit = planned.offset + wanted + MARK_BYTES <= planned.capacity;
      assert(isFit, '[W2] what is appended fits a segment');
    }
    const batch = this.#spare.pop() ?? new Batch(this.#salt);
    const roomBytes = planned.capacity - planned.offset - MARK_BYTES;
    const bytesMax = Math.min(roomBytes, Math.max(this.#batchBytesMax, wanted));
    planned.number += 1;
    batch.begin(planned.segment, planned.offset, planned.number, bytesMax);
    this.#open = batch;
    return batch;
  }

  /** The oldest batch, to be written. */
  take(): Batch | undefined {
    if (this.#queue.length === 0) this.#closeOpen();
    return this.#queue.shift();
  }

  /** All of them: none will be written. */
  takeAll(): Batch[] {
    this.#closeOpen();
    return this.#queue.splice(0);
  }

  /** A batch that is written may be used for another one. */
  giveBack(batch: Batch): void {
    if (this.#spare.length < SPARE_BATCHES_MAX) this.#spare.push(batch);
  }

  #closeOpen(): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    this.#queue.push(open);
    this.#planned.offset = open.offset + open.length;
  }
}
