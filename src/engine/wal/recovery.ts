// Reads the log back: every segment in order, each batch checked, its records applied. Says where
// the log ends, and refuses what it cannot answer for.

import { must } from '../../base/assert.ts';
import { DiskError } from '../../base/capabilities.ts';
import { FIRST_BATCH_OFFSET, SEGMENT_HEADER_BYTES, type SegmentHeader } from './format.ts';
import { diskRefusal, RESTORE, Refusal } from './refusal.ts';
import { hasGap, Replay } from './replay.ts';
import { BatchScanner, type ScanEnd, type ScanPoint } from './scan.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ShardLog } from './shard-log.ts';
import { type Found, survey } from './survey.ts';
import type { RecoveryReport, ShardId, WalRefusal } from './types.ts';

/** Where the log goes on. */
export interface LogEnd extends ScanPoint {
  readonly segment: number;
  /** The segment's bytes behind `offset` are zeros, so that batches may follow there. */
  readonly isReusable: boolean;
  readonly capacity: number;
}

interface ScannedEnd extends LogEnd {
  /** Where the last batch begins; `offset` when the segment has none. */
  readonly last: number;
}

export interface Recovered {
  readonly kind: 'recovered';
  readonly incarnation: bigint;
  readonly salt: number;
  readonly end: LogEnd;
  /** A segment prepared and not begun. */
  readonly prepared: number | undefined;
  readonly report: RecoveryReport;
}

/** There is no log yet. */
export interface Empty {
  readonly kind: 'empty';
  readonly prepared: number | undefined;
}

export interface ReplayTarget {
  readonly shards: ReadonlyMap<ShardId, ShardLog>;
  shardOf(shard: ShardId): ShardLog;
  forget(shard: ShardId): void;
}

export async function recover(
  files: SegmentFiles,
  target: ReplayTarget,
  onDamage: 'refuse' | 'markHoles',
  segmentBytes: number,
): Promise<Recovered | Empty | WalRefusal> {
  try {
    return await new Recovery(files, target, onDamage, segmentBytes).run();
  } catch (error) {
    if (error instanceof Refusal) return error.value;
    if (!(error instanceof DiskError)) throw error;
    return diskRefusal(error);
  }
}

class Recovery {
  readonly #files: SegmentFiles;
  readonly #target: ReplayTarget;
  readonly #onDamage: 'refuse' | 'markHoles';
  readonly #segmentBytes: number;
  #bytes = 0;
  #batches = 0;
  #entries = 0;
  #tornBytes = 0;
  /** The first batch with payloads that are lost. */
  #damage: Refusal | undefined;

  constructor(
    files: SegmentFiles,
    target: ReplayTarget,
    onDamage: 'refuse' | 'markHoles',
    segmentBytes: number,
  ) {
    this.#files = files;
    this.#target = target;
    this.#onDamage = onDamage;
    this.#segmentBytes = segmentBytes;
  }

  async run(): Promise<Recovered | Empty> {
    const { used, prepared } = await survey(this.#files, this.#segmentBytes);
    const first = used[0];
    if (first === undefined) return { kind: 'empty', prepared };
    this.#files.adopt(used.map(({ number }) => number));
    let point: ScanPoint = startOf(first.header);
    let end: ScannedEnd | undefined;
    let reading = this.#read(first.number);
    for (let at = 0; at < used.length; at++) {
      const segment = used[at] as Found;
      const next = used[at + 1];
      const bytes = await reading;
      // The next one is read while this one is checked.
      if (next !== undefined) {
        reading = this.#read(next.number);
        // If this one is refused, nobody waits for the next one.
        reading.catch(() => {});
      }
      this.#mustContinue(segment, point);
      point = { offset: FIRST_BATCH_OFFSET, number: point.number, chain: point.chain };
      if (next === undefined) {
        end = this.#scanLast(segment, bytes, point);
        this.#mustHaveNoHoles();
        await this.#settle(end, bytes);
      } else point = this.#scanSealed(segment, bytes, point, next.header.previousEnd);
    }
    this.#mustBeWhole();
    return {
      kind: 'recovered',
      incarnation: first.header.incarnation,
      salt: first.header.salt,
      end: must(end, 'a log with a segment has an end'),
      prepared,
      report: this.#report(used.length),
    };
  }

  #mustContinue({ number, header }: Found, point: ScanPoint): void {
    const isNext = header.previousBatch === point.number && header.previousChain === point.chain;
    if (isNext) return;
    const path = this.#files.path(number);
    const message = `${path} does not continue the segment before it. ${RESTORE}`;
    throw new Refusal('corrupt', path, 0, message);
  }

