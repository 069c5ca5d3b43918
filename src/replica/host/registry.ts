// The shards of a member: which there are, and which of them tick when.

import { assert, must } from '../../base/assert.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { Replica } from './replica.ts';

export class Registry {
  /** Those that stopped among them: callers hear why. */
  readonly #replicas = new Map<ShardId, Replica>();
  /** Those that run, by the phase in which they tick. */
  readonly #phases: Replica[][];
  #runningCount = 0;

  constructor(phases: number) {
    assert(phases >= 1, 'there is one phase at least');
    this.#phases = Array.from({ length: phases }, () => []);
  }

  get runningCount(): number {
    return this.#runningCount;
  }

  get(shard: ShardId): Replica | undefined {
    return this.#replicas.get(shard);
  }

  running(shard: ShardId): Replica | undefined {
    const replica = this.#replicas.get(shard);
    return replica?.isRunning === true ? replica : undefined;
  }

  all(): Iterable<Replica> {
    return this.#replicas.values();
  }

  /** Those that lead, by what they know. */
  *leaders(): Iterable<Replica> {
    for (const replica of this.#replicas.values()) if (replica.isLeader) yield replica;
  }

  /** Those that tick in this step. */
  inPhase(step: number): readonly Replica[] {
    return must(this.#phases[step % this.#phases.length], 'every step has a phase');
  }

  add(replica: Replica): void {
    const { shard } = replica;
    assert(replica.isRunning, 'a replica begins as one that runs');
    assert(this.running(shard) === undefined, '[H62] a shard has one core at a time');
    this.#replicas.set(shard, replica);
    this.#phaseOf(shard).push(replica);
    this.#runningCount += 1;
  }

  /** It stopped: it ticks no more, and stays known. */
  retire(replica: Replica): void {
    assert(!replica.isRunning, 'a replica stops before it is taken from its phase');
    const phase = this.#phaseOf(replica.shard);
    const place = phase.indexOf(replica);
    assert(place >= 0, 'a replica is retired once');
    // A copy: the phase may be the one that is being walked.
    this.#phases[replica.shard % this.#phases.length] = phase.toSpliced(place, 1);
    this.#runningCount -= 1;
    assert(this.#runningCount >= 0, 'only replicas that were added are retired');
  }

  /** The shard has left this member. */
  forget(replica: Replica): void {
    assert(!replica.isRunning, '[H94] a shard stops before it is forgotten');
    assert(this.#replicas.get(replica.shard) === replica, '[H94] a shard is forgotten once');
    this.#replicas.delete(replica.shard);
  }

  #phaseOf(shard: ShardId): Replica[] {
    return must(this.#phases[shard % this.#phases.length], 'every shard has a phase');
  }
}
