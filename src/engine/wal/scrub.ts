// Reads segments that are not written any more once again, and checks every byte: rot is found
// while peers still have what it took.

import { type Clock, DiskError } from '../../base/capabilities.ts';
import type { Committer } from './committer.ts';
import {
  FIRST_BATCH_OFFSET,
  parseSegmentHeader,
  RECORD,
  readU64,
  recordBytes,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
} from './format.ts';
import { BatchScanner, type BatchView } from './scan.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ShardLog } from './shard-log.ts';
import type { ScrubReport, ShardId } from './types.ts';

type ShardLogs = ReadonlyMap<ShardId, ShardLog>;

export class Scrubber {
  readonly #files: SegmentFiles;
  readonly #committer: Pick<Committer, 'segment' | 'failure'>;
  readonly #shards: ShardLogs;
  readonly #clock: Pick<Clock, 'setTimer'>;
  #isRunning = false;
  #reading: Promise<ScrubReport> | undefined;

  constructor(
    files: SegmentFiles,
    committer: Pick<Committer, 'segment' | 'failure'>,
    shards: ShardLogs,
    clock: Pick<Clock, 'setTimer'>,
  ) {
    this.#files = files;
    this.#committer = committer;
    this.#shards = shards;
    this.#clock = clock;
  }

  /** Undefined while another run is on. */
  async run(pauseMs: number): Promise<ScrubReport | undefined> {
    if (this.#isRunning) return undefined;
    this.#isRunning = true;
    try {
      return await this.#readAll(pauseMs);
    } finally {
      this.#isRunning = false;
    }
  }

  /** Waits for the segment that is being read: once the log has ended, no other one follows. */
  async idle(): Promise<void> {
    // One that broke has told who started it.
    await this.#reading?.catch(() => {});
  }

  async #readAll(pauseMs: number): Promise<ScrubReport> {
    let [bytes, lost] = [0, 0];
    let damage: string | undefined;
    for (const number of this.#files.numbers.slice()) {
      const isSealed = number < this.#committer.segment && this.#files.isKept(number);
      if (!isSealed || this.#committer.failure !== undefined) continue;
      this.#reading = scrubSegment(this.#files, number, this.#shards);
      const report = await this.#reading;
      bytes += report.bytes;
      lost += report.lost;
      // Purged while it was read: nothing to find.
      if (this.#files.isKept(number)) damage ??= report.damage;
      await new Promise<void>((resolve) => this.#clock.setTimer(pauseMs, resolve));
    }
    return { bytes, lost, damage };
  }
}

/** One segment, up to where `next` says that it ends. Entries that are lost become holes. */
async function scrubSegment(
  files: SegmentFiles,
  number: number,
  shards: ShardLogs,
): Promise<ScrubReport> {
  try {
    const own = await readHeader(files, number);
    const next = await readHeader(files, number + 1);
    if (own === undefined || next === undefined) return unreadable('a header is damaged');
    const bytes = new Uint8Array(next.previousEnd);
    const count = await (await files.file(number)).read(0, bytes);
    return check(bytes.subarray(0, count), own, next, shards);
  } catch (error) {
    if (error instanceof DiskError) return unreadable(error.message);
    throw error;
  }
}

function check(
  bytes: Uint8Array,
  own: SegmentHeader,
  next: SegmentHeader,
  shards: ShardLogs,
): ScrubReport {
  const scanner = new BatchScanner(bytes, own.salt);
  let lost = 0;
  const point = {
    offset: FIRST_BATCH_OFFSET,
    number: own.previousBatch,
    chain: own.previousChain,
  };
  const limit = next.previousEnd;
  const result = scanner.scan(
    point,
    Math.min(limit, bytes.length),
    (batch, isDamaged) => {
      if (isDamaged) lost += markLost(scanner, batch, own.number, shards);
    },
    limit,
  );
  const isWhole = result.fault === undefined && result.end.offset === limit;
  if (!isWhole) return { ...unreadable(`batch at ${result.end.offset} is damaged`), lost };
  return { bytes: bytes.length, lost, damage: undefined };
}

/** Marks entries of the batch that the index still looks for here. */
function markLost(
  scanner: BatchScanner,
  { view, from, end }: BatchView,
  segment: number,
  shards: ShardLogs,
): number {
  let lost = 0;
  for (let at = from; at < end; at += recordBytes(view.getUint32(at + 8, true))) {
    const type = view.getUint8(at + 12);
    if (type !== RECORD.entry && type !== RECORD.refill) continue;
    if (scanner.holdsPayload(at)) continue;
    const log = shards.get(view.getUint32(at + 16, true));
    const [term, index] = [readU64(view, at + 20), readU64(view, at + 28)];
    if (log?.index.has(index) !== true) continue;
    if (log.index.segmentOf(index) !== segment || log.index.offsetOf(index) !== at) continue;
    log.holes.set(index, term);
    lost += 1;
  }
  return lost;
}

async function readHeader(files: SegmentFiles, number: number): Promise<SegmentHeader | undefined> {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const count = await (await files.file(number)).read(0, bytes);
  const parsed = parseSegmentHeader(bytes.subarray(0, count));
  return parsed.kind === 'header' ? parsed.header : undefined;
}

function unreadable(damage: string): ScrubReport {
  return { bytes: 0, lost: 0, damage };
}
