// How replicas begin and end: opened from log and store, stopped for a reason, begun anew.

import { assert } from '../../base/assert.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { ReplicaState } from '../state/index.ts';
import type { RemoveOutcome, ShardPlan } from '../types.ts';
import type { StopReason } from './condition.ts';
import {
  describeOpeningRefusal,
  formerLogOf,
  isUntouched,
  type NewReplica,
  openReplica,
  type Resumption,
} from './opening.ts';
import type { Registry } from './registry.ts';
import { Replica, type ReplicaContext } from './replica.ts';
import { reasonOf, type Supervisor, stackOf } from './supervisor.ts';
import type { Turn } from './turn.ts';

export interface ShardEvents {
  /** The replica runs from now on. */
  onOpened(replica: Replica): void;
  /** All that its core asked for goes to the log before anything else of the shard. */
  onStopping(replica: Replica): void;
  onStopped(replica: Replica): void;
  /** The shard is not open any more: whatever others do for it ends. */
  onClosed(shard: ShardId): void;
}

interface Closing {
  /** What is to be opened after it. */
  next: ShardPlan | undefined;
}

export class Shards {
  readonly #context: ReplicaContext;
  readonly #registry: Registry;
  readonly #supervisor: Supervisor;
  readonly #turn: Pick<Turn, 'schedule'>;
  readonly #events: ShardEvents;
  /** Shards whose beginning is on its way to the disk. */
  readonly #beginning = new Set<ShardId>();
  /** [H94] Something of them is on its way to the disk; with the plan for what comes after. */
  readonly #closing = new Map<ShardId, Closing>();
  /** [H95] Shards on their way out, with the plan for what comes after. */
  readonly #leaving = new Map<ShardId, ShardPlan | undefined>();

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
    this.#finishRemovals();
  }

  /** [H95] A removal that a crash interrupted, or a newcomer whose record the crash took back. */
  #finishRemovals(): void {
    const { states, wal } = this.#context.parts;
    for (const shard of states.removed()) {
      if (isUntouched(wal.shard(shard))) {
        states.forgotten(shard);
        continue;
      }
      this.#leaving.set(shard, undefined);
      this.#supervisor.watch('removing a shard', this.#remove(shard));
    }
  }

  // --- beginning --------------------------------------------------------------------------------

  isBeginning(shard: ShardId): boolean {
    const next = this.#leaving.get(shard) ?? this.#closing.get(shard)?.next;
    return this.#beginning.has(shard) || next !== undefined;
  }

  open(plan: ShardPlan): void {
    const { shard } = plan;
    const isKnown = this.#registry.get(shard) !== undefined || this.isBeginning(shard);
    assert(!isKnown, 'a shard is opened once');
    if (this.#supervisor.isClosed) return;
    if (this.#leaving.has(shard)) {
      this.#leaving.set(shard, plan);
      return;
    }
    const closing = this.#closing.get(shard);
    if (closing !== undefined) {
      closing.next = plan;
      return;
    }
    const { member, states, wal } = this.#context.parts;
    const opening = openReplica(plan, wal.shard(shard), states, member);
    if (opening.kind === 'new') this.#create(plan, opening);
    else this.#begin(shard, opening);
  }

  /** The one place where an opening is refused: the member cannot go on. [H53] */
  #begin(shard: ShardId, opening: Resumption): void {
    if (opening.kind === 'ready') this.#add(shard, opening.data);
    else this.#supervisor.fail(describeOpeningRefusal(shard, opening.refusal));
  }

  /** [H53] The store learns of a new shard when its log is durable. */
  #create({ machine, shard }: ShardPlan, { at, change, confState }: NewReplica): void {
    const { states, wal } = this.#context.parts;
    this.#beginning.add(shard);
    wal.append([change], (outcome) => {
      const isExpected = this.#beginning.delete(shard);
      assert(isExpected, 'a shard begins once');
      if (outcome !== 'durable' || this.#supervisor.isClosed) return;
      this.#add(shard, states.create(shard, machine, at, confState));
    });
  }

  #add(shard: ShardId, data: ReplicaState): void {
    const replica = new Replica(this.#context, shard, data);
    this.#registry.add(replica);
    this.#events.onOpened(replica);
    replica.mark();
    if (data.unsupported !== undefined) this.stopBroken(replica, data.unsupported);
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
    const { unsupported } = replica.data;
    const message = unsupported ?? reasonOf(error);
    const { events, log } = this.#context.parts;
    const kind = unsupported === undefined ? 'bug' : 'unsupported';
    const reason: StopReason = { kind, message };
    const stack = stackOf(error);
    log.error('shard stopped', { shard, reason: message, stack });
    events?.tell({ kind: 'shardStopped', shard, reason, stack });
    this.#stop(replica, reason);
  }

  /** [H62] [H63] It takes no further part; what its core asked for is on its way to the log. */
  retire(replica: Replica, reason: StopReason): void {
    assert(replica.isRunning, 'a replica is retired once');
    this.#events.onStopping(replica);
    this.#stop(replica, reason);
  }

  /** [H94] False when it is not open. */
  close(shard: ShardId): boolean {
    const replica = this.#registry.get(shard);
    if (replica === undefined) return false;
    this.#close(replica);
    const closing: Closing = { next: undefined };
    this.#closing.set(shard, closing);
    this.#supervisor.watch('closing a shard', this.#release(shard, closing));
    return true;
  }

  #close(replica: Replica): void {
    if (replica.isRunning) this.retire(replica, { kind: 'closed' });
    this.#registry.forget(replica);
    this.#events.onClosed(replica.shard);
  }

  /** [H94] By its end log and store have all that was asked of them, an installed state too. */
  async #release(shard: ShardId, closing: Closing): Promise<void> {
    const { states, wal } = this.#context.parts;
    const isLogged = await new Promise<boolean>((resolve) => {
      wal.append([], (outcome) => resolve(outcome === 'durable'));
    });
    // Removed meanwhile: nothing is left to let go of.
    if (!isLogged || this.#closing.get(shard) !== closing) return;
    const isStored = await states.release(shard);
    if (this.#closing.get(shard) !== closing) return;
    this.#closing.delete(shard);
    if (isStored && closing.next !== undefined) this.open(closing.next);
  }

  /** [H95] */
  remove(shard: ShardId, done: (outcome: RemoveOutcome) => void): void {
    const { clock } = this.#context.parts;
    const refusal = this.#removeRefusal(shard);
    if (refusal !== undefined) {
      clock.afterTurn(() => done(refusal));
      return;
    }
    const replica = this.#registry.get(shard);
    if (replica !== undefined) this.#close(replica);
    this.#closing.delete(shard);
    this.#leaving.set(shard, undefined);
    this.#supervisor.watch('removing a shard', this.#removeAndTell(shard, done));
  }

  #removeRefusal(shard: ShardId): RemoveOutcome | undefined {
    if (this.#supervisor.isClosed) return 'stopping';
    if (this.#leaving.has(shard)) return 'unknownShard';
    if (this.isBeginning(shard)) return 'beginning';
    const isKnown = this.#context.parts.states.shardIds().includes(shard);
    return isKnown ? undefined : 'unknownShard';
  }

  async #removeAndTell(shard: ShardId, done: (outcome: RemoveOutcome) => void): Promise<void> {
    done(await this.#remove(shard));
  }

  /** Between any two steps the power may fail: SPEC.md says what a start finds. */
  async #remove(shard: ShardId): Promise<RemoveOutcome> {
    const { log, states, wal } = this.#context.parts;
    const isDurable = await states.remove(shard, formerLogOf(wal.shard(shard)));
    if (!isDurable || this.#supervisor.isClosed) return 'stopping';
    log.info('shard removed', { shard });
    return await this.#forgetLog(shard);
  }

  async #forgetLog(shard: ShardId): Promise<RemoveOutcome> {
    const { states, wal } = this.#context.parts;
    assert(this.#leaving.has(shard), '[H95] only the log of a shard that leaves is forgotten');
    assert(this.#registry.get(shard) === undefined, '[H95] a shard that leaves does not run');
    wal.forget(shard);
    const isDurable = await new Promise<boolean>((resolve) => {
      wal.append([], (outcome) => resolve(outcome === 'durable'));
    });
    if (!isDurable || this.#supervisor.isClosed) return 'stopping';
    states.forgotten(shard);
    const next = this.#leaving.get(shard);
    this.#leaving.delete(shard);
    if (next !== undefined) this.open(next);
    return 'removed';
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
    replica.data.releaseSessions();
    this.#turn.schedule();
  }
}