  /** [W5] All of it up to `limit` was durable before the next segment began. */
  #scanSealed(segment: Found, bytes: Uint8Array, from: ScanPoint, limit: number): ScanPoint {
    const scanner = new BatchScanner(bytes, segment.header.salt);
    const until = Math.min(limit, bytes.length);
    let result = this.#scan(scanner, segment, from, until, 0);
    while (result.fault === 'payload') {
      const { end } = result;
      this.#damage ??= this.#refusalOf(segment, result);
      result = this.#scan(scanner, segment, end, until, end.offset + 1);
    }
    if (result.fault !== undefined || result.end.offset !== limit) this.#refuse(segment, result);
    return result.end;
  }

  #scanLast(segment: Found, bytes: Uint8Array, from: ScanPoint): ScannedEnd {
    const scanner = new BatchScanner(bytes, segment.header.salt);
    let result = this.#scan(scanner, segment, from, bytes.length, 0);
    while (result.fault !== undefined || !scanner.isBlankFrom(result.end.offset)) {
      const { offset, number } = result.end;
      if (!scanner.hasLaterBatch(offset, number + 1)) {
        // [W6] Nothing later was ever written: this batch was not finished.
        if (scanner.isBlankFrom(offset)) break;
        this.#tornBytes = bytes.length - offset;
        const cut = { isReusable: false, capacity: offset, last: result.last };
        return { ...result.end, ...cut, segment: segment.number };
      }
      if (result.fault !== 'payload') this.#refuse(segment, result);
      this.#damage ??= this.#refusalOf(segment, result);
      result = this.#scan(scanner, segment, result.end, bytes.length, offset + 1);
    }
    const { end, last } = result;
    return { ...end, segment: segment.number, isReusable: true, capacity: bytes.length, last };
  }

  #scan(
    scanner: BatchScanner,
    segment: Found,
    from: ScanPoint,
    limit: number,
    forgiveBelow: number,
  ): ScanEnd {
    const replay = new Replay(
      (shard) => this.#target.shardOf(shard),
      (shard) => this.#target.forget(shard),
      (at) => scanner.holdsPayload(at),
    );
    const result = scanner.scan(
      from,
      limit,
      (batch, isDamaged) => replay.apply(batch, segment.number, isDamaged),
      forgiveBelow,
    );
    this.#batches += result.batches;
    this.#entries += replay.entries;
    if (replay.malformedAt !== undefined) {
      const path = this.#files.path(segment.number);
      const message = `A record at ${replay.malformedAt} of ${path} makes no sense. ${RESTORE}`;
      throw new Refusal('corrupt', path, replay.malformedAt, message);
    }
    return result;
  }

  #refuse(segment: Found, result: ScanEnd): never {
    throw this.#refusalOf(segment, result);
  }

  #refusalOf({ number }: Found, { end, fault }: ScanEnd): Refusal {
    const path = this.#files.path(number);
    const what = `Batch ${end.number + 1} at ${end.offset} of ${path}`;
    const why = 'The disk changed or lost bytes.';
    const message = `${what} was durable and is damaged (${fault ?? 'end'}). ${why} ${RESTORE}`;
    return new Refusal('corrupt', path, end.offset, message);
  }

  /** [W9] What was lost may have been replaced, let go of, or written again since. */
  #mustHaveNoHoles(): void {
    if (this.#onDamage === 'markHoles' || this.#damage === undefined) return;
    for (const log of this.#target.shards.values()) if (!log.isWhole()) throw this.#damage;
  }

  #mustBeWhole(): void {
    for (const log of this.#target.shards.values()) {
      if (!hasGap(log)) continue;
      const path = this.#files.path(this.#files.numbers[0] ?? 0);
      const [has, wants] = [log.index.first, log.firstIndex()];
      const what = `Shard ${log.shard} begins with entry ${has}, not ${wants}`;
      const message = `${what}: older segments are missing. ${RESTORE}`;
      throw new Refusal('missingSegment', path, 0, message);
    }
  }

  /**
   * [W7] What was read may be in the system's memory only. It is made durable before anyone hears
   * of it: written once more and synced.
   *
   * A sync alone would do if the process before died between write and sync. But perhaps its sync
   * failed: then the system takes the pages for clean, another sync of them does nothing, and the
   * next power failure takes away what A, restarted, has promised to B. Written again they count as
   * changed. All but the header and the last batch was durable before these were written.
   */
  async #settle(end: ScannedEnd, bytes: Uint8Array): Promise<void> {
    const file = await this.#files.file(end.segment);
    if (!end.isReusable) await file.truncate(end.offset);
    await file.write(0, bytes.subarray(0, SEGMENT_HEADER_BYTES));
    if (end.last < end.offset) await file.write(end.last, bytes.subarray(end.last, end.offset));
    await file.sync();
  }

  async #read(number: number): Promise<Uint8Array> {
    const bytes = await this.#files.readAll(number);
    this.#bytes += bytes.length;
    return bytes;
  }

  #report(segments: number): RecoveryReport {
    let holes = 0;
    for (const log of this.#target.shards.values()) holes += log.holes.size;
    return {
      segments,
      bytes: this.#bytes,
      batches: this.#batches,
      entries: this.#entries,
      tornBytes: this.#tornBytes,
      holes,
    };
  }
}

function startOf(header: SegmentHeader): ScanPoint {
  const { previousBatch, previousChain } = header;
  return { offset: FIRST_BATCH_OFFSET, number: previousBatch, chain: previousChain };
}
