// Decides which shards give way when the store is behind: those that it waits for, and not those
// that ask for little.

import { assert } from '../../base/assert.ts';
import type { Store } from '../../engine/store/index.ts';
import type { ReplicaState } from '../state/index.ts';
import type { Turn } from './turn.ts';

type Burden = Pick<ReplicaState, 'unwrittenBytes'>;

export class StoreBurden {
  readonly #store: Pick<Store, 'isBehind'>;
  readonly #turn: Pick<Turn, 'nowMs'>;
  /** Shards whose state is ahead of what is durable of it. */
  readonly #moved: () => Iterable<Burden>;
  /** Half an even share of what waits, as of `#lookedMs`. */
  #shareBytes = 0;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(
    store: Pick<Store, 'isBehind'>,
    turn: Pick<Turn, 'nowMs'>,
    moved: () => Iterable<Burden>,
  ) {
    this.#store = store;
    this.#turn = turn;
    this.#moved = moved;
  }

  /**
   * [H20] [H21] Whether `state` must wait for the store. Of n shards that wait to be written down
   * each may have half an nth of all of it. So those that are held back have half of it at least,
   * and what the others add is never more than that once again.
   */
  holdsBack(state: Burden): boolean {
    if (!this.#store.isBehind) return false;
    if (this.#turn.nowMs !== this.#lookedMs) this.#look();
    return state.unwrittenBytes() >= this.#shareBytes;
  }

  /** Once per turn: with ten thousand shards a tenth of a millisecond. */
  #look(): void {
    let [bytes, shards] = [0, 0];
    for (const state of this.#moved()) {
      const own = state.unwrittenBytes();
      assert(own >= 0, '[D23] a shard waits with no less than nothing');
      bytes += own;
      if (own > 0) shards += 1;
    }
    this.#lookedMs = this.#turn.nowMs;
    // A byte at least: with nothing to wait for nobody is in the way.
    this.#shareBytes = Math.max(1, bytes / (2 * Math.max(1, shards)));
  }
}
