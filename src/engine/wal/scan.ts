// Reads batches out of a segment's bytes, and tells a batch that was never finished from one that
// was durable and is damaged now. Pure: recovery, scrub and fuzzers use it alike.

import { crc32c } from '../../base/crc32c.ts';
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  RECORD,
  RECORD_HEADER_BYTES,
  RECORD_TYPE_MAX,
  readU64,
  recordBytes,
  viewOf,
} from './format.ts';

const ZEROS = Buffer.alloc(64 * 1024);

/** Where a scan stands: the batch that must come next, and where. */
export interface ScanPoint {
  readonly offset: number;
  /** Of the batch before. */
  readonly number: number;
  readonly chain: number;
}

/** Takes the records of a batch; if it `isDamaged`, payloads of entries may not hold. */
export type VisitBatch = (batch: BatchView, isDamaged: boolean) => void;

/** A batch within the bytes of its segment: records from `from` to `end`. */
export interface BatchView {
  readonly view: DataView;
  readonly from: number;
  readonly end: number;
}

export type BatchFault =
  /** The header is not that of the batch which must stand here. */
  | 'header'
  /** A record header does not hold: what the rest of the batch was cannot be told. */
  | 'record'
  /** Only payloads of entries are damaged: which ones is known. */
  | 'payload';

export interface ScanEnd {
  readonly end: ScanPoint;
  readonly batches: number;
  /** Where the last batch that holds begins; `end.offset` when there is none. */
  readonly last: number;
  /** Undefined when the limit, or a mark at the very end, was reached. */
  readonly fault: BatchFault | undefined;
}

export class BatchScanner {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #salt: number;

  constructor(bytes: Uint8Array, salt: number) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = viewOf(bytes);
    this.#salt = salt;
  }

  /**
   * Visits whole batches from `point` up to `limit`. Batches with damaged payloads stop the scan,
   * unless they begin below `forgiveBelow`.
   */
  scan(point: ScanPoint, limit: number, visit: VisitBatch, forgiveBelow = 0): ScanEnd {
    let { offset, number, chain } = point;
    let batches = 0;
    let last = offset;
    for (;;) {
      if (offset >= limit) break;
      const fault = this.#headerFault(offset, limit, number + 1, chain);
      if (fault !== undefined) return { end: { offset, number, chain }, batches, last, fault };
      const records = this.#view.getUint32(offset + 12, true);
      // A mark stands where the next batch will: it is the end.
      if (records === 0) break;
      const body = offset + BATCH_HEADER_BYTES;
      const end = body + this.#view.getUint32(offset + 8, true);
      const bodyFault = this.#bodyFault(body, end, records, offset);
      if (bodyFault !== undefined && !(bodyFault === 'payload' && offset < forgiveBelow)) {
        return { end: { offset, number, chain }, batches, last, fault: bodyFault };
      }
      visit({ view: this.#view, from: body, end }, bodyFault !== undefined);
      chain = this.#view.getUint32(offset + 4, true);
      number += 1;
      batches += 1;
      last = offset;
      offset = end;
    }
    return { end: { offset, number, chain }, batches, last, fault: undefined };
  }

  #headerFault(at: number, limit: number, number: number, chain: number): BatchFault | undefined {
    if (!this.#isHeader(at, limit)) return 'header';
    const view = this.#view;
    if (readU64(view, at + 16) !== number) return 'header';
    return view.getUint32(at + 24, true) === chain ? undefined : 'header';
  }

  #isHeader(at: number, limit: number): boolean {
    const view = this.#view;
    if (at + BATCH_HEADER_BYTES > limit) return false;
    if (view.getUint32(at, true) !== BATCH_MAGIC) return false;
    const sum = crc32c(this.#bytes, this.#salt, at + 8, at + BATCH_HEADER_BYTES);
    if (view.getUint32(at + 4, true) !== sum) return false;
    return at + BATCH_HEADER_BYTES + view.getUint32(at + 8, true) <= limit;
  }

  #bodyFault(from: number, end: number, records: number, header: number): BatchFault | undefined {
    const view = this.#view;
    const bytes = this.#bytes;
    const salt = this.#salt;
    let at = from;
    let bodySum = 0;
    let fault: BatchFault | undefined;
    for (let record = 0; record < records; record++) {
      const start = at + RECORD_HEADER_BYTES;
      if (start > end) return 'record';
      if (view.getUint32(at, true) !== crc32c(bytes, salt, at + 4, start)) return 'record';
      const length = view.getUint32(at + 8, true);
      const type = view.getUint8(at + 12);
      if (type === 0 || type > RECORD_TYPE_MAX || start + length > end) return 'record';
      bodySum = crc32c(bytes, bodySum, at, at + 4);
      if (!this.holdsPayload(at)) {
        // Of what else could be damaged there is no other copy in any peer: votes, purges.
        if (type !== RECORD.entry && type !== RECORD.refill) return 'record';
        fault = 'payload';
      }
      at += recordBytes(length);
    }
    const isWhole = at === end && bodySum === view.getUint32(header + 28, true);
    return isWhole ? fault : 'record';
  }

  /**
   * [W6] True when a batch later than `number` stands beyond `offset`. It was written after
   * `number` was synced, so what is wrong at `offset` is damage, not an unfinished write.
   *
   * A (batch 7) is synced, then B (batch 8) is written right behind it. The power fails: sectors of
   * B may be missing, in any order, but A is whole. If A is not whole and B's header is there, then
   * A was damaged after its sync. If A is not whole and nothing later is there, A itself was being
   * written.
   */
  hasLaterBatch(offset: number, number: number): boolean {
    const limit = this.#bytes.length;
    const magic = Buffer.alloc(4);
    magic.writeUInt32LE(BATCH_MAGIC);
    for (let at = this.#bytes.indexOf(magic, offset + 4); at >= 0; ) {
      if (this.#isHeader(at, limit) && readU64(this.#view, at + 16) > number) return true;
      at = this.#bytes.indexOf(magic, at + 4);
    }
    return false;
  }

  /** True when nothing but zeros follows `offset`, where a mark may stand. */
  isBlankFrom(offset: number): boolean {
    const isMarked = this.#isHeader(offset, this.#bytes.length);
    let at = isMarked ? offset + BATCH_HEADER_BYTES : offset;
    for (; at < this.#bytes.length; at += ZEROS.length) {
      const part = this.#bytes.subarray(at, at + ZEROS.length);
      if (!part.equals(ZEROS.subarray(0, part.length))) return false;
    }
    return true;
  }

  /** Whether the payload of the record at `at`, whose header holds, is as written. */
  holdsPayload(at: number): boolean {
    const view = this.#view;
    const start = at + RECORD_HEADER_BYTES;
    const end = start + view.getUint32(at + 8, true);
    return view.getUint32(at + 4, true) === crc32c(this.#bytes, this.#salt, start, end);
  }

  /** Whether the entry record at `at` is the one asked for and its bytes are as written. */
  holdsEntry(at: number, shard: number, term: number, index: number, length: number): boolean {
    const view = this.#view;
    const start = at + RECORD_HEADER_BYTES;
    if (start + length > this.#bytes.length) return false;
    if (view.getUint32(at, true) !== crc32c(this.#bytes, this.#salt, at + 4, start)) return false;
    if (view.getUint32(at + 8, true) !== length || view.getUint32(at + 16, true) !== shard) {
      return false;
    }
    if (readU64(view, at + 20) !== term || readU64(view, at + 28) !== index) return false;
    return this.holdsPayload(at);
  }
}
