// The store that a crash may leave, by its contract alone: any prefix of the batches that holds
// those which were promised to be durable. What one implementation leaves is only some of that.

import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { ManualClock } from '../../../test/support/wal-scenario.ts';
import type { Prng } from '../../base/prng.ts';
import type { Store } from '../../engine/store/index.ts';
import { type OpenState, openStateOf, openTestStore } from '../state/state.support.ts';

type Write = readonly [key: Uint8Array, value: Uint8Array | undefined];

/** Remembers every batch, so that a crash can leave any of them as the last one. */
export class BatchHistory {
  readonly #batches: { readonly calls: number; readonly writes: readonly Write[] }[] = [];
  /** Pairs: calls of the disk so far, batches that were promised to be durable. */
  readonly #durable: [number, number][] = [];

  watch(store: Store, disk: CrashDisk): Store {
    let writes: Write[] = [];
    const put = store.put.bind(store);
    const remove = store.delete.bind(store);
    const commit = store.commit.bind(store);
    const flush = store.flush.bind(store);
    store.put = (key, value) => {
      writes.push([key, value]);
      put(key, value);
    };
    store.delete = (key) => {
      writes.push([key, undefined]);
      remove(key);
    };
    store.commit = () => {
      if (writes.length > 0) this.#batches.push({ calls: disk.calls, writes });
      writes = [];
      return commit();
    };
    store.flush = async () => {
      const promised = this.#batches.length;
      const isDurable = await flush();
      if (isDurable) this.#durable.push([disk.calls, promised]);
      return isDurable;
    };
    return store;
  }

  /** A store that a crash after `calls` calls may leave, whatever the disk of this run holds. */
  async leftAfter(calls: number, random: Prng): Promise<OpenState> {
    const disk = new CrashDisk();
    const clock = new ManualClock();
    const store = await openTestStore(disk, clock);
    const durable = countAt(this.#durable, calls);
    const done = this.#batches.filter((batch) => batch.calls <= calls).length;
    const kept = durable + random.below(Math.max(0, done - durable) + 1);
    for (const { writes } of this.#batches.slice(0, kept)) {
      for (const [key, value] of writes) {
        if (value === undefined) store.delete(key);
        else store.put(key, value);
      }
      store.commit();
    }
    return openStateOf(store, disk, clock);
  }
}

/** The highest number noted by the time of `calls`. */
export function countAt(notes: readonly [number, number][], calls: number): number {
  let highest = 0;
  for (const [at, index] of notes) if (at <= calls) highest = Math.max(highest, index);
  return highest;
}
