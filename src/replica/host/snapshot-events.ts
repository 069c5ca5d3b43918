// What becomes of snapshots on their way, as the cores of the shards are to hear it.

import { draftMessage, type Message } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { SnapshotsHandler } from '../snapshots/index.ts';
import { type LostEntriesHome, takeState } from './lost-entries.ts';
import type { Replica } from './replica.ts';

export interface SnapshotEventsHome extends LostEntriesHome {
  readonly member: MemberId;
  replica(shard: ShardId): Replica | undefined;
  /** A message of a peer. */
  step(replica: Replica, message: Message): void;
  /** [H90] What `error` says is a bug: the replica stops. */
  stopBroken(replica: Replica, error: unknown): void;
}

export class SnapshotEvents implements SnapshotsHandler {
  readonly #home: SnapshotEventsHome;

  constructor(home: SnapshotEventsHome) {
    this.#home = home;
  }

  #running(shard: ShardId): Replica | undefined {
    const replica = this.#home.isClosed ? undefined : this.#home.replica(shard);
    return replica?.stopped === undefined ? replica : undefined;
  }

  termOf(shard: ShardId): number {
    return this.#home.replica(shard)?.core.basicStatus().term ?? 0;
  }

  /** As if it had answered a heartbeat. */
  onNewerTerm(shard: ShardId, from: MemberId, term: number): void {
    const replica = this.#running(shard);
    if (replica === undefined) return;
    this.#home.step(replica, draftMessage('appendResponse', from, this.#home.member, term));
  }

  /** [H52] The state of `message.snapshot` is staged. True if the core takes it over. */
  onStaged(shard: ShardId, message: Message): boolean {
    const replica = this.#running(shard);
    if (replica === undefined) return false;
    this.#home.wake(replica);
    try {
      if (replica.stepSnapshot(message)) return true;
      const { snapshot } = message;
      return snapshot !== undefined && takeState(this.#home, replica, snapshot);
    } catch (error) {
      this.#home.stopBroken(replica, error);
      return false;
    } finally {
      this.#home.markDirty(replica);
    }
  }

  onSent(shard: ShardId, to: MemberId, isWhole: boolean): void {
    const replica = this.#running(shard);
    if (replica === undefined) return;
    replica.core.reportSnapshot(to, isWhole);
    this.#home.markDirty(replica);
  }
}
