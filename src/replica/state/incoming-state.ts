// A shard's next state while it comes from another member: a generation of its own, which nobody
// reads before it is whole, durable and installed.

import { assert } from '../../base/assert.ts';
import { compareBytes } from '../../base/bytes.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import type { Store, StorePair } from '../../engine/store/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import {
  encodeStaged,
  type Generation,
  generationPrefix,
  joinBytes,
  NO_PROGRESS,
  type Staged,
  stagedKey,
} from './layout.ts';
import type { IncomingState, Progress } from './types.ts';

export class StoredIncomingState implements IncomingState {
  readonly snapshot: Snapshot;
  readonly generation: Generation;
  readonly #shard: ShardId;
  readonly #store: Store;
  readonly #prefix: Uint8Array;
  #progress: Progress;
  #isComplete: boolean;

  constructor(shard: ShardId, store: Store, staged: Staged) {
    this.#shard = shard;
    this.#store = store;
    this.snapshot = staged.snapshot;
    this.generation = staged.generation;
    this.#prefix = generationPrefix(shard, staged.generation);
    this.#progress = staged.progress;
    this.#isComplete = staged.isComplete;
  }

  /** [D18] The record is there before the first pair: what a crash leaves has an owner. */
  static begin(
    shard: ShardId,
    store: Store,
    generation: Generation,
    snapshot: Snapshot,
  ): StoredIncomingState {
    const staged: Staged = { generation, snapshot, isComplete: false, progress: NO_PROGRESS };
    const next = new StoredIncomingState(shard, store, staged);
    next.#save();
    return next;
  }

  get progress(): Progress {
    return this.#progress;
  }

  get isComplete(): boolean {
    return this.#isComplete;
  }

  add(pairs: readonly StorePair[], progress: Progress): boolean {
    assert(!this.#isComplete, '[D18] nothing is added to a whole state');
    const first = pairs[0];
    if (first !== undefined && compareBytes(first.key, this.#progress.lastKey) <= 0) return false;
    for (const { key, value } of pairs) {
      // A copy, or one small value would keep the whole chunk in memory.
      this.#store.put(joinBytes(this.#prefix, key), value.slice());
    }
    this.#progress = progress;
    this.#save();
    return true;
  }

  complete(): void {
    this.#isComplete = true;
    this.#save();
  }

  /** Pairs and the record of how far they go are in one batch. */
  #save(): void {
    const { generation, snapshot } = this;
    const staged = {
      generation,
      snapshot,
      isComplete: this.#isComplete,
      progress: this.#progress,
    };
    this.#store.put(stagedKey(this.#shard), encodeStaged(staged));
    this.#store.commit();
  }
}
