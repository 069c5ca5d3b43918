// Entries in memory: the newest ones of each shard, all shards together within one budget, and what
// was fetched from disk last. What a core asks for soon is what was appended lately.
//
// Payloads come as views into what brought them: a frame of 256 KiB, say, with one entry for each
// of 4,000 shards. The budget counts what is held, which is the frame. So a shard that would keep a
// small part of one copies its part, and the others count the whole buffer, once per chunk.

import { assert } from '../../base/assert.ts';
import { copyTogether, isSmallPart } from '../../base/bytes.ts';
import { type Entry, entryBytes } from '../../core/raft/index.ts';

/** Runs fetched from disk that one shard keeps: one per peer that lags, one to apply. */
const RUNS_MAX = 8;
/** What goes at once when room is needed. */
const CHUNK_ENTRIES = 128;
const CHUNK_BYTES = 64 * 1024;

/** What all shards hold, and whose turn it is to give. */
export class CacheBudget {
  readonly bytesMax: number;
  readonly #shards: EntryCache[] = [];
  #turn = 0;
  /** Who fetched last. */
  #reader: EntryCache | undefined;
  bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  join(cache: EntryCache): void {
    this.#shards.push(cache);
  }

  leave(cache: EntryCache): void {
    cache.end();
    if (this.#reader === cache) this.#reader = undefined;
    this.#shards.splice(this.#shards.indexOf(cache), 1);
  }

  /**
   * Takes a little from one shard after the other, until the rest fits. What was fetched last
   * stays: it would be gone before it is read. So the budget is exceeded by one fetch at most.
   */
  trim(): void {
    let idle = 0;
    while (this.bytes > this.bytesMax && idle < this.#shards.length) {
      this.#turn = (this.#turn + 1) % this.#shards.length;
      const cache = this.#shards[this.#turn] as EntryCache;
      idle = cache.giveOldest(cache === this.#reader ? 1 : 0) ? 0 : idle + 1;
    }
  }

  /** `cache` has just fetched a run. */
  noteFetch(cache: EntryCache): void {
    this.#reader = cache;
    this.trim();
  }
}

/** Entries that came one after the other and go together. */
interface Chunk {
  readonly first: number;
  readonly entries: Entry[];
  /** What goes with it: entries and the buffers of their payloads. */
  bytes: number;
}

export class EntryCache {
  readonly #budget: CacheBudget;
  /** The newest entries, up to the last one of the log, in ascending order and without holes. */
  readonly #tail: Chunk[] = [];
  /** What was fetched, in the order of the fetches. */
  #runs: Chunk[] = [];
  #hasLeft = false;

  constructor(budget: CacheBudget) {
    this.#budget = budget;
    budget.join(this);
  }

  /** Adds those of `entries` from place `from` on. */
  append(entries: readonly Entry[], from = 0): void {
    for (let at = from; at < entries.length; ) {
      const { buffer } = (entries[at] as Entry).payload;
      let [end, bytes] = [at, 0];
      for (; entries[end]?.payload.buffer === buffer; end++) {
        bytes += entryBytes(entries[end] as Entry);
      }
      const isCopied = isSmallPart(bytes, buffer.byteLength);
      const part = entries.slice(at, end);
      this.#add(isCopied ? copied(part) : part, isCopied ? bytes : heldBytes(bytes, buffer));
      at = end;
    }
  }

  /** They share a buffer, and so they stay together: together they let it go. */
  #add(part: readonly Entry[], bytes: number): void {
    const { index } = part[0] as Entry;
    let chunk = this.#tail.at(-1);
    assert(chunk === undefined || endOf(chunk) === index, 'a cached tail has no holes');
    if (chunk === undefined || isFull(chunk)) {
      chunk = { first: index, entries: [], bytes: 0 };
      this.#tail.push(chunk);
    }
    for (const entry of part) chunk.entries.push(entry);
    chunk.bytes += bytes;
    this.#budget.bytes += bytes;
  }

  /** Entries beyond `index` are other ones from now on. */
  truncateTo(index: number): void {
    for (let last = this.#tail.at(-1); last !== undefined; last = this.#tail.at(-1)) {
      if (endOf(last) <= index + 1) break;
      this.#release(last);
      this.#tail.pop();
      this.append(last.entries.slice(0, Math.max(0, index + 1 - last.first)));
    }
    this.#dropRuns((run) => endOf(run) > index + 1);
  }

  /** Entries up to `index` are not asked for any more. */
  dropTo(index: number): void {
    for (let first = this.#tail[0]; first !== undefined; first = this.#tail[0]) {
      if (endOf(first) > index + 1) break;
      this.#release(first);
      this.#tail.shift();
    }
    this.#dropRuns((run) => endOf(run) <= index + 1);
  }

  keepRun(entries: Entry[]): void {
    const first = entries[0];
    if (first === undefined || this.#hasLeft) return;
    const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
    this.#runs.push({ first: first.index, entries, bytes });
    this.#budget.bytes += bytes;
    if (this.#runs.length > RUNS_MAX) this.#releaseFirst(this.#runs);
    this.#budget.noteFetch(this);
  }

  /** The cached entries from `index` on, as a list and the place in it. */
  find(index: number): { readonly entries: readonly Entry[]; readonly at: number } | undefined {
    const chunk = this.#inTail(index) ?? this.#inRuns(index);
    return chunk && { entries: chunk.entries, at: index - chunk.first };
  }

  /** Gives up the oldest of what it has, but not its last runs. False when nothing else is left. */
  giveOldest(runsKept: number): boolean {
    if (this.#runs.length > runsKept) return this.#releaseFirst(this.#runs);
    return this.#releaseFirst(this.#tail);
  }

  clear(): void {
    while (this.#releaseFirst(this.#tail));
    this.#dropRuns(() => true);
  }

  /**
   * Its shard is forgotten. A fetch that was under way brings its entries later, and nobody would
   * ever take them from the budget again.
   */
  end(): void {
    this.clear();
    this.#hasLeft = true;
  }

  #inTail(index: number): Chunk | undefined {
    const tail = this.#tail;
    let [low, high] = [0, tail.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (endOf(tail[middle] as Chunk) > index) high = middle;
      else low = middle + 1;
    }
    const found = tail[low];
    return found !== undefined && found.first <= index ? found : undefined;
  }

  /** The newest run first: it is the one that was just asked for. */
  #inRuns(index: number): Chunk | undefined {
    return this.#runs.findLast((run) => run.first <= index && index < endOf(run));
  }

  #dropRuns(isGone: (run: Chunk) => boolean): void {
    if (this.#runs.length === 0) return;
    const kept: Chunk[] = [];
    for (const run of this.#runs) {
      if (isGone(run)) this.#release(run);
      else kept.push(run);
    }
    this.#runs = kept;
  }

  #releaseFirst(chunks: Chunk[]): boolean {
    const first = chunks.shift();
    if (first !== undefined) this.#release(first);
    return first !== undefined;
  }

  #release(chunk: Chunk): void {
    this.#budget.bytes -= chunk.bytes;
    assert(this.#budget.bytes >= 0, 'what leaves the cache was in it');
  }
}

function isFull({ entries, bytes }: Chunk): boolean {
  return entries.length >= CHUNK_ENTRIES || bytes >= CHUNK_BYTES;
}

/** What entries of `bytes` cost that keep all of `buffer`. */
function heldBytes(bytes: number, { byteLength }: ArrayBufferLike): number {
  return Math.max(bytes, byteLength);
}

function copied(entries: readonly Entry[]): readonly Entry[] {
  const payloads = copyTogether(entries.map(({ payload }) => payload));
  return entries.map((entry, at) => ({ ...entry, payload: payloads[at] as Uint8Array }));
}

/** Index behind the last entry. */
function endOf({ first, entries }: Chunk): number {
  return first + entries.length;
}
