// One simulated group, from a seed to its verdict.
//
//   safety phase     everything that the scenario allows goes wrong
//   liveness phase   the network heals, everyone is back: the group must elect, commit and agree

import { assert, must, unreachable } from '../../src/base/assert.ts';
import { Prng } from '../../src/base/prng.ts';
import type {
  BasicStatus,
  ConfState,
  Message,
  NodeId,
  Snapshot,
} from '../../src/core/raft/index.ts';
import { Clients } from './clients.ts';
import { type Counters, noCounts } from './counters.ts';
import type { Checkpoint } from './durable.ts';
import { Machine, type MachineImage } from './machine.ts';
import { Network } from './network.ts';
import { Operators } from './operators.ts';
import { Oracle, Violation } from './oracle.ts';
import { Replica, type Surroundings } from './replica.ts';
import { type Scenario, TICK } from './scenario.ts';
import { type SimEvent, Timeline } from './timeline.ts';

/** The group begins behind a snapshot, so that whoever joins needs one. */
const BASE_INDEX = 1;
const BASE_TERM = 1;
const FAULTS = ['crash', 'cut', 'pause', 'slowDisk', 'slowMachine', 'deaf'] as const;

/** Of faults that last. */
const END = 1;
const SILENCE = 2;

/** What a replica waits for by itself. */
type OwnWork =
  | 'tick'
  | 'diskDone'
  | 'applyDone'
  | 'fetchDone'
  | 'poll'
  | 'report'
  | 'resume'
  | 'ambush';

/** Told of every event, for a trace or for people. */
export type Observer = (event: SimEvent, world: World, note: string) => void;

export class World implements Surroundings {
  readonly scenario: Scenario;
  readonly timeline = new Timeline();
  readonly counters: Counters = noCounts();
  readonly oracle: Oracle;
  readonly replicas: Replica[] = [];
  readonly clients: Clients;
  readonly #network: Network;
  readonly #operators: Operators;
  readonly #random: Prng;
  readonly #images: MachineImage[] = [];
  readonly #observer: Observer | undefined;
  /** Config changes that some replica applied already. */
  #changesSeen = 0;
  isHealing = false;
  events = 0;

  constructor(scenario: Scenario, observer?: Observer) {
    const { seed } = scenario;
    this.scenario = scenario;
    this.#observer = observer;
    this.#random = Prng.from(seed, 'faults');
    this.oracle = new Oracle(this.counters, BASE_INDEX, BASE_TERM);
    this.#network = new Network(scenario, Prng.from(seed, 'net'), this.timeline, this.counters);
    this.clients = new Clients(this, Prng.from(seed, 'clients'), scenario.clients);
    this.#createReplicas();
    this.#operators = new Operators(this, Prng.from(seed, 'operators'));
    for (let fault = 0; fault < FAULTS.length; fault++) this.#faultAgain(fault);
    for (const replica of this.replicas) replica.start();
  }

