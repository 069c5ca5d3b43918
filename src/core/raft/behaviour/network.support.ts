// A group of replicas and the wires between them. Nothing moves by itself: a test elects, cuts,
// ticks and settles, and after everything that happens the invariants are checked.
//
//   const net = new Network({ voters: [1, 2, 3] });
//   net.elect(1);
//   net.cut(1, 3);
//   net.propose(1, 'x');

import assert from 'node:assert/strict';
import { MemoryLog } from '../memory-log.ts';
import type { ProposeOutcome } from '../outcomes.ts';
import type { ConfChange, ConfState, Message, NodeId, Role } from '../types.ts';
import { InvariantChecker } from './invariants.support.ts';
import { type Fact, type Founding, foundLog, type Options, Replica } from './replica.support.ts';
import { bytesOf, describeMessage, parseChange, parseMessage } from './wording.support.ts';

export interface NetworkOptions {
  readonly voters?: readonly NodeId[];
  readonly learners?: readonly NodeId[];
  /** For all, and for single ones on top. */
  readonly options?: Options;
  readonly optionsOf?: Readonly<Record<NodeId, Options>>;
  /** Terms of the entries that a replica begins with, from index 2 on. */
  readonly logs?: Readonly<Record<NodeId, readonly number[]>>;
  readonly onFact?: (id: NodeId, fact: Fact | LossFact) => void;
}

export interface LossFact {
  readonly kind: 'lost';
  readonly message: Message;
}

/** Rounds after which a group that still talks is thought never to end. */
const ROUNDS_MAX = 2000;

export class Network {
  readonly replicas = new Map<NodeId, Replica>();
  /** On the way, oldest first. */
  queue: Message[] = [];
  /** Everything that was sent, in words; `clear()` empties it. */
  sent: string[] = [];
  /** Reads answered: `id` asked with `ticket` and was told `index`, or why not. */
  readonly reads: { id: NodeId; ticket: number; index: number | string }[] = [];
  readonly invariants = new InvariantChecker();
  /** True for a message that is to be lost when it is to be delivered. */
  losing: (message: Message) => boolean = () => false;
  /** The host tells a leader what became of a snapshot, as it owes. */
  reportsSnapshots = true;
  readonly #cuts = new Set<string>();
  readonly #options: NetworkOptions;

  constructor(options: NetworkOptions = {}) {
    this.#options = options;
    const { learners = [], voters = [1, 2, 3] } = options;
    const config = plainConfig(voters, learners);
    for (const id of [...voters, ...learners].toSorted((a, b) => a - b)) {
      this.add(id, { config, terms: options.logs?.[id] ?? [] });
    }
  }

