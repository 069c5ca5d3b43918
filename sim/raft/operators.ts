// What operators do to a group that runs: change its members, hand over leadership, compact logs.

import type { Prng } from '../../src/base/prng.ts';
import type { ConfChange, NodeChange, NodeChangeKind } from '../../src/core/raft/index.ts';
import type { Replica, Surroundings } from './replica.ts';
import { TICK } from './scenario.ts';

export type Duty = 'change' | 'transfer' | 'forget' | 'campaign' | 'compact' | 'evict' | 'burst';

const DUTIES: readonly Duty[] = [
  'change',
  'transfer',
  'forget',
  'campaign',
  'compact',
  'evict',
  'burst',
];
const CHANGE_KINDS: readonly NodeChangeKind[] = ['addVoter', 'addVoter', 'addLearner', 'remove'];

/** Entries that a leader without a quorum is given. */
const PILE_MAX = 12;

export class Operators {
  readonly #world: Surroundings;
  readonly #random: Prng;
  readonly #periods: Readonly<Record<Duty, number>>;

  constructor(world: Surroundings, random: Prng) {
    const { scenario } = world;
    this.#world = world;
    this.#random = random;
    this.#periods = {
      change: scenario.changeEvery,
      transfer: scenario.transferEvery,
      forget: scenario.forgetEvery,
      campaign: scenario.campaignEvery,
      compact: scenario.compactEvery,
      evict: scenario.evictEvery,
      burst: scenario.burstEvery,
    };
    for (const duty of DUTIES) this.#again(duty);
  }

  #again(duty: Duty): void {
    const period = this.#periods[duty];
    if (period === 0) return;
    const delay = 1 + this.#random.below(2 * period * TICK);
    this.#world.timeline.add(delay, 'operator', DUTIES.indexOf(duty));
  }

  /** `leader` is who believes to lead just now, if anyone: changes mostly go there. */
  act(number: number, replicas: readonly Replica[], leader: Replica | undefined): string {
    const duty = DUTIES[number] as Duty;
    this.#again(duty);
    const some = replicas[this.#random.below(replicas.length)] as Replica;
    const isAtLeader = duty === 'change' || duty === 'transfer';
    const replica = isAtLeader && leader !== undefined && this.#random.below(4) > 0 ? leader : some;
    if (!replica.isUp || replica.isPaused) return `${duty}: nobody there`;
    if (duty === 'compact' && this.#world.scenario.compactsTogether) return this.#compact(replicas);
    const outcome = this.#perform(duty, replica, replicas.length);
    return `${duty} at ${replica.id}: ${outcome}`;
  }

  #perform(duty: Duty, replica: Replica, pool: number): string {
    const { counters } = this.#world;
    switch (duty) {
      case 'change': {
        const change = this.#drawChange(pool);
        return replica.ask((core) => core.proposeConfChange(change)).kind;
      }
      case 'transfer': {
        const to = 1 + this.#random.below(pool);
        const { kind } = replica.ask((core) => core.transferLeader(to));
        if (kind === 'started') counters.transfersStarted += 1;
        return kind;
      }
      case 'forget': {
        const outcome = replica.ask((core) => core.forgetLeader());
        if (outcome === 'forgotten') counters.leadersForgotten += 1;
        return outcome;
      }
      case 'campaign':
        return replica.ask((core) => core.campaign());
      case 'compact': {
        const done = replica.compact(this.#random.below(4));
        if (done) counters.compactions += 1;
        return done ? 'done' : 'nothing to do';
      }
      case 'evict':
        replica.evict();
        return 'done';
      case 'burst': {
        // Writes that nobody waits for: a leader that is cut off piles up some of them.
        const { commit, lastIndex, role } = replica.status();
        if (role !== 'leader' || lastIndex - commit > PILE_MAX) return 'not here';
        const count = 1 + this.#random.below(4);
        const payloads = Array.from({ length: count }, () => this.#drawNoise());
        return replica.ask((core) => core.propose(payloads)).kind;
      }
    }
  }

  #compact(replicas: readonly Replica[]): string {
    const trailing = this.#random.below(4);
    let count = 0;
    for (const replica of replicas) {
      if (replica.isUp && !replica.isPaused && replica.compact(trailing)) count += 1;
    }
    this.#world.counters.compactions += count;
    return `compact: at ${count}`;
  }

  #drawNoise(): Uint8Array {
    const payload = new Uint8Array(1 + this.#random.below(10));
    return payload.fill(this.#random.below(256));
  }

  #drawChange(pool: number): ConfChange {
    const changes: NodeChange[] = [];
    const count = [1, 1, 1, 2, 3, 0][this.#random.below(6)] as number;
    for (let i = 0; i < count; i++) {
      const kind = CHANGE_KINDS[this.#random.below(CHANGE_KINDS.length)] as NodeChangeKind;
      changes.push({ kind, node: 1 + this.#random.below(pool) });
    }
    const transitions = ['auto', 'auto', 'implicit', 'explicit'] as const;
    const transition = count === 0 ? 'auto' : (transitions[this.#random.below(4)] ?? 'auto');
    const isPlain = count === 1 && transition === 'auto' && this.#random.below(2) === 0;
    return { version: isPlain ? 1 : 2, transition, changes, context: new Uint8Array(0) };
  }
}
