// The store of a member that keeps much: LMDB, with tables of recent writes before it.
//
//   put, delete ---> open table ---> full tables ---> LMDB, one transaction per table
//   get, range  <--- newest first: open table, full tables, LMDB
//
// A table ends where a batch ends, so a transaction holds whole batches, and a crash leaves all
// those up to some number. A table goes once its transaction is durable; until then it hides what
// LMDB has of its keys, whether the transaction is visible already or not.

import { assert } from '../../base/assert.ts';
import { compareBytes } from '../../base/bytes.ts';
import type { Clock } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import { DamageError, LmdbEnvironment, REMOVED } from './lmdb-environment.ts';
import { mergedRange } from './merged-range.ts';
import { OrderedTree } from './ordered-tree.ts';
import type {
  Store,
  StoreEvents,
  StoreOpening,
  StorePair,
  StoreSnapshot,
  StoreStats,
  StoreView,
} from './types.ts';
import { Undo } from './undo.ts';
import { WriteBehind } from './write-behind.ts';

/** Short against a restart that replays what is missing, long against the syncs of the log. */
const FLUSH_DELAY_MS = 500;
/** How much larger a table gets while another one is being written. */
const TABLE_GROWTH = 16;
const FIRST = new Uint8Array(0);

export interface LmdbStoreOptions {
  readonly clock: Pick<Clock, 'setTimer'>;
  /** A directory of the file system; nobody else writes into it. */
  readonly path: string;
  readonly flushDelayMs?: number;
  readonly tableBytesMax?: number;
  readonly waitingBytesMax?: number;
  /** How large the file may grow. */
  readonly mapBytes?: number;
}

export function openLmdbStore(options: LmdbStoreOptions, events: StoreEvents): StoreOpening {
  const { path, mapBytes } = options;
  try {
    const environment = new LmdbEnvironment(path, mapBytes);
    return { kind: 'opened', store: new LmdbStore(environment, options, events) };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const isDamage = error instanceof DamageError;
    const message = isDamage
      ? `${path}/data.mdb is no store, or a damaged one: ${why}. ` +
        'Remove this member and let a new one take its place.'
      : `${path} cannot be opened (${why}): see that it may be written and has room.`;
    return { kind: 'refused', reason: isDamage ? 'corrupt' : 'disk', path, message };
  }
}

interface Table {
  readonly tree: OrderedTree;
  bytes: number;
  /** The newest in it. */
  batch: number;
}

class LmdbStore implements Store {
  readonly #environment: LmdbEnvironment;
  readonly #behind: WriteBehind;
  readonly #tableBytesMax: number;
  readonly #waitingBytesMax: number;
  /** Newest first: the open one, then those that wait for the disk. */
  readonly #tables: Table[] = [newTable()];
  readonly #undo = new Undo();
  #open = this.#tables[0] as Table;
  #waitingBytes = 0;
  /** Of the open batch. */
  #openBytes = 0;
  #snapshotsOpen = 0;

