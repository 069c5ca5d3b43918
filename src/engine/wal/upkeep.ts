// Lets old segments go: finds who keeps them, repeats small state that is all there is to keep, and
// rewrites a log that a host does not want to compact.

import { assert } from '../../base/assert.ts';
import { DiskError } from '../../base/capabilities.ts';
import type { Entry } from '../../core/raft/index.ts';
import type { ChangeWriter } from './change-writer.ts';
import type { Committer } from './committer.ts';
import type { EntryReader } from './entry-reader.ts';
import { recordBytes } from './format.ts';
import type { SegmentFiles } from './segment-files.ts';
import type { ShardLog } from './shard-log.ts';
import type { Pin, RewriteOutcome, ShardId } from './types.ts';

/** Appends that may come between while a log is read to be rewritten. */
const REWRITE_ATTEMPTS_MAX = 3;

export class Upkeep {
  readonly #files: SegmentFiles;
  readonly #committer: Committer;
  readonly #writer: ChangeWriter;
  readonly #reader: EntryReader;
  readonly #shards: ReadonlyMap<ShardId, ShardLog>;
  readonly #rewriteBytesMax: number;
  #reclaiming: Promise<void> | undefined;
  #isWantedAgain = false;

  constructor(
    files: SegmentFiles,
    committer: Committer,
    writer: ChangeWriter,
    reader: EntryReader,
    shards: ReadonlyMap<ShardId, ShardLog>,
    rewriteBytesMax: number,
  ) {
    this.#files = files;
    this.#committer = committer;
    this.#writer = writer;
    this.#reader = reader;
    this.#shards = shards;
    this.#rewriteBytesMax = rewriteBytesMax;
  }

  // --- reclaiming -------------------------------------------------------------------------------

  /** Removes the segments that nobody needs, in the background. */
  reclaim(onTrouble: (reason: string) => void): void {
    if (this.#reclaiming !== undefined) {
      this.#isWantedAgain = true;
      return;
    }
    this.#reclaiming = this.#reclaimAll(onTrouble).finally(() => {
      this.#reclaiming = undefined;
    });
  }

  async idle(): Promise<void> {
    await this.#reclaiming;
  }

  async #reclaimAll(onTrouble: (reason: string) => void): Promise<void> {
    try {
      do {
        this.#isWantedAgain = false;
        await this.#reclaimOnce();
      } while (this.#isWantedAgain);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      onTrouble(error.message);
    }
  }

  /**
   * [W10] A segment goes only when what replaced its records is durable. The pins say what was
   * appended, so they are asked first, and the barrier after them makes all of it durable.
   */
  async #reclaimOnce(): Promise<void> {
    const oldest = this.#files.numbers[0];
    let below = this.#committer.segment;
    for (const log of this.#shards.values()) below = Math.min(below, log.entryPin());
    if (oldest === undefined || oldest >= below) return;
    for (const log of this.#shards.values()) {
      if (log.statePin() < below) this.#writer.rewriteState(log);
    }
    if (!(await this.#committer.barrier())) return;
    while ((this.#files.numbers[0] ?? below) < below) await this.#files.removeOldest();
  }

  // --- who keeps the oldest segment -------------------------------------------------------------

  /** Shards with entries in the oldest segment, the cheapest to rewrite first. */
  pins(): readonly Pin[] {
    const oldest = this.#files.numbers[0];
    const pins: Pin[] = [];
    if (oldest === undefined || oldest === this.#committer.segment) return pins;
    for (const log of this.#shards.values()) {
      const { index } = log;
      if (log.entryPin() !== oldest) continue;
      let last = index.first;
      for (let at = index.first; at <= index.last; at++) {
        if (index.segmentOf(at) === oldest) last = at;
      }
      const liveBytes = index.payloadBytes + index.count * recordBytes(0);
      pins.push({ shard: log.shard, segment: oldest, lastIndexInside: last, liveBytes });
    }
    return pins.toSorted((a, b) => a.liveBytes - b.liveBytes);
  }

  // --- rewriting --------------------------------------------------------------------------------

  async rewrite(log: ShardLog): Promise<RewriteOutcome> {
    const { index } = log;
    for (let attempt = 0; attempt < REWRITE_ATTEMPTS_MAX; attempt++) {
      const bytes = index.payloadBytes + index.count * (recordBytes(0) + 3);
      if (bytes + this.#writer.stateBytes(log) > this.#rewriteBytesMax) return 'tooLarge';
      const { version } = log;
      const entries = await this.#readAll(log);
      // Its copy would bring the shard back after the next start.
      if (this.#isForgotten(log)) return 'forgotten';
      if (entries === undefined) return 'unreadable';
      if (log.version !== version) continue;
      assert(entries.length === index.count, '[W17] a rewrite copies the whole log');
      this.#writer.rewriteAll(log, entries);
      return (await this.#committer.barrier()) ? 'rewritten' : 'unreadable';
    }
    return 'busy';
  }

  #isForgotten(log: ShardLog): boolean {
    return this.#shards.get(log.shard) !== log;
  }

  async #readAll(log: ShardLog): Promise<readonly Entry[] | undefined> {
    const all: Entry[] = [];
    for (let next = log.firstIndex(); next <= log.lastIndex(); ) {
      const found = log.entries(next, log.lastIndex() + 1, Number.POSITIVE_INFINITY);
      if (found === 'compacted') return all;
      if (found === 'pending') {
        const high = log.lastIndex() + 1;
        const outcome = await this.#reader.fetch(log, next, high, this.#rewriteBytesMax);
        if (outcome.kind === 'damaged' || outcome.kind === 'failed') return undefined;
        // What is fetched for a shard that is forgotten is not kept: it would be fetched for ever.
        if (outcome.kind === 'compacted' || this.#isForgotten(log)) return all;
        continue;
      }
      all.push(...found);
      next += found.length;
    }
    return all;
  }
}