  #createReplicas(): void {
    const { members, pool, seed } = this.scenario;
    const voters = Array.from({ length: members }, (_, i) => i + 1);
    const empty = new Machine().image();
    for (let id = 1; id <= pool; id++) {
      const start: Checkpoint = { image: empty, confState: plainConfig([]) };
      const random = Prng.from(seed, `replica ${id}`);
      const replica = new Replica(this, id, start, random, this.clients);
      if (id <= members) {
        const hardState = { term: BASE_TERM, vote: 0, commit: BASE_INDEX };
        const data = this.keepImage({ ...empty, applied: BASE_INDEX });
        const confState = plainConfig(voters);
        const snapshot = { index: BASE_INDEX, term: BASE_TERM, confState, data };
        replica.disk.perform({ hardState, snapshot, entries: [], responses: [], ready: undefined });
      }
      this.oracle.admit(replica);
      this.replicas.push(replica);
    }
  }

  // --- surroundings -----------------------------------------------------------------------------

  imageOf({ data }: Snapshot): MachineImage {
    const number = new DataView(data.buffer).getUint32(0);
    return must(this.#images[number], 'a snapshot names an image');
  }

  keepImage(image: MachineImage): Uint8Array {
    const data = new Uint8Array(4);
    new DataView(data.buffer).setUint32(0, this.#images.length);
    this.#images.push(image);
    return data;
  }

  send(from: Replica, message: Message): void {
    this.oracle.send(from, message);
    if (this.scenario.frozenMessages) freeze(message);
    if (this.#network.send(message)) return;
    if (message.kind === 'snapshot') this.#reportSnapshot(message, from.life, 0);
    else if (this.#random.below(8) === 0) {
      this.timeline.add(1 + this.#random.below(TICK), 'report', from.id, from.life, message.to);
    }
  }

  #reportSnapshot({ from, to }: Message, life: number, ok: 0 | 1): void {
    if (ok === 0) this.counters.snapshotsLost += 1;
    // Odd numbers are good news.
    const detail = (to * 2 + ok) * -1;
    this.timeline.add(1 + this.#random.below(5 * TICK), 'report', from, life, detail);
  }

  changed(index: number, before: ConfState, after: ConfState): void {
    if (index <= this.#changesSeen) return;
    this.#changesSeen = index;
    const { counters } = this;
    const isJoint = before.votersOutgoing.length + after.votersOutgoing.length > 0;
    if (isJoint) counters.changesJoint += 1;
    else if (before !== after) counters.changesSimple += 1;
    for (const id of after.learners) if (!before.learners.includes(id)) counters.learnersAdded += 1;
    for (const id of after.voters) {
      if (before.learners.includes(id)) counters.learnersPromoted += 1;
    }
    for (const id of before.voters) {
      if (after.voters.includes(id)) continue;
      const isLearner = after.learners.includes(id) || after.learnersNext.includes(id);
      if (isLearner) counters.votersDemoted += 1;
      else counters.votersRemoved += 1;
    }
  }

  // --- events -----------------------------------------------------------------------------------

  replica(id: NodeId): Replica {
    return must(this.replicas[id - 1], 'replicas are numbered from 1');
  }

  /** Whoever leads the highest term. */
  leader(): Replica | undefined {
    let best: Replica | undefined;
    let bestStatus: BasicStatus | undefined;
    for (const replica of this.replicas) {
      if (!replica.isUp) continue;
      const status = replica.status();
      if (status.role !== 'leader' || status.term <= (bestStatus?.term ?? 0)) continue;
      best = replica;
      bestStatus = status;
    }
    return best;
  }

  step(): void {
    const event = this.timeline.next();
    this.events += 1;
    const note = this.#dispatch(event);
    this.#observer?.(event, this, note);
  }

  #dispatch(event: SimEvent): string {
    switch (event.kind) {
      case 'client':
        return this.#clientTurn(event);
      case 'timeout':
        this.clients.timeout(event.who, event.detail);
        return '';
      case 'operator':
        if (this.isHealing) return '';
        return this.#operators.act(event.who, this.replicas, this.leader());
      case 'fault':
        return this.isHealing ? '' : this.#fault(event.who, event.detail);
      case 'deliver':
        return this.#deliver(event);
      case 'restart':
        if (!this.replica(event.who).isUp) this.replica(event.who).start();
        return '';
      case 'tick':
      case 'diskDone':
      case 'applyDone':
      case 'fetchDone':
      case 'poll':
      case 'report':
      case 'resume':
      case 'ambush':
        return this.#wake(event.kind, event);
    }
    return unreachable(event.kind);
  }

  #clientTurn({ who }: SimEvent): string {
    if (this.isHealing) return '';
    const { replicas } = this;
    const anyone = replicas[this.#random.below(replicas.length)] as Replica;
    if (this.scenario.deafEvery > 0 && this.#random.below(3) === 0) {
      // Clients cling to the leader that they know, for longer than it leads.
      const leaders = replicas.filter((one) => one.isUp && one.status().role === 'leader');
      this.clients.turn(who, leaders[this.#random.below(leaders.length || 1)] ?? anyone);
      return '';
    }
    this.clients.turn(who, this.#random.below(2) === 0 ? anyone : (this.leader() ?? anyone));
    return '';
  }

  #deliver({ message, who }: SimEvent): string {
    assert(message !== undefined, 'a delivery has something to deliver');
    const replica = this.replica(who);
    if (replica.isUp && this.#network.hold(message)) return 'held';
    const isLost = !replica.isUp || this.#network.isCut(message.from, message.to);
    if (message.kind === 'snapshot') {
      this.#reportSnapshot(message, this.replica(message.from).life, isLost ? 0 : 1);
    }
    if (isLost) {
      this.counters.messagesCut += 1;
      return 'lost';
    }
    replica.receive(message);
    return '';
  }

  /** Something a replica waits for, if it still lives the life in which it began. */
  #wake(kind: OwnWork, { detail, life, who }: SimEvent): string {
    const replica = this.replica(who);
    if (life !== replica.life || !replica.isUp) return 'in vain';
    if (kind === 'report') {
      replica.ask((core) => {
        if (detail > 0) core.reportUnreachable(detail);
        else core.reportSnapshot(-detail >> 1, (-detail & 1) === 1);
      });
    } else if (kind !== 'ambush') {
      replica[kind]();
    } else if (!this.isHealing) {
      this.counters.ambushes += 1;
      this.#crash(replica);
    }
    return '';
  }

  // --- faults -----------------------------------------------------------------------------------

  #faultAgain(fault: number): void {
    const { scenario } = this;
    const period = [
      scenario.crashEvery,
      scenario.cutEvery,
      scenario.pauseEvery,
      scenario.slowDiskEvery,
      scenario.slowMachineEvery,
      scenario.deafEvery,
    ][fault] as number;
    if (period > 0) this.timeline.add(1 + this.#random.below(2 * period * TICK), 'fault', fault);
  }

  #fault(fault: number, part: number): string {
    if (part === END) {
      if (FAULTS[fault] === 'deaf') this.#network.hearAgain();
      else this.#network.mend();
      return 'mended';
    }
    if (part === SILENCE) {
      this.#network.silenceDeaf();
      return 'silenced';
    }
    this.#faultAgain(fault);
    const { counters, timeline } = this;
    const random = this.#random;
    const replica = this.replicas[random.below(this.replicas.length)] as Replica;
    const { id, life } = replica;
    const name = FAULTS[fault];
    if (this.#network.isSomeoneDeaf && (name === 'cut' || name === 'deaf')) return 'one is deaf';
    if (name === 'cut') {
      timeline.add(TICK + random.below(60 * TICK), 'fault', fault, 0, END);
      return `cut ${this.#network.cutSomehow(this.leader()?.id ?? 0)}`;
    }
    if (name === 'slowMachine') return this.#slowDown(replica);
    if (name === 'deaf') return this.#deafen(fault, this.leader() ?? replica);
    if (!replica.isUp) return `${String(name)} of the dead`;
    if (name === 'crash') {
      this.#crash(replica);
    } else if (name === 'pause') {
      if (replica.isPaused) return 'pause of the paused';
      counters.pauses += 1;
      replica.pause();
      timeline.add(1 + random.below(40 * TICK), 'resume', id, life);
    } else {
      counters.disksSlow += 1;
      replica.diskSlowUntil = timeline.now + random.below(80 * TICK);
    }
    return `${String(name)} of ${id}`;
  }

  /** Mostly of the leader: deposed, it still has entries in hand when its successor compacted. */
  #slowDown(anyone: Replica): string {
    const leader = this.#random.below(4) > 0 ? this.leader() : undefined;
    const replica = leader ?? anyone;
    this.counters.machinesSlow += 1;
    replica.machineSlowUntil = this.timeline.now + this.#random.below(120 * TICK);
    return `slow machine of ${replica.id}`;
  }

  /** Who is heard for longer than it hears keeps others from electing a successor. */
  #deafen(fault: number, { id }: Replica): string {
    this.#network.deafen(id);
    const heardFor = this.#random.below(10 * TICK);
    const deafFor = heardFor + this.#random.below(250 * TICK);
    this.timeline.add(heardFor, 'fault', fault, 0, SILENCE);
    this.timeline.add(deafFor, 'fault', fault, 0, END);
    return `${id} is deaf`;
  }

  #crash(replica: Replica): void {
    const random = this.#random;
    replica.crash();
    const downTicks = random.below(4) === 0 ? 150 : 10;
    this.timeline.add(1 + random.below(downTicks * TICK), 'restart', replica.id);
  }

  /** From now on nothing goes wrong any more, and everyone is there. */
  heal(): void {
    this.isHealing = true;
    this.#network.heal();
    for (const replica of this.replicas) {
      replica.resume();
      if (!replica.isUp) replica.start();
    }
  }

  violate(what: string): never {
    throw new Violation(what);
  }
}

function plainConfig(voters: readonly NodeId[]): ConfState {
  return { voters, votersOutgoing: [], learners: [], learnersNext: [], autoLeave: false };
}

function freeze(message: Message): void {
  Object.freeze(message);
  Object.freeze(message.entries);
  for (const entry of message.entries) Object.freeze(entry);
}
