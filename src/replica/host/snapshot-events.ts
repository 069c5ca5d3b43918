// Tells the cores of the shards what became of snapshots on their way.

import { assert } from '../../base/assert.ts';
import { draftMessage, type Message } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { SnapshotsHandler } from '../snapshots/index.ts';
import { type TakeStateParts, takeState } from './lost-entries.ts';
import type { Registry } from './registry.ts';
import type { Replica } from './replica.ts';
import type { Shards } from './shards.ts';
import type { Supervisor } from './supervisor.ts';

export interface SnapshotEventsParts extends TakeStateParts {
  readonly member: MemberId;
}

export class SnapshotEvents implements SnapshotsHandler {
  readonly #parts: SnapshotEventsParts;
  readonly #registry: Pick<Registry, 'get' | 'running'>;
  readonly #supervisor: Pick<Supervisor, 'isClosed'>;
  readonly #shards: Pick<Shards, 'mayReopen' | 'reopen' | 'retire' | 'stopBroken'>;

  constructor(
    parts: SnapshotEventsParts,
    registry: Pick<Registry, 'get' | 'running'>,
    supervisor: Pick<Supervisor, 'isClosed'>,
    shards: Pick<Shards, 'mayReopen' | 'reopen' | 'retire' | 'stopBroken'>,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.#supervisor = supervisor;
    this.#shards = shards;
  }

  #running(shard: ShardId): Replica | undefined {
    return this.#supervisor.isClosed ? undefined : this.#registry.running(shard);
  }

  runs(shard: ShardId): boolean {
    return this.#running(shard) !== undefined;
  }

  termOf(shard: ShardId): number {
    return this.#registry.get(shard)?.core.basicStatus().term ?? 0;
  }

  /** As if it had answered a heartbeat. */
  onNewerTerm(shard: ShardId, from: MemberId, term: number): void {
    const replica = this.#running(shard);
    if (replica === undefined) return;
    replica.step(draftMessage('appendResponse', from, this.#parts.member, term));
  }

  /** [H52] The state of `message.snapshot` is staged. True if the core takes it over. */
  onStaged(shard: ShardId, message: Message): boolean {
    const replica = this.#running(shard);
    if (replica === undefined) return false;
    const { snapshot } = message;
    assert(snapshot !== undefined, '[H52] a state comes with its snapshot');
    replica.wake();
    try {
      if (replica.stepSnapshot(message)) return true;
      return takeState(this.#parts, this.#supervisor, this.#shards, replica, snapshot);
    } catch (error) {
      this.#shards.stopBroken(replica, error);
      return false;
    } finally {
      replica.mark();
    }
  }
}
