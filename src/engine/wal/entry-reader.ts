// Reads entries back from the segments, a span of records at a time, and checks each one.

import { DiskError } from '../../base/capabilities.ts';
import { type Entry, entryBytes } from '../../core/raft/index.ts';
import type { Committer } from './committer.ts';
import { RECORD_HEADER_BYTES, recordBytes, viewOf } from './format.ts';
import { entryKindAt } from './replay.ts';
import { BatchScanner } from './scan.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ShardLog } from './shard-log.ts';
import type { FetchOutcome } from './types.ts';

/** What one read takes at most, records of other shards in between included. */
const SPAN_BYTES_MAX = 1024 * 1024;
/** Records of other shards that are read along rather than read around. */
const GAP_BYTES_MAX = 32 * 1024;
/** What one fetch brings into memory at most. */
const FETCH_BYTES_MAX = 4 * 1024 * 1024;

/** Entries that are read at once, and where each of them stood when that began. */
interface Span {
  readonly segment: number;
  /** Of the first one. */
  readonly low: number;
  readonly offsets: readonly number[];
  readonly from: number;
  readonly bytes: number;
}

export class EntryReader {
  readonly #files: SegmentFiles;
  readonly #committer: Committer;
  readonly #salt: number;
  fetches = 0;

  constructor(files: SegmentFiles, committer: Committer, salt: number) {
    this.#files = files;
    this.#committer = committer;
    this.#salt = salt;
  }

  /** Brings entries from `low` on, below `high`, into the shard's cache. */
  async fetch(log: ShardLog, low: number, high: number, bytesMax: number): Promise<FetchOutcome> {
    this.fetches += 1;
    const run: Entry[] = [];
    const budget = Math.min(bytesMax, FETCH_BYTES_MAX);
    let bytes = 0;
    for (let next = low; next < high && (bytes < budget || run.length === 0); ) {
      if (next <= log.base.index || !log.index.has(next)) break;
      const hole = log.holes.get(next);
      if (hole !== undefined) {
        if (run.length > 0) break;
        return { kind: 'damaged', entry: { index: next, term: hole } };
      }
      const span = spanFrom(log, next, high, budget - bytes);
      const outcome = await this.#readSpan(log, span);
      if (!Array.isArray(outcome)) return run.length > 0 ? keep(log, run) : outcome;
      for (const entry of outcome) bytes += entryBytes(entry);
      run.push(...outcome);
      next += outcome.length;
    }
    return keep(log, run);
  }

  async #readSpan(
    log: ShardLog,
    span: Span,
  ): Promise<Entry[] | Exclude<FetchOutcome, { kind: 'fetched' }>> {
    const version = log.version;
    let bytes: Uint8Array;
    try {
      // The cache may have given up what is not written yet.
      if (!this.#committer.isWritten(span.segment, span.from + span.bytes - 1)) {
        await this.#committer.barrier();
      }
      const { failure } = this.#committer;
      // What was not written never will be, and files that are closed stay closed.
      if (failure !== undefined) return { kind: 'failed', reason: failure.reason };
      const file = await this.#files.file(span.segment);
      bytes = new Uint8Array(span.bytes);
      const count = await file.read(span.from, bytes);
      bytes = bytes.subarray(0, count);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      // Purged, replaced or copied meanwhile, and the segment is gone.
      if (!isStillThere(log, span)) return { kind: 'compacted' };
      return { kind: 'failed', reason: error.message };
    }
    if (log.version !== version && !isStillThere(log, span)) return { kind: 'compacted' };
    return this.#decode(log, span, bytes);
  }

  #decode(
    log: ShardLog,
    span: Span,
    bytes: Uint8Array,
  ): Entry[] | { readonly kind: 'damaged'; readonly entry: { index: number; term: number } } {
    const scanner = new BatchScanner(bytes, this.#salt);
    const view = viewOf(bytes);
    const entries: Entry[] = [];
    for (const [place, offset] of span.offsets.entries()) {
      const [index, at] = [span.low + place, offset - span.from];
      const [term, length] = [log.index.termOf(index), log.index.lengthOf(index)];
      if (!scanner.holdsEntry(at, log.shard, term, index, length)) {
        // [W9] Readable bytes that are not what was written: the entry is lost here.
        log.holes.set(index, term);
        return entries.length > 0 ? entries : { kind: 'damaged', entry: { index, term } };
      }
      const start = at + RECORD_HEADER_BYTES;
      const payload = bytes.slice(start, start + length);
      entries.push({ term, index, kind: entryKindAt(view, at), payload });
    }
    return entries;
  }
}

function spanFrom(log: ShardLog, low: number, high: number, budget: number): Span {
  const { index } = log;
  const segment = index.segmentOf(low);
  const from = index.offsetOf(low);
  let end = from + recordBytes(index.lengthOf(low));
  let wanted = index.lengthOf(low);
  const offsets = [from];
  for (let next = low + 1; next < high && index.has(next) && !log.holes.has(next); next++) {
    const offset = index.offsetOf(next);
    const length = index.lengthOf(next);
    wanted += length;
    if (index.segmentOf(next) !== segment || offset < end || offset > end + GAP_BYTES_MAX) break;
    if (wanted > budget || offset + recordBytes(length) - from > SPAN_BYTES_MAX) break;
    end = offset + recordBytes(length);
    offsets.push(offset);
  }
  return { segment, low, offsets, from, bytes: end - from };
}

/**
 * [W19] Whether the index still says of every entry what it said when the span was chosen: looked
 * for at another place in these bytes, an entry would seem lost. 1 to 4 are read from segment 1
 * while 3 is refilled in segment 2: both ends are where they were, and 3 is not.
 */
function isStillThere({ index }: ShardLog, { low, offsets, segment }: Span): boolean {
  for (const [place, offset] of offsets.entries()) {
    const at = low + place;
    if (!index.has(at) || index.segmentOf(at) !== segment) return false;
    if (index.offsetOf(at) !== offset) return false;
  }
  return true;
}

/** Keeps what the log still says; entries may have been replaced while they were read. */
function keep(log: ShardLog, run: Entry[]): FetchOutcome {
  const first = run.findIndex(({ index }) => index > log.base.index);
  const valid = first < 0 ? [] : run.slice(first);
  const wrong = valid.findIndex(({ index, term }) => log.term(index) !== term);
  const kept = wrong < 0 ? valid : valid.slice(0, wrong);
  log.cache.keepRun(kept);
  return kept.length > 0 ? { kind: 'fetched' } : { kind: 'compacted' };
}
