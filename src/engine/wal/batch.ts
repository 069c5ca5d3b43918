// A batch while it gathers: records are encoded in place, at the offsets they will have on disk.
// Batches are used again, with their memory; a record costs no object.

import { assert } from '../../base/assert.ts';
import { crc32c, crc32cOfView } from '../../base/crc32c.ts';
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  RECORD_HEADER_BYTES,
  recordBytes,
  viewOf,
  writeU64,
} from './format.ts';
import type { WalFailure } from './types.ts';

export type Done = (outcome: 'durable' | WalFailure) => void;

const INITIAL_BYTES = 64 * 1024;

export class Batch {
  readonly #salt: number;
  #bytes: Uint8Array;
  #view: DataView;
  #bodySum = 0;
  #bytesMax = 0;
  segment = 0;
  /** Of the batch header within the segment. */
  offset = 0;
  number = 0;
  length = BATCH_HEADER_BYTES;
  records = 0;
  /** Something in it lets old segments go. */
  frees = false;
  waiters: Done[] = [];

  /** Of the last record added, within the segment. */
  recordOffset = 0;

  constructor(salt: number, bytesInitial: number = INITIAL_BYTES) {
    this.#salt = salt;
    this.#bytes = new Uint8Array(bytesInitial);
    this.#view = viewOf(this.#bytes);
  }

  /** Starts over for the batch `number`, which will stand at `offset` of `segment`. */
  begin(segment: number, offset: number, number: number, bytesMax: number): void {
    this.segment = segment;
    this.offset = offset;
    this.number = number;
    this.#bytesMax = bytesMax;
    this.length = BATCH_HEADER_BYTES;
    this.records = 0;
    this.#bodySum = 0;
    this.frees = false;
    this.waiters = [];
  }

  /** What it takes of memory, full or empty. */
  get bufferBytes(): number {
    return this.#bytes.length;
  }

  hasRoomFor(bytes: number): boolean {
    return this.length + bytes <= this.#bytesMax;
  }

  /** Encodes a record; `recordOffset` then says where it will be. */
  add(
    type: number,
    entryKind: number,
    shard: number,
    term: number,
    index: number,
    payload: Uint8Array,
  ): void {
    const at = this.length;
    const total = recordBytes(payload.length);
    assert(this.hasRoomFor(total), '[W2] a batch ends inside its segment');
    if (at + total > this.#bytes.length) this.#grow(at + total);
    const view = this.#view;
    const bytes = this.#bytes;
    const start = at + RECORD_HEADER_BYTES;
    const end = start + payload.length;
    bytes.set(payload, start);
    // A few bytes: a loop is faster than a call that fills.
    for (let rest = end; rest < at + total; rest++) bytes[rest] = 0;
    view.setUint32(at + 4, crc32cOfView(view, this.#salt, start, end), true);
    view.setUint32(at + 8, payload.length, true);
    view.setUint32(at + 12, type | (entryKind << 8), true);
    view.setUint32(at + 16, shard, true);
    writeU64(view, at + 20, term);
    writeU64(view, at + 28, index);
    view.setUint32(at, crc32cOfView(view, this.#salt, at + 4, start), true);
    this.#bodySum = crc32c(bytes, this.#bodySum, at, at + 4);
    this.length = at + total;
    this.records += 1;
    this.recordOffset = this.offset + at;
  }

  /** Writes the batch header and answers its checksum, which the next batch carries on. */
  seal(previousChain: number): number {
    const view = this.#view;
    view.setUint32(0, BATCH_MAGIC, true);
    view.setUint32(8, this.length - BATCH_HEADER_BYTES, true);
    view.setUint32(12, this.records, true);
    writeU64(view, 16, this.number);
    view.setUint32(24, previousChain, true);
    view.setUint32(28, this.#bodySum, true);
    const chain = crc32c(this.#bytes, this.#salt, 8, BATCH_HEADER_BYTES);
    view.setUint32(4, chain, true);
    return chain;
  }

  /** The batch as it goes to disk; a view that lives until the next `begin`. */
  sealed(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }

  #grow(wanted: number): void {
    const larger = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
    this.#view = viewOf(larger);
  }
}