  constructor(environment: LmdbEnvironment, options: LmdbStoreOptions, events: StoreEvents) {
    this.#environment = environment;
    this.#tableBytesMax = options.tableBytesMax ?? LIMITS.store.tableBytesMax;
    this.#waitingBytesMax = options.waitingBytesMax ?? LIMITS.store.waitingBytesMax;
    this.#behind = new WriteBehind({
      clock: options.clock,
      flushDelayMs: options.flushDelayMs ?? FLUSH_DELAY_MS,
      persist: () => this.#persist(),
      isUrgent: () => this.#tables.length > 1 || this.#open.bytes > this.#tableBytesMax,
      events,
    });
  }

  get(key: Uint8Array): Uint8Array | undefined {
    for (const { tree } of this.#tables) {
      const value = tree.get(key);
      if (value !== undefined) return value === REMOVED ? undefined : value;
    }
    return this.#environment.get(key);
  }

  range(low: Uint8Array, high: Uint8Array | undefined): Iterable<StorePair> {
    const trees = this.#tables.map(({ tree }) => tree).filter(({ size }) => size > 0);
    return visible([...trees, this.#environment], low, high);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#set(key, value);
  }

  delete(key: Uint8Array): void {
    this.#set(key, REMOVED);
  }

  #set(key: Uint8Array, value: Uint8Array): void {
    this.#behind.touch(key);
    this.#openBytes += key.length + value.length + LIMITS.store.pairOverheadBytes;
    this.#undo.note(key, this.#open.tree.set(key, value));
  }

  commit(): number {
    const batch = this.#behind.commit();
    const table = this.#open;
    this.#undo.clear();
    this.#waitingBytes += this.#openBytes;
    table.bytes += this.#openBytes;
    table.batch = batch;
    this.#openBytes = 0;
    // While the disk is busy the table grows on: who writes faster than the disk takes it is served
    // best by few large transactions.
    const isDiskFree = this.#tables.length === 1;
    if (table.bytes > this.#tableBytesMax * (isDiskFree ? 1 : TABLE_GROWTH)) {
      this.#beginTable();
      this.#behind.start();
    }
    return batch;
  }

  rollback(): void {
    this.#undo.apply(this.#open.tree);
    this.#openBytes = 0;
    this.#behind.rollback();
  }

  durableBatch(): number {
    return this.#behind.durableBatches;
  }

  flush(): Promise<boolean> {
    return this.#behind.flush();
  }

  async snapshot(): Promise<StoreSnapshot> {
    assert(!this.#behind.isBatchOpen, '[S5] a snapshot is taken between batches');
    // The tables and LMDB are looked at in the same turn. If a table's transaction is committed by
    // then and not yet reported, both have its pairs, and they are equal.
    const trees = this.#tables.filter(({ tree }) => tree.size > 0).map(({ tree }) => tree.view());
    const below = this.#environment.view();
    this.#snapshotsOpen += 1;
    let isOpen = true;
    return {
      batch: this.#behind.batches,
      get: (key) => {
        for (const tree of trees) {
          const value = tree.get(key);
          if (value !== undefined) return value === REMOVED ? undefined : value;
        }
        return below.get(key);
      },
      range: (low, high) => visible([...trees, below], low, high),
      close: () => {
        if (!isOpen) return;
        isOpen = false;
        this.#snapshotsOpen -= 1;
        below.close();
      },
    };
  }

  /** [S6] Asked by those who admit work; `put` itself never refuses. */
  get isBehind(): boolean {
    return this.#waitingBytes > this.#waitingBytesMax;
  }

  stats(): StoreStats {
    return {
      batches: this.#behind.batches,
      durableBatches: this.#behind.durableBatches,
      flushes: this.#behind.flushes,
      waitingBytes: this.#waitingBytes,
      snapshotsOpen: this.#snapshotsOpen,
    };
  }

  async close(): Promise<void> {
    assert(this.#snapshotsOpen === 0, '[S9] snapshots are closed before their store');
    await this.#behind.close();
    await this.#environment.close();
  }

  #beginTable(): void {
    this.#open = newTable();
    this.#tables.unshift(this.#open);
  }

  /** The oldest table, in one transaction. */
  async #persist(): Promise<number> {
    const table = this.#tables.at(-1) as Table;
    if (table === this.#open) this.#beginTable();
    await this.#environment.commit(table.tree.range(FIRST, undefined));
    this.#tables.pop();
    this.#waitingBytes -= table.bytes;
    return table.batch;
  }
}

function newTable(): Table {
  return { tree: new OrderedTree(), bytes: 0, batch: 0 };
}

/** [S1] Of all that was written for a key the newest counts, and a deletion hides the key. */
function* visible(
  sources: readonly StoreView[],
  low: Uint8Array,
  high: Uint8Array | undefined,
): Generator<StorePair, void> {
  if (high !== undefined && compareBytes(low, high) >= 0) return;
  for (const pair of mergedRange(sources.map((source) => source.range(low, high)))) {
    if (pair.value !== REMOVED) yield pair;
  }
}
