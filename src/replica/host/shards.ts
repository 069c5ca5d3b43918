// How replicas begin and end: opened from log and store, stopped for a reason, begun anew.

import { assert } from '../../base/assert.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import type { ShardChange, ShardId } from '../../engine/wal/index.ts';
import type { ReplicaState } from '../state/index.ts';
import type { ShardPlan } from '../types.ts';
import type { StopReason } from './condition.ts';
import { describeOpeningRefusal, openReplica } from './opening.ts';
import type { Registry } from './registry.ts';
import { Replica, type ReplicaContext } from './replica.ts';
import { reasonOf, type Supervisor, stackOf } from './supervisor.ts';
import type { Turn } from './turn.ts';

export interface ShardEvents {
  /** The replica runs from now on. */
  onOpened(replica: Replica): void;
  /** What its core asked for goes to the log before anything else of the shard. */
  onStopping(replica: Replica): void;
  onStopped(replica: Replica): void;
}

export class Shards {
  readonly #context: ReplicaContext;
  readonly #registry: Registry;
  readonly #supervisor: Supervisor;
  readonly #turn: Pick<Turn, 'schedule'>;
  readonly #events: ShardEvents;
  /** Shards whose beginning is on its way to the disk. */
  readonly #beginning = new Set<ShardId>();

  constructor(
    context: ReplicaContext,
    registry: Registry,
    supervisor: Supervisor,
    events: ShardEvents,
  ) {
    this.#context = context;
    this.#registry = registry;
    this.#supervisor = supervisor;
    this.#turn = context.turn;
    this.#events = events;
  }

  // --- beginning --------------------------------------------------------------------------------

  isBeginning(shard: ShardId): boolean {
    return this.#beginning.has(shard);
  }

  open(plan: ShardPlan): void {
    const { shard } = plan;
    const isKnown = this.#registry.get(shard) !== undefined || this.#beginning.has(shard);
    assert(!isKnown, 'a shard is opened once');
    if (this.#supervisor.isClosed) return;
    const { member, states, wal } = this.#context.parts;
    const opening = openReplica(plan, wal.shard(shard), states, member);
    if (opening.kind === 'refused') {
      this.#supervisor.fail(describeOpeningRefusal(shard, opening.refusal));
    } else if (opening.kind === 'ready') this.#add(shard, opening.data);
    else this.#found(plan, opening.change, opening.snapshot);
  }

  /** [H53] The store learns of a new shard when its log is durable. */
  #found({ machine, shard }: ShardPlan, change: ShardChange, snapshot: Snapshot): void {
    const { states, wal } = this.#context.parts;
    this.#beginning.add(shard);
    wal.append([change], (outcome) => {
      const isExpected = this.#beginning.delete(shard);
      assert(isExpected, 'a shard begins once');
      if (outcome !== 'durable' || this.#supervisor.isClosed) return;
      this.#add(shard, states.create(shard, machine, snapshot, snapshot.confState));
    });
  }

  #add(shard: ShardId, data: ReplicaState): void {
    const replica = new Replica(this.#context, shard, data);
    this.#registry.add(replica);
    this.#events.onOpened(replica);
    replica.mark();
  }

  /** [H62] Whether `retired` is still what its shard is. */
  mayReopen(retired: Replica): boolean {
    return this.#registry.get(retired.shard) === retired;
  }

  /** [H62] Begins anew with what log and store say. */
  reopen(retired: Replica): void {
    assert(!retired.isRunning, '[H62] a shard has one core at a time');
    assert(this.mayReopen(retired), '[H62] a shard begins anew as itself');
    this.#add(retired.shard, retired.data);
  }

  // --- ending -----------------------------------------------------------------------------------

  /** [H90] What `error` says is a bug: callers are told, and all other shards go on. */
  stopBroken(replica: Replica, error: unknown): void {
    const { shard } = replica;
    const message = reasonOf(error);
    this.#context.parts.log.error('shard stopped', {
      shard,
      reason: message,
      stack: stackOf(error),
    });
    this.#stop(replica, { kind: 'bug', message });
  }

  /** [H62] [H63] It takes no further part; what its core asked for is on its way to the log. */
  retire(replica: Replica, reason: StopReason): void {
    assert(replica.isRunning, 'a replica is retired once');
    this.#events.onStopping(replica);
    this.#stop(replica, reason);
  }

  /** [H91] Everyone who waits is told. */
  stopAll(): void {
    for (const replica of this.#registry.all()) this.#stop(replica, { kind: 'memberStops' });
    assert(this.#registry.runningCount === 0, '[H91] no replica outlives its member');
  }

  #stop(replica: Replica, reason: StopReason): void {
    if (!replica.isRunning) return;
    replica.stop(reason);
    this.#registry.retire(replica);
    this.#events.onStopped(replica);
    this.#turn.schedule();
  }
}
