// The states that are held ready to be sent. Each holds a reader of the store open, so that they
// are few and do not stay long.

import { assert, must } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Timer } from '../../base/capabilities.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { PreparedSnapshot } from '../state/index.ts';
import type { SnapshotLimits, SnapshotParts } from './types.ts';

interface Held {
  readonly prepared: PreparedSnapshot;
  readonly expiry: Timer;
  readonly madeAtMs: number;
  /** Its core has heard of it: it is being sent, or is not needed any more. */
  isFetched: boolean;
}

/**
 * A core asks again with the next heartbeat. Until then a state keeps its held: otherwise, of a
 * hundred shards that a peer lacks, each would find that the others took its held meanwhile, and
 * none would ever be sent.
 */
const FETCH_MS = 1_000;

export class PreparedSnapshots {
  readonly #parts: SnapshotParts;
  readonly #limits: SnapshotLimits;
  /** The oldest first. */
  readonly #held = new Map<ShardId, Held>();
  readonly #underWay = new Set<ShardId>();
  #isClosed = false;
  made = 0;

  constructor(parts: SnapshotParts, limits: SnapshotLimits) {
    this.#parts = parts;
    this.#limits = limits;
  }

  latest(shard: ShardId, minIndex: number): Snapshot | 'pending' {
    const held = this.#held.get(shard);
    if (held !== undefined && held.prepared.snapshot.index >= minIndex) {
      held.isFetched = true;
      return held.prepared.snapshot;
    }
    if (held !== undefined) this.#drop(shard);
    if (!this.#underWay.has(shard) && this.#hasRoom()) void this.#prepare(shard);
    return 'pending';
  }

  #hasRoom(): boolean {
    const taken = this.#held.size + this.#underWay.size;
    return taken < this.#limits.preparedMax || this.#dispensable() !== undefined;
  }

  /** The oldest that nobody waits for. */
  #dispensable(): ShardId | undefined {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const [shard, { isFetched, madeAtMs }] of this.#held) {
      if (isFetched || nowMs >= madeAtMs + FETCH_MS) return shard;
    }
    return undefined;
  }

  /** The state with the name that a snapshot's `data` is; undefined when it went meanwhile. */
  find(shard: ShardId, name: Uint8Array): PreparedSnapshot | undefined {
    const prepared = this.#held.get(shard)?.prepared;
    if (prepared === undefined || !equalBytes(prepared.snapshot.data, name)) return undefined;
    return prepared;
  }

  /** [N15] One that is being prepared is let go of when its time is over. */
  closeShard(shard: ShardId): void {
    this.#drop(shard);
  }

  close(): void {
    this.#isClosed = true;
    for (const shard of this.#held.keys()) this.#drop(shard);
  }

  async #prepare(shard: ShardId): Promise<void> {
    const data = this.#parts.states.state(shard);
    if (data === undefined) return;
    assert(!this.#underWay.has(shard), '[N1] a state is prepared once at a time');
    this.#underWay.add(shard);
    const prepared = await data.prepareSnapshot().catch((error: unknown) => {
      this.#parts.log.error('snapshot not prepared', { shard, why: String(error) });
    });
    this.#underWay.delete(shard);
    if (this.#isClosed) prepared?.close();
    else if (prepared !== undefined) this.#put(shard, prepared);
  }

  #put(shard: ShardId, prepared: PreparedSnapshot): void {
    assert(prepared.shard === shard, '[N1] a state is kept under its own shard');
    this.made += 1;
    this.#drop(shard);
    const { preparedMax, preparedMs } = this.#limits;
    const { clock } = this.#parts;
    while (this.#held.size >= preparedMax) {
      const [oldest] = this.#held.keys();
      this.#drop(must(this.#dispensable() ?? oldest, 'a full set has members'));
    }
    const expiry = clock.setTimer(preparedMs, () => this.#drop(shard));
    const madeAtMs = clock.monotonicMs();
    assert(this.#held.size < preparedMax, '[N11] few states are held');
    this.#held.set(shard, { prepared, expiry, madeAtMs, isFetched: false });
  }

  /** Those who send it still hold it. */
  #drop(shard: ShardId): void {
    const held = this.#held.get(shard);
    if (held === undefined) return;
    this.#held.delete(shard);
    held.expiry.cancel();
    held.prepared.close();
  }
}
