// Clients: they speak the real request protocol from machines of their own, do one thing at a time
// each, and remember what they saw for the linearizability checker.
//
// Registers are written, read and compared-and-set; their keys change every few seconds, so that
// writes of unknown outcome do not make the histories hard to judge. Counters show whether a
// command that was sent again had its effect once.

import { must } from '../../src/base/assert.ts';
import { LIMITS } from '../../src/base/limits.ts';
import type { Prng } from '../../src/base/prng.ts';
import {
  type CasRegisterAction,
  HistoryRecorder,
  type Operation,
} from '../../src/core/checker/index.ts';
import type { RequestOutcome } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import { REQUEST_KIND } from '../../src/replica/codec/index.ts';
import {
  type Callees,
  ClientConnections,
  type CommandOutcome,
  decodeProposeAnswer,
  ShardClient,
  ShardSession,
} from '../../src/replica/requests/index.ts';
import { encodeCommand } from '../../src/replica/state/index.ts';
import type { ReadAnswer, ReadLevel, WriteOutcome } from '../../src/replica/types.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterCounters } from './counters.ts';
import * as kv from './kv-commands.ts';
import { CLUSTER_ID } from './program.ts';
import { oneOf } from './strikes.ts';

const EPOCH_MS = 4_000;
const KEYS = 2;
/** Fits the smallest segment that a seed may have. */
const BLOB_BYTES_MAX = 3_000;
/** Longer than the shortest life of a session that is not used. */
const IDLE_MS = 2_500;
const KEPT_EPOCHS = 4;
const BURST_MAX = 60;
const BURST_SESSIONS = 4;
const PATIENCE_MS = [300, 1_000, 3_000] as const;

/** What a counter must come to. */
export interface Tally {
  readonly shard: ShardId;
  readonly key: string;
  done: number;
  unknown: number;
}

