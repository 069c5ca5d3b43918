// The states that are held ready to be sent. Each holds a reader of the store open, so that they
// are few and do not stay long.

import { equalBytes } from '../../base/bytes.ts';
import type { Timer } from '../../base/capabilities.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { PreparedSnapshot } from '../state/index.ts';
import type { SnapshotLimits, SnapshotParts } from './types.ts';

interface Place {
  readonly prepared: PreparedSnapshot;
  readonly expiry: Timer;
}

export class PreparedShelf {
  readonly #parts: SnapshotParts;
  readonly #limits: SnapshotLimits;
  readonly #onPrepared: (shard: ShardId) => void;
  /** The oldest first. */
  readonly #places = new Map<ShardId, Place>();
  readonly #underWay = new Set<ShardId>();
  #isClosed = false;
  made = 0;

  constructor(parts: SnapshotParts, limits: SnapshotLimits, onPrepared: (shard: ShardId) => void) {
    this.#parts = parts;
    this.#limits = limits;
    this.#onPrepared = onPrepared;
  }

  latest(shard: ShardId, minIndex: number): Snapshot | 'pending' {
    const snapshot = this.#places.get(shard)?.prepared.snapshot;
    if (snapshot !== undefined && snapshot.index >= minIndex) return snapshot;
    if (!this.#underWay.has(shard)) void this.#prepare(shard);
    return 'pending';
  }

  /** The state with the name that a snapshot's `data` is; undefined when it went meanwhile. */
  find(shard: ShardId, name: Uint8Array): PreparedSnapshot | undefined {
    const prepared = this.#places.get(shard)?.prepared;
    if (prepared === undefined || !equalBytes(prepared.snapshot.data, name)) return undefined;
    return prepared;
  }

  close(): void {
    this.#isClosed = true;
    for (const shard of this.#places.keys()) this.#drop(shard);
  }

  async #prepare(shard: ShardId): Promise<void> {
    const data = this.#parts.states.state(shard);
    if (data === undefined) return;
    this.#underWay.add(shard);
    const prepared = await data.prepareSnapshot().catch((error: unknown) => {
      this.#parts.log.error('snapshot not prepared', { shard, why: String(error) });
    });
    this.#underWay.delete(shard);
    if (this.#isClosed) prepared?.close();
    else if (prepared !== undefined) this.#put(shard, prepared);
    if (!this.#isClosed) this.#onPrepared(shard);
  }

  #put(shard: ShardId, prepared: PreparedSnapshot): void {
    this.made += 1;
    this.#drop(shard);
    for (const oldest of this.#places.keys()) {
      if (this.#places.size < this.#limits.preparedMax) break;
      this.#drop(oldest);
    }
    const { preparedMs } = this.#limits;
    const expiry = this.#parts.clock.setTimer(preparedMs, () => this.#drop(shard));
    this.#places.set(shard, { prepared, expiry });
  }

  /** Those who send it still hold it. */
  #drop(shard: ShardId): void {
    const place = this.#places.get(shard);
    if (place === undefined) return;
    this.#places.delete(shard);
    place.expiry.cancel();
    place.prepared.close();
  }
}
