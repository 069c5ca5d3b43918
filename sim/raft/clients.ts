// Clients that write and read registers, one request at a time each, and remember what they saw for
// the linearizability checker.

import { must } from '../../src/base/assert.ts';
import type { Prng } from '../../src/base/prng.ts';
import {
  HistoryRecorder,
  type Operation,
  type RegisterAction,
} from '../../src/core/checker/index.ts';
import type { Entry } from '../../src/core/raft/index.ts';
import { encodeWrite, KEYS, type WriteCommand } from './machine.ts';
import { Violation } from './oracle.ts';
import type { Audience, Replica, Surroundings } from './replica.ts';
import { TICK } from './scenario.ts';

const PATIENCE_TICKS = 60;
const PADDING_MAX = 40;

interface Request {
  readonly serial: number;
  readonly replica: number;
  readonly kind: 'read' | 'write';
  readonly key: number;
  readonly value: number;
  /** Writes: where the entry stands, if the replica that was asked appended it. */
  readonly index: number;
  readonly term: number;
  readonly ticket: number;
  /** The newest write that anyone was told of when the request began. */
  readonly floor: number;
  /** Reads: applied up to here, the machine may answer. */
  readAt: number;
  readonly isLeased: boolean;
  readonly begunAt: number;
}

interface Client {
  readonly id: number;
  serial: number;
  request: Request | undefined;
}

export class Clients implements Audience {
  readonly #world: Surroundings;
  readonly #random: Prng;
  readonly #history = new HistoryRecorder<RegisterAction>();
  readonly #clients: Client[] = [];
  #newestValue = 0;
  /** The index of the newest write that was answered. */
  #answered = 0;

  constructor(world: Surroundings, random: Prng, count: number) {
    this.#world = world;
    this.#random = random;
    for (let id = 0; id < count; id++) {
      this.#clients.push({ id, serial: 0, request: undefined });
      world.timeline.add(1 + random.below(5 * TICK), 'client', id);
    }
  }

  operations(): Operation<RegisterAction>[] {
    return this.#history.operations();
  }

  /** True once nobody waits any more. */
  isQuiet(): boolean {
    return this.#clients.every(({ request }) => request === undefined);
  }

  /** The client's turn: gives up on what takes too long, else asks some replica for something. */
  timeout(id: number, serial: number): void {
    const client = must(this.#clients[id], 'a client that exists');
    if (client.request?.serial === serial) this.#giveUp(client);
  }

  turn(id: number, replica: Replica): void {
    const client = must(this.#clients[id], 'a client that exists');
    const { scenario, timeline } = this.#world;
    const pause = 1 + this.#random.below(scenario.clientPauseTicks * TICK);
    timeline.add(pause, 'client', id);
    if (client.request !== undefined || !replica.isUp || replica.isPaused) return;
    if (this.#random.below(5) < 2) this.read(client.id, replica);
    else this.write(client.id, replica);
  }

  write(id: number, replica: Replica): boolean {
    const client = must(this.#clients[id], 'a client that exists');
    const key = this.#random.below(KEYS);
    this.#newestValue += 1;
    client.serial += 1;
    const value = this.#newestValue;
    const { serial } = client;
    const payload = encodeWrite(
      { client: id, serial, key, value },
      this.#random.below(PADDING_MAX),
    );
    const floor = this.#answered;
    this.#history.begin(id, String(key), { kind: 'write', value });
    const outcome = replica.core.propose([payload]);
    if (outcome.kind === 'refused') {
      this.#world.counters.proposalsRefused += 1;
      this.#history.withdraw(id);
      replica.ask(() => undefined);
      return false;
    }
    const isAccepted = outcome.kind === 'accepted';
    if (!isAccepted) this.#world.counters.proposalsForwarded += 1;
    this.#begin(client, {
      serial,
      replica: replica.id,
      kind: 'write',
      key,
      value,
      index: isAccepted ? outcome.firstIndex : 0,
      term: isAccepted ? outcome.term : 0,
      ticket: 0,
      floor,
      readAt: 0,
      isLeased: false,
      begunAt: this.#world.timeline.now,
    });
    replica.ask(() => undefined);
    return true;
  }

  read(id: number, replica: Replica): boolean {
    const client = must(this.#clients[id], 'a client that exists');
    const key = this.#random.below(KEYS);
    client.serial += 1;
    const floor = this.#answered;
    const outcome = replica.core.readIndex();
    if (outcome.kind === 'refused') {
      this.#world.counters.readsDropped += 1;
      replica.ask(() => undefined);
      return false;
    }
    this.#history.begin(id, String(key), { kind: 'read', value: null });
    this.#begin(client, {
      serial: client.serial,
      replica: replica.id,
      kind: 'read',
      key,
      value: 0,
      index: 0,
      term: 0,
      ticket: outcome.ticket,
      floor,
      readAt: Number.POSITIVE_INFINITY,
      isLeased: this.#world.scenario.leases && outcome.kind === 'accepted',
      begunAt: this.#world.timeline.now,
    });
    replica.ask(() => undefined);
    return true;
  }

  #begin(client: Client, request: Request): void {
    client.request = request;
    this.#world.timeline.add(PATIENCE_TICKS * TICK, 'timeout', client.id, 0, request.serial);
  }

