// Removes generations that nobody needs any more, a little at a time: a shard's old state can be
// large, and the store has better things to do.

import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Store } from '../../engine/store/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import {
  endOfPrefix,
  GARBAGE_RANGE,
  type Generation,
  garbageKey,
  generationOfKey,
  generationPrefix,
  shardOfKey,
} from './layout.ts';

const { removedPairsMax, removalPauseMs } = LIMITS.state;
const NOTHING = new Uint8Array(0);

interface Garbage {
  readonly shard: ShardId;
  readonly generation: Generation;
}

export class GarbageCollector {
  readonly #store: Store;
  readonly #clock: Pick<Clock, 'setTimer'>;
  readonly #waiting: Garbage[] = [];
  #timer: Timer | undefined;
  #isClosed = false;

  /** Goes on with what was left to do when the member stopped. */
  constructor(store: Store, clock: Pick<Clock, 'setTimer'>) {
    this.#store = store;
    this.#clock = clock;
    for (const { key } of store.range(...GARBAGE_RANGE)) {
      this.#waiting.push({ shard: shardOfKey(key), generation: generationOfKey(key) });
    }
    this.#schedule();
  }

  /** [D19] Part of the batch that is open: the generation has an owner at any moment. */
  add(shard: ShardId, generation: Generation): void {
    this.#store.put(garbageKey(shard, generation), NOTHING);
    this.#waiting.push({ shard, generation });
    this.#schedule();
  }

  /** A number that no pair in the store has. */
  unusedGeneration(shard: ShardId, present: Generation): Generation {
    let newest = present;
    for (const garbage of this.#waiting) {
      if (garbage.shard === shard) newest = Math.max(newest, garbage.generation);
    }
    return newest + 1;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#isClosed || this.#waiting.length === 0) return;
    this.#timer = this.#clock.setTimer(removalPauseMs, () => {
      this.#timer = undefined;
      if (!this.#store.isBehind) this.#removeSome();
      this.#schedule();
    });
  }

  #removeSome(): void {
    const [next] = this.#waiting;
    assert(next !== undefined, '[D19] the timer runs while there is garbage');
    const prefix = generationPrefix(next.shard, next.generation);
    const keys: Uint8Array[] = [];
    for (const { key } of this.#store.range(prefix, endOfPrefix(prefix))) {
      keys.push(key);
      if (keys.length === removedPairsMax) break;
    }
    for (const key of keys) this.#store.delete(key);
    if (keys.length < removedPairsMax) {
      this.#store.delete(garbageKey(next.shard, next.generation));
      this.#waiting.shift();
    }
    this.#store.commit();
  }
}