/** Everything that clients share. */
export class Clients {
  readonly #cluster: Cluster;
  readonly #clients: Client[] = [];
  readonly history = new HistoryRecorder<CasRegisterAction>();
  readonly tallies: Tally[] = [];
  /** By register: what somebody wrote or read last, as far as clients know. */
  readonly latest = new Map<string, number>();
  #newestValue = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    for (let id = 1; id <= cluster.scenario.clients; id++) {
      this.#clients.push(new Client(id, cluster, this));
    }
  }

  start(): void {
    for (const client of this.#clients) client.start();
  }

  /** No new requests; those under way come to their end. */
  stop(): void {
    for (const client of this.#clients) client.stop();
  }

  get isQuiet(): boolean {
    return this.#clients.every((client) => !client.isBusy);
  }

  nextValue(): number {
    this.#newestValue += 1;
    return this.#newestValue;
  }

  tally(shard: ShardId, key: string): Tally {
    const known = this.tallies.find((tally) => tally.shard === shard && tally.key === key);
    if (known !== undefined) return known;
    const tally = { shard, key, done: 0, unknown: 0 };
    this.tallies.push(tally);
    return tally;
  }

  operations(): Operation<CasRegisterAction>[] {
    return this.history.operations();
  }

  /** After healing: a write and a read of `shard`, until they are answered. */
  async ask(shard: ShardId): Promise<void> {
    const client = new Client(this.#clients.length + 1, this.#cluster, this);
    this.#clients.push(client);
    await client.askOnce(shard);
  }
}

class Client {
  readonly #name: string;
  readonly #id: number;
  readonly #cluster: Cluster;
  readonly #clients: Clients;
  readonly #random: Prng;
  readonly #moreRandom: Prng;
  readonly #machine;
  #epoch = -1;
  /** Requests of this epoch: the same one again is a command that is repeated. */
  readonly #sent = new Set<string>();
  #connections: ClientConnections | undefined;
  readonly #shards = new Map<ShardId, ShardClient>();
  readonly #sessions = new Map<ShardId, ShardSession>();
  readonly #inBursts = new Map<ShardId, readonly ShardSession[]>();
  #isStopped = false;
  isBusy = false;

  constructor(id: number, cluster: Cluster, clients: Clients) {
    this.#id = id;
    this.#name = `c${id}`;
    this.#cluster = cluster;
    this.#clients = clients;
    this.#random = cluster.world.random(`client ${id}`);
    this.#moreRandom = cluster.world.random(`client ${id} more`);
    this.#machine = cluster.world.machine(this.#name);
  }

  start(): void {
    this.#again();
  }

  stop(): void {
    this.#isStopped = true;
  }

  /** Nothing but a write and a strong read, patiently. */
  async askOnce(shard: ShardId): Promise<void> {
    this.#turnOver();
    await new Promise<void>((resolve) => this.#put(shard, 20_000, resolve));
    await new Promise<void>((resolve) => this.#read(shard, 'strong', 20_000, resolve));
  }

  #again(): void {
    const { clientPauseMs } = this.#cluster.scenario;
    const pauseMs = this.#random.below(2 * clientPauseMs) + 1;
    this.#cluster.world.after(pauseMs + this.#idleMs(), () => {
      if (this.#isStopped) return;
      this.#turnOver();
      this.#act(() => this.#again());
    });
  }

  /** Where sessions are short, a client rests now and then until its own are over. */
  #idleMs(): number {
    if (!this.#cluster.scenario.faults.has('sessions')) return 0;
    return this.#moreRandom.below(100) === 0 ? IDLE_MS : 0;
  }

  /** Every few seconds: new connections to whoever is a member now, new sessions, new keys. */
  #turnOver(): void {
    const epoch = Math.floor(this.#cluster.nowMs / EPOCH_MS);
    if (epoch === this.#epoch) return;
    this.#epoch = epoch;
    if (this.#connections !== undefined && this.#keepsSessions(epoch)) {
      this.#cluster.counters.sessionsKept += this.#sessions.size;
      return;
    }
    const [clients, connections] = [[...this.#shards.values()], this.#connections];
    const letGo = (): void => {
      for (const client of clients) client.close();
      connections?.close();
    };
    if (this.#maybeCloseSessions()) this.#cluster.world.after(PATIENCE_MS[0], letGo);
    else letGo();
    this.#shards.clear();
    this.#sessions.clear();
    this.#inBursts.clear();
    const { clock, net } = this.#machine.capabilities;
    const members = this.#cluster.directory();
    this.#connections = new ClientConnections({ clock, net, clusterId: CLUSTER_ID, members });
    this.#sent.clear();
  }

  /** Some clients have the same sessions for long, others open new ones again and again. */
  #keepsSessions(epoch: number): boolean {
    const isShort = this.#cluster.scenario.faults.has('sessions');
    return isShort && this.#id % 3 === 0 && epoch % KEPT_EPOCHS !== 0;
  }

  /** In good order, by some; the shard ends those of the others. */
  #maybeCloseSessions(): boolean {
    if (!this.#cluster.scenario.faults.has('sessions') || this.#id % 3 !== 1) return false;
    for (const session of this.#sessions.values()) {
      this.#cluster.counters.sessionsClosed += 1;
      session.close(PATIENCE_MS[0], () => {});
    }
    return true;
  }

  #act(next: () => void): void {
    const { scenario } = this.#cluster;
    const shard = 1 + this.#random.below(scenario.shards);
    const patienceMs = oneOf(PATIENCE_MS, this.#random) ?? PATIENCE_MS[0];
    const done = (): void => {
      this.isBusy = false;
      next();
    };
    this.isBusy = true;
    if (this.#maybeMore(shard, patienceMs, done)) return;
    const draw = this.#random.below(100);
    if (draw < 25) this.#put(shard, patienceMs, done);
    else if (draw < 35) this.#putPlain(shard, patienceMs, done);
    else if (draw < 47) this.#cas(shard, patienceMs, done);
    else if (draw < 62) this.#add(shard, patienceMs, done);
    else if (draw < 80) this.#read(shard, 'strong', patienceMs, done);
    else if (draw < 92) this.#read(shard, 'lease', patienceMs, done);
    else this.#readLocal(shard, done);
  }

  /** Now and then, where the seed has it: a large value, or many commands at once. */
  #maybeMore(shard: ShardId, patienceMs: number, done: () => void): boolean {
    const { faults } = this.#cluster.scenario;
    const draw = this.#moreRandom.below(40);
    const isLarge = faults.has('large') || faults.has('trueLimits');
    if (draw === 0 && isLarge) this.#putBlob(shard, patienceMs, done);
    else if (draw === 1 && faults.has('burst')) this.#addMany(shard, patienceMs, done);
    else return false;
    return true;
  }

  // --- writes -----------------------------------------------------------------------------------

  #put(shard: ShardId, patienceMs: number, done: () => void): void {
    const key = this.#drawKey();
    const value = this.#clients.nextValue();
    const body = kv.put(key, value);
    const reference = this.#cluster.oracle.reference(shard);
    reference.begin(body);
    this.#begin(shard, key, { kind: 'write', value }, `put ${key} ${value}`);
    this.#session(shard).submit(body, patienceMs, (outcome) => {
      this.#end(shard, key, outcome, { kind: 'write', value });
      if (outcome.kind === 'refused') reference.refuse(body);
      done();
    });
  }

  /** Without a session: what is unknown is not sent again. */
  #putPlain(shard: ShardId, patienceMs: number, done: () => void): void {
    const key = this.#drawKey();
    const value = this.#clients.nextValue();
    const body = kv.put(key, value);
    const reference = this.#cluster.oracle.reference(shard);
    reference.begin(body);
    this.#begin(shard, key, { kind: 'write', value }, `put ${key} ${value} without session`);
    const payload = encodeCommand({ kind: 'plain', body });
    this.#shard(shard).propose(payload, patienceMs, false, (outcome) => {
      this.#end(shard, key, withoutSession(outcome), { kind: 'write', value });
      if (outcome.kind === 'applied') reference.confirm(body, outcome.index);
      if (outcome.kind === 'refused') reference.refuse(body);
      done();
    });
  }

  #cas(shard: ShardId, patienceMs: number, done: () => void): void {
    const key = this.#drawKey();
    // Mostly what is there; sometimes somebody else is faster.
    const from = this.#clients.latest.get(`${shard}/${key}`) ?? 1;
    const to = this.#clients.nextValue();
    const asked = { kind: 'cas', from, to } as const;
    this.#begin(shard, key, { ...asked, answer: 'unknown' }, `cas ${key} ${from} to ${to}`);
    const body = kv.cas(key, from, to);
    const reference = this.#cluster.oracle.reference(shard);
    reference.begin(body);
    this.#session(shard).submit(body, patienceMs, (outcome) => {
      const answer =
        outcome.kind === 'done' && outcome.result !== undefined
          ? kv.casAnswer(outcome.result)
          : 'unknown';
      this.#end(shard, key, outcome, { ...asked, answer });
      if (outcome.kind === 'refused') reference.refuse(body);
      done();
    });
  }

  #add(shard: ShardId, patienceMs: number, done: () => void): void {
    const key = `n${this.#id}`;
    const tally = this.#clients.tally(shard, key);
    this.#cluster.note(this.#name, 'ask', `shard ${shard}: add ${key}`);
    this.#session(shard).submit(kv.add(key), patienceMs, (outcome) => {
      if (outcome.kind === 'done') tally.done += 1;
      else if (outcome.kind === 'unknown') tally.unknown += 1;
      this.#told(shard, outcome);
      done();
    });
  }

  /** Large for the small logs of a simulation: few fit a segment. */
  #putBlob(shard: ShardId, patienceMs: number, done: () => void): void {
    const length = this.#drawBlobBytes();
    this.#cluster.note(this.#name, 'ask', `shard ${shard}: put ${length} bytes`);
    this.#session(shard).submit(kv.putBlob(`b${this.#id}`, length), patienceMs, (outcome) => {
      const isDone = outcome.kind === 'done';
      if (isDone) this.#cluster.counters.writesLarge += 1;
      if (isDone && length === LIMITS.kv.valueBytesMax) this.#cluster.counters.writesLargest += 1;
      this.#told(shard, outcome);
      done();
    });
  }

  #drawBlobBytes(): number {
    if (!this.#cluster.scenario.faults.has('trueLimits')) {
      return this.#moreRandom.below(BLOB_BYTES_MAX);
    }
    const { valueBytesMax } = LIMITS.kv;
    return this.#moreRandom.below(3) === 0 ? valueBytesMax : this.#moreRandom.below(valueBytesMax);
  }

  /** Additions that are all on their way at the same time, without a session or in several. */
  #addMany(shard: ShardId, patienceMs: number, done: () => void): void {
    const key = `p${this.#id}`;
    const tally = this.#clients.tally(shard, key);
    const count = 2 + this.#moreRandom.below(BURST_MAX);
    const sessions = this.#moreRandom.below(3) === 0 ? this.#burstSessions(shard) : undefined;
    const burst = new Burst(count, this.#cluster.counters, done);
    const answered = (outcome: CommandOutcome): void => {
      if (outcome.kind === 'done') tally.done += 1;
      else if (outcome.kind === 'unknown') tally.unknown += 1;
      this.#told(shard, outcome);
      burst.note(outcome);
    };
    this.#cluster.note(this.#name, 'ask', `shard ${shard}: add ${key} ${count} times`);
    for (let i = 0; i < count; i++) {
      const session = sessions?.[i % sessions.length];
      if (session === undefined) {
        const payload = encodeCommand({ kind: 'plain', body: kv.add(key) });
        const told = (outcome: WriteOutcome): void => answered(withoutSession(outcome));
        this.#shard(shard).propose(payload, patienceMs, false, told);
      } else session.submit(kv.add(key), patienceMs, answered);
    }
  }

  #burstSessions(shard: ShardId): readonly ShardSession[] {
    let sessions = this.#inBursts.get(shard);
    if (sessions === undefined) {
      sessions = Array.from({ length: BURST_SESSIONS }, () => new ShardSession(this.#shard(shard)));
      this.#inBursts.set(shard, sessions);
      this.#cluster.counters.sessionsOpened += BURST_SESSIONS;
    }
    return sessions;
  }

  #begin(shard: ShardId, key: string, action: CasRegisterAction, text: string): void {
    this.#clients.history.begin(this.#id, `${shard}/${key}`, action);
    this.#cluster.note(this.#name, 'ask', `shard ${shard}: ${text}`);
  }

  #end(shard: ShardId, key: string, outcome: CommandOutcome, action: CasRegisterAction): void {
    const { history } = this.#clients;
    if (outcome.kind === 'done') {
      history.complete(this.#id, action);
      this.#learn(shard, key, action);
    } else if (outcome.kind === 'refused') history.withdraw(this.#id);
    else history.abandon(this.#id);
    this.#told(shard, outcome);
  }

  #learn(shard: ShardId, key: string, action: CasRegisterAction): void {
    const isCas = action.kind === 'cas';
    if (isCas && action.answer !== 'swapped') return;
    const value = isCas ? action.to : action.value;
    if (typeof value === 'number') this.#clients.latest.set(`${shard}/${key}`, value);
    if (isCas) this.#cluster.counters.swaps += 1;
  }

  #told(shard: ShardId, outcome: CommandOutcome): void {
    const { counters, note, oracle } = this.#cluster;
    if (outcome.kind === 'done') {
      counters.writesApplied += 1;
      oracle.acknowledged(shard, outcome.index);
      note(this.#name, 'ask', `shard ${shard}: done at ${outcome.index}`);
      return;
    }
    if (outcome.reason === 'sessionExpired') counters.sessionsExpired += 1;
    if (outcome.kind === 'refused') counters.writesRefused += 1;
    else counters.writesUnknown += 1;
    note(this.#name, 'ask', `shard ${shard}: ${outcome.kind} ${outcome.reason}`);
  }

  // --- reads ------------------------------------------------------------------------------------

  #read(shard: ShardId, level: 'strong' | 'lease', patienceMs: number, done: () => void): void {
    const { counters, note, oracle, stateMachine } = this.#cluster;
    const key = this.#drawKey();
    const question = kv.get(key);
    const floor = oracle.floor(shard);
    this.#begin(shard, key, { kind: 'read', value: null }, `read ${key} ${level}`);
    this.#shard(shard).read(level, question, patienceMs, (answer: ReadAnswer) => {
      if (answer.kind === 'refused') {
        counters.readsRefused += 1;
        this.#clients.history.withdraw(this.#id);
        note(this.#name, 'ask', `shard ${shard}: refused ${answer.reason}`);
      } else {
        this.#countRead(answer.level);
        const value = kv.valueOf(answer.result);
        this.#clients.history.complete(this.#id, { kind: 'read', value });
        this.#learn(shard, key, { kind: 'read', value });
        note(this.#name, 'ask', `shard ${shard}: read ${value} at ${answer.index}`);
        oracle.fresh(shard, stateMachine, question, answer, floor);
      }
      done();
    });
  }

  /** Asks a member itself: what it says may be old, but never goes back. */
  #readLocal(shard: ShardId, done: () => void): void {
    const { oracle, stateMachine } = this.#cluster;
    const member = oneOf(this.#cluster.running(), this.#random);
    if (member?.program === undefined) return done();
    const question = kv.get(this.#drawKey());
    const { id, life } = member;
    let isAnswered = false;
    const finish = (): void => {
      if (!isAnswered) done();
      isAnswered = true;
    };
    // A process that ends meanwhile says nothing any more.
    this.#cluster.world.after(1_000, finish);
    member.program.host.read(shard, 'local', question, (answer) => {
      if (answer.kind === 'answered') {
        this.#countRead(answer.level);
        oracle.local(id, life, shard, stateMachine, question, answer);
      } else this.#cluster.counters.readsRefused += 1;
      finish();
    });
  }

  #countRead(level: ReadLevel): void {
    const { counters } = this.#cluster;
    if (level === 'strong') counters.readsStrong += 1;
    else if (level === 'lease') counters.readsLease += 1;
    else counters.readsLocal += 1;
  }

  // --- parts ------------------------------------------------------------------------------------

  #drawKey(): string {
    return `r${this.#epoch}.${this.#random.below(KEYS)}`;
  }

  #shard(shard: ShardId): ShardClient {
    let client = this.#shards.get(shard);
    if (client === undefined) {
      const { clock, random } = this.#machine.capabilities;
      const callees = this.#counting(must(this.#connections, 'connections come before requests'));
      client = new ShardClient({ clock, random, callees, shard });
      this.#shards.set(shard, client);
    }
    return client;
  }

  #counting(connections: ClientConnections): Callees {
    return {
      members: connections.members,
      request: (member, kind, body, timeoutMs, done) => {
        const text = Buffer.from(body).toString('latin1');
        const isCommand = kind === REQUEST_KIND.propose;
        if (isCommand && this.#sent.has(text)) this.#cluster.counters.writesRepeated += 1;
        if (isCommand) this.#sent.add(text);
        const told = isCommand ? this.#countingReplaced(done) : done;
        connections.request(member, kind, body, timeoutMs, told);
      },
      expect: (member) => connections.expect(member),
    };
  }

  /** The client asks again by itself, so that only the members' answers show it. */
  #countingReplaced(done: (outcome: RequestOutcome) => void): (outcome: RequestOutcome) => void {
    return (outcome) => {
      const answer = outcome.kind === 'answered' ? decodeProposeAnswer(outcome.body) : undefined;
      for (const told of answer?.outcomes ?? []) {
        const isReplaced = told.kind === 'refused' && told.reason === 'replaced';
        if (isReplaced) this.#cluster.counters.writesReplaced += 1;
      }
      done(outcome);
    };
  }

  #session(shard: ShardId): ShardSession {
    let session = this.#sessions.get(shard);
    if (session === undefined) {
      session = new ShardSession(this.#shard(shard));
      this.#sessions.set(shard, session);
      this.#cluster.counters.sessionsOpened += 1;
    }
    return session;
  }
}

/** Commands that were sent together, until all of them are answered. */
class Burst {
  readonly #counters: ClusterCounters;
  readonly #done: () => void;
  readonly #indexes = new Map<number, number>();
  #left: number;

  constructor(count: number, counters: ClusterCounters, done: () => void) {
    this.#left = count;
    this.#counters = counters;
    this.#done = done;
  }

  note(outcome: CommandOutcome): void {
    const counters = this.#counters;
    if (outcome.kind === 'done') {
      counters.writesInBursts += 1;
      this.#indexes.set(outcome.index, (this.#indexes.get(outcome.index) ?? 0) + 1);
    }
    this.#left -= 1;
    if (this.#left > 0) return;
    const isShared = [...this.#indexes.values()].some((count) => count > 1);
    if (isShared) counters.burstsShared += 1;
    if (isShared && this.#indexes.size > 1) counters.burstsCut += 1;
    this.#done();
  }
}

function withoutSession(outcome: WriteOutcome): CommandOutcome {
  if (outcome.kind !== 'applied') return outcome;
  return { kind: 'done', index: outcome.index, result: outcome.result };
}