  // --- what comes of it -------------------------------------------------------------------------

  applied(replica: Replica, entry: Entry, command: WriteCommand | undefined): void {
    for (const client of this.#clients) {
      const { request } = client;
      if (request?.replica !== replica.id) continue;
      if (request.kind === 'read') {
        if (entry.index >= request.readAt) this.#answerRead(client, request, replica);
      } else if (command?.client === client.id && command.serial === request.serial) {
        this.#answerWrite(client, request, entry);
      } else if (entry.index === request.index && entry.term !== request.term) {
        // Another entry stands where ours was: it will never take effect.
        this.#world.counters.writesFailed += 1;
        client.request = undefined;
        this.#history.withdraw(client.id);
      }
    }
  }

  readState(replica: Replica, ticket: number, index: number): void {
    for (const client of this.#clients) {
      const { request } = client;
      if (request?.replica !== replica.id || request.ticket !== ticket) continue;
      if (index < request.floor) {
        throw new Violation(
          `[R50] a read at ${index} began after the write at ${request.floor} was answered`,
        );
      }
      // Answered at once, without asking anyone: by a lease, during which nobody else can lead.
      const { oracle, timeline } = this.#world;
      const isByLease = request.isLeased && request.begunAt === timeline.now;
      if (isByLease && oracle.newestLeaderTerm > replica.status().term) {
        throw new Violation('[R53] a lease is used while there is a newer leader');
      }
      if (index > oracle.commit) throw new Violation('[R50] a read beyond the commit');
      request.readAt = index;
      if (replica.machine.applied >= index) this.#answerRead(client, request, replica);
    }
  }

  readDropped(replica: Replica, ticket: number): void {
    for (const client of this.#clients) {
      const { request } = client;
      if (request?.replica !== replica.id || request.ticket !== ticket) continue;
      this.#world.counters.readsDropped += 1;
      client.request = undefined;
      this.#history.withdraw(client.id);
    }
  }

  died(replica: Replica): void {
    for (const client of this.#clients) {
      if (client.request?.replica === replica.id) this.#giveUp(client);
    }
  }

  #answerWrite(client: Client, request: Request, entry: Entry): void {
    this.#world.counters.writesAnswered += 1;
    this.#answered = Math.max(this.#answered, entry.index);
    client.request = undefined;
    this.#history.complete(client.id, { kind: 'write', value: request.value });
  }

  #answerRead(client: Client, request: Request, replica: Replica): void {
    const { counters } = this.#world;
    if (request.isLeased) counters.readsByLease += 1;
    else counters.readsBySafety += 1;
    client.request = undefined;
    const value = replica.machine.read(request.key);
    this.#history.complete(client.id, { kind: 'read', value: value === 0 ? null : value });
  }

  /** A read that told nothing never was; a write may yet take effect. */
  #giveUp(client: Client): void {
    if (client.request?.kind === 'read') {
      this.#history.withdraw(client.id);
    } else {
      this.#world.counters.writesUnknown += 1;
      this.#history.abandon(client.id);
    }
    client.request = undefined;
  }
}
