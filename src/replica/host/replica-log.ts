// The durable log as one shard's core sees it: the member's log, with what the state adds to it.

import { assert } from '../../base/assert.ts';
import type { ConfState, Entry, HardState, LogSource, Snapshot } from '../../core/raft/index.ts';
import type { Wal } from '../../engine/wal/index.ts';
import type { Snapshots } from '../snapshots/index.ts';
import type { ReplicaState } from '../state/index.ts';

export type ShardLog = ReturnType<Wal['shard']>;

export class ReplicaLog implements LogSource {
  readonly wal: ShardLog;
  readonly #data: ReplicaState;
  readonly #snapshots: Pick<Snapshots, 'latest'>;
  /** A snapshot of this index or beyond has the present config, and so all who may need one. */
  configIndex: number;

  constructor(wal: ShardLog, data: ReplicaState, snapshots: Pick<Snapshots, 'latest'>) {
    this.wal = wal;
    this.#data = data;
    this.#snapshots = snapshots;
    this.configIndex = data.applied().index;
  }

  /**
   * The config is that of the state, which is newer than the log's newest snapshot. [H50] What was
   * applied was committed: the commit index on disk may lag behind. It may also be ahead: it was
   * written in a batch before that of the entries it speaks of, and then the power failed. What is
   * in the log up to it is committed all the same [W21].
   */
  initialState(): { hardState: HardState; confState: ConfState } {
    const { hardState } = this.wal.initialState();
    const known = Math.min(hardState.commit, this.wal.lastIndex());
    const commit = Math.max(known, this.#data.applied().index);
    const applied = this.#data.applied().index;
    assert(commit >= applied, '[H50] what was applied was committed');
    assert(commit <= Math.max(this.wal.lastIndex(), applied), '[H50] a commit is of entries here');
    return { hardState: { ...hardState, commit }, confState: this.#data.confState() };
  }

  firstIndex(): number {
    return this.wal.firstIndex();
  }

  lastIndex(): number {
    return this.wal.lastIndex();
  }

  term(index: number): number | 'compacted' | 'unavailable' {
    return this.wal.term(index);
  }

  entries(low: number, high: number, bytesMax: number): readonly Entry[] | 'compacted' | 'pending' {
    return this.wal.entries(low, high, bytesMax);
  }

  snapshot(): Snapshot | 'pending' {
    const minIndex = Math.max(this.wal.firstIndex() - 1, this.configIndex);
    return this.#snapshots.latest(this.#data.shard, minIndex);
  }
}
