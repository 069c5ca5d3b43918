// The keys of one node, found by key and walked by version. Versions only ascend, so the log of
// stores is the index by version: a key stored again leaves a superseded entry behind, which walks
// skip and compaction removes.

import { assert, must } from '../../base/assert.ts';
import { KeyOrder } from './key-order.ts';
import type { EntryStatus, NodeEntry } from './types.ts';

/** What an entry costs beside its texts, roughly: the object and its places in log and map. */
const ENTRY_OVERHEAD_BYTES = 120;
/** Up to here a scan of the log beats a map in time and, over a million tables, in memory. */
const SCAN_MAX = 8;

export class Entry implements NodeEntry {
  readonly key: string;
  readonly value: string;
  readonly version: number;
  readonly status: EntryStatus;
  /** Local time at which the status was learnt: each node counts the grace for itself. */
  readonly statusAtMs: number;
  superseded = false;

  constructor(
    key: string,
    value: string,
    version: number,
    status: EntryStatus,
    statusAtMs: number,
  ) {
    this.key = key;
    this.value = value;
    this.version = version;
    this.status = status;
    this.statusAtMs = statusAtMs;
  }
}

/** Bytes held by all tables together. */
export interface StateMemory {
  bytes: number;
}

export function entryBytes(key: string, value: string): number {
  return key.length + value.length + ENTRY_OVERHEAD_BYTES;
}

export class EntryTable {
  readonly #memory: StateMemory;
  /** Ascending by version. */
  #log: Entry[] = [];
  #superseded = 0;
  #byKey: Map<string, Entry> | undefined;
  /** Made for the first page that is read of a table with an index. */
  #order: KeyOrder | undefined;
  /** Time of the oldest mark for deletion, or later if that mark was overwritten. */
  #oldestMarkMs = Number.POSITIVE_INFINITY;

  constructor(memory: StateMemory) {
    this.#memory = memory;
  }

  get size(): number {
    return this.#log.length - this.#superseded;
  }

  get lastVersion(): number {
    return this.#log.at(-1)?.version ?? 0;
  }

  find(key: string): Entry | undefined {
    if (this.#byKey !== undefined) return this.#byKey.get(key);
    const log = this.#log;
    for (let i = log.length - 1; i >= 0; i--) {
      const entry = log[i] as Entry;
      if (entry.key === key && !entry.superseded) return entry;
    }
    return undefined;
  }

  /** Stores an entry, the newest of the table, in place of the one with the same key. */
  put(entry: Entry): void {
    assert(entry.version > this.lastVersion, 'entries are stored by ascending version [G12]');
    const before = this.find(entry.key);
    if (before === undefined) this.#order?.add(entry.key);
    else this.#supersede(before);
    this.#log.push(entry);
    this.#memory.bytes += entryBytes(entry.key, entry.value);
    if (entry.status !== 'set') {
      this.#oldestMarkMs = Math.min(this.#oldestMarkMs, entry.statusAtMs);
    }
    if (this.#byKey !== undefined) this.#byKey.set(entry.key, entry);
    else if (this.#log.length > SCAN_MAX) this.#index();
    if (this.#superseded > 4 && this.#superseded * 2 > this.#log.length) this.#compact();
  }

  #index(): void {
    this.#compact();
    if (this.#log.length <= SCAN_MAX) return;
    this.#byKey = new Map(this.#log.map((entry) => [entry.key, entry]));
  }

  #supersede(entry: Entry): void {
    entry.superseded = true;
    this.#superseded += 1;
    this.#memory.bytes -= entryBytes(entry.key, entry.value);
  }

  #compact(): void {
    this.#log = this.#log.filter((entry) => !entry.superseded);
    this.#superseded = 0;
  }

  /** Entries in ascending order of version, each key once. */
  after(version: number): Entry[] {
    const entries = this.#log.slice(this.indexAfter(version));
    return this.#superseded === 0 ? entries : entries.filter((entry) => !entry.superseded);
  }

  /** Up to `count` entries in key order that begin with `prefix` and come behind `after`. */
  page(prefix: string, after: string | undefined, count: number): Entry[] {
    const keys = this.#inOrder().page(prefix, after, count);
    return keys.map((key) => must(this.find(key), 'keys in order are keys of the table'));
  }

  #inOrder(): KeyOrder {
    if (this.#order !== undefined) return this.#order;
    const order = new KeyOrder(this.after(0).map((entry) => entry.key));
    // A few keys are sorted sooner than a thousand small tables keep their order.
    if (this.#byKey !== undefined) this.#order = order;
    return order;
  }

  countAfter(version: number): number {
    let count = 0;
    if (this.#superseded === 0) return this.#log.length - this.indexAfter(version);
    for (let i = this.indexAfter(version); i < this.#log.length; i++) {
      if (!(this.#log[i] as Entry).superseded) count += 1;
    }
    return count;
  }

  /** The place of the first entry beyond the version, for `at`. Valid until the table changes. */
  indexAfter(version: number): number {
    let low = 0;
    let high = this.#log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#log[middle] as Entry).version <= version) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** By place. Superseded entries are among them; undefined behind the last. */
  at(index: number): Entry | undefined {
    return this.#log[index];
  }

  /** All entries of the table, replaced. `entries` ascend by version and have distinct keys. */
  replace(entries: readonly Entry[]): void {
    this.clear();
    for (const entry of entries) this.put(entry);
  }

  clear(): void {
    for (const entry of this.after(0)) this.#supersede(entry);
    this.#log = [];
    this.#superseded = 0;
    this.#byKey = undefined;
    this.#order = undefined;
    this.#oldestMarkMs = Number.POSITIVE_INFINITY;
  }

  /** The table leaves the account of memory; whoever still holds it may read it. */
  release(): void {
    for (const entry of this.after(0)) {
      this.#memory.bytes -= entryBytes(entry.key, entry.value);
    }
  }

  /** False when no entry is marked for deletion; may be true without one. */
  get hasMarks(): boolean {
    return this.#oldestMarkMs !== Number.POSITIVE_INFINITY;
  }

  /** True when a purge may find something: the check that runs for every node in every round. */
  isPurgeDue(nowMs: number, graceMs: number): boolean {
    return nowMs - this.#oldestMarkMs >= graceMs;
  }

  /** Removes entries marked for deletion `graceMs` ago or longer; answers what was removed. */
  purge(nowMs: number, graceMs: number): { count: number; versionMax: number } {
    let count = 0;
    let versionMax = 0;
    this.#oldestMarkMs = Number.POSITIVE_INFINITY;
    for (const entry of this.after(0)) {
      if (entry.status === 'set') continue;
      if (nowMs - entry.statusAtMs >= graceMs) {
        this.#supersede(entry);
        this.#byKey?.delete(entry.key);
        versionMax = entry.version;
        count += 1;
      } else this.#oldestMarkMs = Math.min(this.#oldestMarkMs, entry.statusAtMs);
    }
    if (count > 0) {
      this.#compact();
      this.#order?.retain((key) => this.find(key) !== undefined);
    }
    return { count, versionMax };
  }
}
