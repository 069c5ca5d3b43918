// The store for the simulator, for tests, and for members that keep little: all of it in memory,
// its image on the disk.

import { assert } from '../../base/assert.ts';
import { ownBytes } from '../../base/bytes.ts';
import type { Clock, Disk } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import { readImage, writeImage } from './image.ts';
import type { OrderedTree } from './ordered-tree.ts';
import type {
  Store,
  StoreEvents,
  StoreOpening,
  StorePair,
  StoreSnapshot,
  StoreStats,
} from './types.ts';
import { Undo } from './undo.ts';
import { WriteBehind } from './write-behind.ts';

/** Each pass writes the whole image: the fewer the better, as long as the log can be purged. */
const FLUSH_DELAY_MS = 100;

export interface MemoryStoreOptions {
  readonly clock: Pick<Clock, 'setTimer'>;
  readonly disk: Disk;
  /** Below the data directory; nobody else writes into it. */
  readonly directory: string;
  readonly flushDelayMs?: number;
  readonly waitingBytesMax?: number;
  /** The image is written in pieces of this size. */
  readonly pieceBytes?: number;
}

export async function openMemoryStore(
  options: MemoryStoreOptions,
  events: StoreEvents,
): Promise<StoreOpening> {
  const tree = await readImage(options.disk, options.directory);
  if ('kind' in tree) return tree;
  return { kind: 'opened', store: new MemoryStore(tree, options, events) };
}

class MemoryStore implements Store {
  readonly #tree: OrderedTree;
  readonly #behind: WriteBehind;
  readonly #waitingBytesMax: number;
  readonly #undo = new Undo();
  #waitingBytes = 0;
  /** Of the open batch. */
  #openBytes = 0;
  #snapshotsOpen = 0;

  constructor(tree: OrderedTree, options: MemoryStoreOptions, events: StoreEvents) {
    this.#tree = tree;
    this.#waitingBytesMax = options.waitingBytesMax ?? LIMITS.store.waitingBytesMax;
    this.#behind = new WriteBehind({
      clock: options.clock,
      flushDelayMs: options.flushDelayMs ?? FLUSH_DELAY_MS,
      persist: async () => {
        const batch = this.#behind.batches;
        this.#waitingBytes = 0;
        await writeImage(options.disk, options.directory, tree.view(), options.pieceBytes);
        return batch;
      },
      isUrgent: () => this.isBehind,
      events,
    });
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#tree.get(key);
  }

  range(low: Uint8Array, high: Uint8Array | undefined): Iterable<StorePair> {
    return this.#tree.range(low, high);
  }

  put(key: Uint8Array, value: Uint8Array): void {
    this.#behind.touch(key);
    this.#openBytes += key.length + value.length + LIMITS.store.pairOverheadBytes;
    // What is put stays for as long as it is there.
    this.#undo.note(key, this.#tree.set(ownBytes(key), ownBytes(value)));
  }

  delete(key: Uint8Array): void {
    this.#behind.touch(key);
    this.#openBytes += key.length + LIMITS.store.pairOverheadBytes;
    this.#undo.note(key, this.#tree.delete(key));
  }

  commit(): number {
    this.#undo.clear();
    this.#waitingBytes += this.#openBytes;
    this.#openBytes = 0;
    return this.#behind.commit();
  }

  rollback(): void {
    this.#undo.apply(this.#tree);
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
    this.#snapshotsOpen += 1;
    let isOpen = true;
    const view = this.#tree.view();
    return {
      batch: this.#behind.batches,
      get: (key) => view.get(key),
      range: (low, high) => view.range(low, high),
      close: () => {
        if (isOpen) this.#snapshotsOpen -= 1;
        isOpen = false;
      },
    };
  }

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
  }
}