  /** A new replica; without a founding, one that knows nothing. */
  add(id: NodeId, founding?: Founding, options?: Options): Replica {
    const log = founding === undefined ? new MemoryLog() : foundLog(founding);
    const all = { ...this.#options.options, ...this.#options.optionsOf?.[id], ...options };
    const replica = new Replica(id, log, all, (who, fact) => this.#onFact(who, fact));
    this.replicas.set(id, replica);
    this.invariants.check(this);
    return replica;
  }

  at(id: NodeId): Replica {
    const replica = this.replicas.get(id);
    assert(replica !== undefined, `replica ${id} is in the network`);
    return replica;
  }

  get ids(): NodeId[] {
    return [...this.replicas.keys()].toSorted((a, b) => a - b);
  }

  get running(): Replica[] {
    return this.ids.map((id) => this.at(id)).filter(({ isUp }) => isUp);
  }

  // --- wires ------------------------------------------------------------------------------------

  cut(a: NodeId, ...others: NodeId[]): void {
    for (const b of others) {
      this.#cuts.add(`${a}->${b}`);
      this.#cuts.add(`${b}->${a}`);
    }
  }

  isolate(id: NodeId): void {
    this.cut(id, ...this.ids.filter((other) => other !== id));
  }

  /** Members of different sides do not hear each other; who is on no side is alone. */
  partition(...sides: (readonly NodeId[])[]): void {
    this.heal();
    for (const a of this.ids) {
      const side = sides.find((members) => members.includes(a)) ?? [a];
      this.cut(a, ...this.ids.filter((b) => !side.includes(b)));
    }
  }

  heal(): void {
    this.#cuts.clear();
    this.losing = () => false;
  }

  /** Forgets what was sent so far. */
  clear(): void {
    this.sent = [];
  }

  /** A message that nobody sent, in words. */
  inject(text: string): void {
    this.queue.push(parseMessage(text));
  }

  // --- moving -----------------------------------------------------------------------------------

  /** Delivers the oldest message, or loses it. */
  deliverNext(): void {
    const message = this.queue.shift();
    if (message === undefined) return;
    this.deliver(message);
  }

  deliver(message: Message): void {
    const target = this.replicas.get(message.to);
    const isCut = this.#cuts.has(`${message.from}->${message.to}`);
    if (isCut || target?.isUp !== true || this.losing(message)) {
      this.lose(message);
      return;
    }
    target.step(message);
    this.#report(message, true);
    this.invariants.check(this);
  }

  /** Every running replica does its work. */
  work(...ids: NodeId[]): void {
    for (const replica of this.running) {
      if (ids.length > 0 && !ids.includes(replica.id)) continue;
      while (replica.workOnce()) this.invariants.check(this);
    }
  }

  /** Work and delivery until nothing is left; the messages sent meanwhile, in words. */
  settle(): string[] {
    const before = this.sent.length;
    for (let round = 0; ; round++) {
      assert(round < ROUNDS_MAX, 'the group comes to rest');
      this.work();
      if (this.queue.length === 0) return this.sent.slice(before);
      for (const message of this.queue.splice(0)) this.deliver(message);
    }
  }

  tick(id: NodeId, count = 1): void {
    for (let i = 0; i < count; i++) {
      if (this.at(id).isUp) this.at(id).core.tick();
      this.invariants.check(this);
    }
  }

  /** Everyone's clock moves, and everything settles after each tick. */
  tickAll(count = 1): void {
    for (let i = 0; i < count; i++) {
      for (const { id } of this.running) this.tick(id);
      this.settle();
    }
  }

  crash(id: NodeId): void {
    this.at(id).crash();
    this.invariants.check(this);
  }

  restart(id: NodeId): void {
    this.at(id).restart();
    this.invariants.check(this);
  }

  // --- asking -----------------------------------------------------------------------------------

  campaign(id: NodeId): void {
    this.at(id).core.campaign();
    this.settle();
  }

  /** As `campaign`, and it must win. The leases of the others are over, one way or another. */
  elect(id: NodeId): void {
    for (const { core, options } of this.running) {
      if (core.forgetLeader() !== 'leaseReads' || core.basicStatus().role === 'leader') continue;
      core.setElectionTimeout(1_000_000);
      for (let i = 0; i < (options.electionTicks ?? 10); i++) core.tick();
    }
    this.campaign(id);
    assert.equal(this.role(id), 'leader', `${id} wins`);
  }

  propose(id: NodeId, ...payloads: string[]): ProposeOutcome {
    const outcome = this.at(id).core.propose(payloads.map(bytesOf));
    this.settle();
    return outcome;
  }

  change(id: NodeId, text: string | ConfChange): string {
    const change = typeof text === 'string' ? parseChange(text) : text;
    const outcome = this.at(id).core.proposeConfChange(change);
    this.settle();
    return 'reason' in outcome ? outcome.reason : outcome.kind;
  }

  /** Asks for a read index, and says what came of it once everything settled. */
  read(id: NodeId): number | string {
    const ticket = this.askRead(id);
    if (typeof ticket === 'string') return ticket;
    this.settle();
    return this.answerTo(id, ticket);
  }

  askRead(id: NodeId): number | string {
    const outcome = this.at(id).core.readIndex();
    if (outcome.kind === 'refused') return outcome.reason;
    this.invariants.askedRead(id, this.at(id).life, outcome.ticket);
    return outcome.ticket;
  }

  answerTo(id: NodeId, ticket: number | string): number | string {
    const read = this.reads.find((one) => one.id === id && one.ticket === ticket);
    return read?.index ?? 'waiting';
  }

  transfer(from: NodeId, to: NodeId): string {
    const outcome = this.at(from).core.transferLeader(to);
    this.settle();
    return outcome.kind === 'refused' ? outcome.reason : outcome.kind;
  }

  // --- looking ----------------------------------------------------------------------------------

  role(id: NodeId): Role {
    return this.at(id).core.basicStatus().role;
  }

  term(id: NodeId): number {
    return this.at(id).core.basicStatus().term;
  }

  commit(id: NodeId): number {
    return this.at(id).core.basicStatus().commit;
  }

  lead(id: NodeId): NodeId {
    return this.at(id).core.basicStatus().lead;
  }

  roles(): string {
    return this.ids
      .map((id) => (this.at(id).isUp ? `${id} ${this.role(id)}` : `${id} down`))
      .join(', ');
  }

  /** The leaders, by id; more than one only while a deposed one has not heard of it. */
  get leaders(): NodeId[] {
    return this.running.filter(({ id }) => this.role(id) === 'leader').map(({ id }) => id);
  }

  #onFact(id: NodeId, fact: Fact): void {
    this.#options.onFact?.(id, fact);
    if (fact.kind === 'sent') {
      this.queue.push(fact.message);
      this.sent.push(describeMessage(fact.message));
    } else if (fact.kind === 'read') {
      this.reads.push({ id, ticket: fact.ticket, index: fact.index });
    } else if (fact.kind === 'readDropped') {
      this.reads.push({ id, ticket: fact.ticket, index: fact.reason });
    }
    this.invariants.take(this, id, fact);
  }

  /** What happens to `message` instead of being delivered. */
  lose(message: Message): void {
    this.#report(message, false);
    this.#options.onFact?.(message.to, { kind: 'lost', message });
  }

  #report({ from, kind, to }: Message, arrived: boolean): void {
    if (kind !== 'snapshot' || !this.reportsSnapshots) return;
    const sender = this.replicas.get(from);
    if (sender?.isUp === true) sender.core.reportSnapshot(to, arrived);
  }
}

export function plainConfig(
  voters: readonly NodeId[],
  learners: readonly NodeId[] = [],
): ConfState {
  return { voters, votersOutgoing: [], learners, learnersNext: [], autoLeave: false };
}
