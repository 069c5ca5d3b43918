// Entries in memory: the newest ones of each shard, all shards together within one budget, and what
// was fetched from disk last. What a core asks for soon is what was appended lately.

import { assert } from '../../base/assert.ts';
import { type Entry, entryBytes } from '../../core/raft/index.ts';

/** Runs fetched from disk that one shard keeps: one per peer that lags, one to apply. */
const RUNS_MAX = 8;

/** What all shards hold, and whose turn it is to give. */
export class CacheBudget {
  readonly bytesMax: number;
  readonly #shards: EntryCache[] = [];
  #turn = 0;
  bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  join(cache: EntryCache): void {
    this.#shards.push(cache);
  }

  leave(cache: EntryCache): void {
    cache.clear();
    this.#shards.splice(this.#shards.indexOf(cache), 1);
  }

  /** Takes the older half of one shard after the other, until the rest fits. */
  trim(): void {
    // A single large entry may stay: halves of it do not exist. Two rounds find that out.
    let idle = 0;
    while (this.bytes > this.bytesMax && idle < this.#shards.length) {
      this.#turn = (this.#turn + 1) % this.#shards.length;
      const cache = this.#shards[this.#turn] as EntryCache;
      idle = cache.giveHalf() ? 0 : idle + 1;
    }
  }
}

export class EntryCache {
  readonly #budget: CacheBudget;
  /** The newest entries, up to the last one of the log. */
  #tail: Entry[] = [];
  #runs: (readonly Entry[])[] = [];

  constructor(budget: CacheBudget) {
    this.#budget = budget;
    budget.join(this);
  }

  append(entry: Entry): void {
    const last = this.#tail.at(-1);
    assert(last === undefined || last.index + 1 === entry.index, 'a cached tail has no holes');
    this.#tail.push(entry);
    this.#budget.bytes += entryBytes(entry);
  }

  /** Entries beyond `index` are other ones from now on. */
  truncateTo(index: number): void {
    const first = this.#tail[0];
    if (first !== undefined) this.#release(this.#tail.splice(Math.max(0, index - first.index + 1)));
    this.#dropRuns((run) => (run.at(-1) as Entry).index > index);
  }

  /** Entries up to `index` are not asked for any more. */
  dropTo(index: number): void {
    const first = this.#tail[0];
    if (first !== undefined && first.index <= index) {
      this.#release(this.#tail.splice(0, index - first.index + 1));
    }
    this.#dropRuns((run) => (run[0] as Entry).index <= index);
  }

  keepRun(run: readonly Entry[]): void {
    if (run.length === 0) return;
    this.#runs.push(run);
    for (const entry of run) this.#budget.bytes += entryBytes(entry);
    if (this.#runs.length > RUNS_MAX) this.#release(this.#runs.shift() ?? []);
  }

  /** The cached entries from `index` on, as a list and the place in it. */
  find(index: number): { readonly entries: readonly Entry[]; readonly at: number } | undefined {
    const first = this.#tail[0];
    if (first !== undefined && index >= first.index) {
      return { entries: this.#tail, at: index - first.index };
    }
    // The newest run first: it is the one that was just asked for.
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i] as readonly Entry[];
      const at = index - (run[0] as Entry).index;
      if (at >= 0 && at < run.length) return { entries: run, at };
    }
    return undefined;
  }

  /** Gives up fetched runs, or else the older half of the tail. False when there is nothing. */
  giveHalf(): boolean {
    // The run just fetched stays: it would otherwise be gone before it is read.
    if (this.#runs.length > 1) {
      this.#release(this.#runs.shift() ?? []);
      return true;
    }
    if (this.#tail.length < 2) return false;
    this.#release(this.#tail.splice(0, this.#tail.length >> 1));
    return true;
  }

  clear(): void {
    this.#release(this.#tail);
    this.#tail = [];
    this.#dropRuns(() => true);
  }

  #dropRuns(isGone: (run: readonly Entry[]) => boolean): void {
    if (this.#runs.length === 0) return;
    const kept: (readonly Entry[])[] = [];
    for (const run of this.#runs) {
      if (isGone(run)) this.#release(run);
      else kept.push(run);
    }
    this.#runs = kept;
  }

  #release(entries: readonly Entry[]): void {
    for (const entry of entries) this.#budget.bytes -= entryBytes(entry);
    assert(this.#budget.bytes >= 0, 'what leaves the cache was in it');
  }
}
