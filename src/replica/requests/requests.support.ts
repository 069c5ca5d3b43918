// Members made of a request server and a host that does what a test says, and a clock that stands
// still until it is moved.

import { must } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import { Prng } from '../../base/prng.ts';
import type { MemberId, RequestOutcome } from '../../engine/transport/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { encodeCommand } from '../state/index.ts';
import type { ReadAnswer, ReadLevel, ReplicaHost, WriteOutcome } from '../types.ts';
import { type Feed, Gateway } from './gateway.ts';
import { RequestServer } from './server.ts';
import { type Callees, ShardClient } from './shard-client.ts';

interface Due {
  readonly atMs: number;
  readonly callback: () => void;
}

class HandClock implements Clock {
  #nowMs = 1_000;
  #due: Due[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const due = { atMs: this.#nowMs + delayMs, callback };
    this.#due.push(due);
    return {
      cancel: () => {
        this.#due = this.#due.filter((other) => other !== due);
      },
    };
  }

  afterTurn(callback: () => void): void {
    this.setTimer(0, callback);
  }

  /** All that falls due within `ms`, in order. */
  run(ms = 0): void {
    const end = this.#nowMs + ms;
    for (;;) {
      const [next] = this.#due.toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined || next.atMs > end) break;
      this.#due = this.#due.filter((other) => other !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.callback();
    }
    this.#nowMs = end;
  }
}

/** A host that answers as it is told, and notes what it was asked. */
export class ScriptedHost implements Pick<ReplicaHost, 'propose' | 'read'> {
  readonly #clock: Clock;
  readonly proposed: string[] = [];
  readonly asked: string[] = [];
  /** Those whose outcome nobody has said yet. */
  readonly waiting: ((outcome: WriteOutcome) => void)[] = [];
  onPropose: (payload: Uint8Array) => WriteOutcome | undefined = () => applied(1);
  onRead: (level: ReadLevel) => ReadAnswer = () => answered('');

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  propose(shard: number, payload: Uint8Array, done: (outcome: WriteOutcome) => void): void {
    this.proposed.push(`${shard}:${textOf(payload)}`);
    const outcome = this.onPropose(payload);
    if (outcome === undefined) this.waiting.push(done);
    else this.#clock.afterTurn(() => done(outcome));
  }

  read(
    shard: number,
    level: ReadLevel,
    question: Uint8Array,
    done: (answer: ReadAnswer) => void,
  ): void {
    this.asked.push(`${shard}:${level}:${Buffer.from(question).toString()}`);
    const answer = this.onRead(level);
    this.#clock.afterTurn(() => done(answer));
  }
}

/** The fate of a request on its way; undefined lets it arrive. */
export type Fate = RequestOutcome | 'lostAnswer' | undefined;

export class RequestWorld implements Callees {
  readonly clock = new HandClock();
  readonly hosts = new Map<MemberId, ScriptedHost>();
  readonly members: readonly MemberId[] = [1, 2, 3];
  readonly #servers = new Map<MemberId, RequestServer>();
  /** The members that were asked, in order: the client's requests and what members pass on. */
  readonly trail: string[] = [];
  /** The members that the client said it would ask. */
  readonly expected: MemberId[] = [];
  fateOf: (member: MemberId) => Fate = () => undefined;

  constructor() {
    for (const member of this.members) {
      this.hosts.set(member, new ScriptedHost(this.clock));
      this.#servers.set(member, new RequestServer(this.gateway(member)));
    }
  }

  gateway(member: MemberId, feed?: Feed): Gateway {
    const peers = {
      request: (to: MemberId, kind: number, body: Uint8Array, ms: number, done: Done) => {
        this.#send(member, to, kind, body, ms, done);
        return 0;
      },
      flush: () => void this.trail.push(`${member} flushes`),
    };
    return new Gateway({ member, clock: this.clock, host: this.host(member), peers, feed });
  }

  host(member: MemberId): ScriptedHost {
    return must(this.hosts.get(member), 'one of the members');
  }

  client(attemptMs = 1_000): ShardClient {
    const random = Prng.from(1);
    return new ShardClient({ clock: this.clock, random, callees: this, shard: 7, attemptMs });
  }

  /** Only `leader` leads, and all the others know. */
  elect(leader: MemberId): void {
    for (const [member, host] of this.hosts) {
      host.onPropose = () => (member === leader ? applied(5) : refused('notLeader', leader));
      host.onRead = () =>
        member === leader ? answered('x') : { kind: 'refused', reason: 'notLeader', leader };
    }
  }

  expect(member: MemberId): void {
    this.expected.push(member);
  }

  request(member: MemberId, kind: number, body: Uint8Array, timeoutMs: number, done: Done): void {
    this.#send(0, member, kind, body, timeoutMs, done);
  }

  #send(
    from: MemberId,
    to: MemberId,
    kind: number,
    body: Uint8Array,
    timeoutMs: number,
    done: Done,
  ): void {
    this.trail.push(`${from}->${to}`);
    const fate = this.fateOf(to);
    if (fate !== undefined && fate !== 'lostAnswer') {
      this.clock.afterTurn(() => done(fate));
      return;
    }
    let isOver = false;
    this.clock.setTimer(timeoutMs, () => {
      if (!isOver) done({ kind: 'unknown', reason: 'timeout' });
      isOver = true;
    });
    const server = must(this.#servers.get(to), 'one of the members');
    const request = {
      from,
      kind,
      body: body.slice(),
      deadlineMs: this.clock.monotonicMs() + timeoutMs,
      isAbandoned: false,
      refuse: () => this.clock.afterTurn(() => done({ kind: 'refused', reason: 'noHandler' })),
      respond: (answer: Uint8Array) => {
        if (fate === 'lostAnswer' || isOver) return;
        isOver = true;
        const bytes = new Uint8Array(answer);
        this.clock.afterTurn(() => done({ kind: 'answered', body: bytes }));
      },
    };
    if (kind === REQUEST_KIND.propose) server.propose(request);
    else server.read(request);
    // As connections do: who needs it longer has taken it.
    request.body = new Uint8Array(0);
  }
}

type Done = (outcome: RequestOutcome) => void;

export function applied(index: number, result = ''): WriteOutcome {
  return { kind: 'applied', index, result: bytesOf(result) };
}

export function refused(
  reason: Extract<WriteOutcome, { kind: 'refused' }>['reason'],
  leader = 0,
): WriteOutcome {
  return { kind: 'refused', reason, leader };
}

export function answered(result: string): ReadAnswer {
  return { kind: 'answered', index: 9, level: 'strong', result: bytesOf(result) };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A command that says `text`. */
export function commandOf(text: string): Uint8Array {
  return encodeCommand({ kind: 'plain', body: bytesOf(text) });
}

/** The text of a command of `commandOf`. */
export function textOf(command: Uint8Array): string {
  return new TextDecoder().decode(command.subarray(commandOf('').length));
}
