// Hostile bytes against both ends of a member's connections, from peers and clients. Nothing may
// throw, nobody may be heard who was not admitted, no request may be told twice, no memory grow.
//
//   node src/engine/transport/peer/peer-frames.fuzz.ts --runs 1000000 --seed 1

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { HostileFrames, type Side } from '../../../../test/support/hostile-frames.ts';
import { silentLog } from '../../../../test/support/silent-log.ts';
import { assert, must } from '../../../base/assert.ts';
import type { Clock, Net, Stream, StreamHandler } from '../../../base/capabilities.ts';
import { DeadlineQueue, OUTSIDE, type Queued } from '../../../base/deadline-queue.ts';
import type { SocketAddress } from '../../../base/ids.ts';
import { Prng } from '../../../base/prng.ts';
import { openPeers } from './peers.ts';
import type { IncomingRequest, Peers } from './types.ts';

const ADDRESS = '10.0.0.1:1' as SocketAddress;
/** Chunks that one connection survives at most, so that streams do not stay open for ever. */
const CHUNKS_PER_CONNECTION = 60;

export interface FuzzResult {
  /** Frames, requests, streams and answers that the member took. */
  readonly taken: number;
  /** Connections that it ended. */
  readonly cut: number;
}

class HandTimer implements Queued {
  atMs: number;
  order = 0;
  slot = OUTSIDE;
  readonly call: () => void;

  constructor(atMs: number, call: () => void) {
    this.atMs = atMs;
    this.call = call;
  }
}

/** Time that the fuzzer moves. */
class HandClock implements Clock {
  nowMs = 0;
  readonly #timers = new DeadlineQueue<HandTimer>();
  #turn: (() => void)[] = [];

  monotonicMs(): number {
    return this.nowMs;
  }

  wallMs(): number {
    return this.nowMs;
  }

  setTimer(delayMs: number, call: () => void): { cancel: () => void } {
    const timer = new HandTimer(this.nowMs + delayMs, call);
    this.#timers.push(timer);
    return { cancel: () => void this.#timers.remove(timer) };
  }

  afterTurn(call: () => void): void {
    this.#turn.push(call);
  }

  endTurn(): void {
    const calls = this.#turn;
    this.#turn = [];
    for (const call of calls) call();
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (;;) {
      const first = this.#timers.peek();
      if (first === undefined || first.atMs > this.nowMs) return;
      this.#timers.remove(first);
      first.call();
    }
  }
}

/** A stream whose other end is the fuzzer. */
class HostileStream implements Stream {
  readonly local = ADDRESS;
  readonly remote = ADDRESS;
  isOver = false;
  readonly #random: Prng;

  constructor(random: Prng) {
    this.#random = random;
  }

  write(): boolean {
    return this.#random.below(4) > 0;
  }

  end(): void {
    this.isOver = true;
  }

  destroy(): void {
    this.isOver = true;
  }

  pause(): void {}
  resume(): void {}
}

class Target {
  taken = 0;
  cut = 0;
  readonly #random: Prng;
  readonly #hostile: HostileFrames;
  readonly #clock = new HandClock();
  readonly #peers: Peers;
  readonly #questions: IncomingRequest[] = [];
  /** Who is on the other end, once admitted. */
  #admitted: number | undefined;
  #dialled: { stream: HostileStream; handler: StreamHandler } | undefined;

  constructor(random: Prng) {
    this.#random = random;
    this.#hostile = new HostileFrames(random);
    const net: Net = {
      openDatagrams: () => Promise.reject(new Error('no datagrams here')),
      listenStreams: () => Promise.reject(new Error('nobody listens')),
      resolve: () => Promise.resolve([]),
      connectStream: (_to, handler) => {
        const stream = new HostileStream(random);
        this.#dialled = { stream, handler };
        return Promise.resolve(stream);
      },
    };
    const capabilities = { clock: this.#clock, random, net, log: silentLog };
    const hello = { clusterId: 'c', member: 1, incarnation: 1n, features: 0 };
    this.#peers = openPeers(capabilities, { hello }, this.#handler());
  }

  #handler(): Parameters<typeof openPeers>[2] {
    return {
      admit: (hello) => {
        assert(hello.clusterId === 'c' || hello.member === 0, '[T3] nobody of another cluster');
        this.#admitted = hello.member;
        return { kind: 'admitted' };
      },
      onUp: () => {},
      onDown: () => {},
      onFrame: (from) => {
        assert(from === this.#admitted && from !== 0, '[T17] only members send frames');
        this.taken += 1;
      },
      onRequest: (request) => {
        assert(request.from === this.#admitted, '[T2] only who was admitted asks');
        this.taken += 1;
        this.#questions.push(request);
      },
      onStream: (from) => {
        assert(from === this.#admitted && from !== 0, '[T17] only members open streams');
        this.taken += 1;
        if (this.#random.below(4) === 0) return undefined;
        return {
          onChunk: () => (this.#random.below(3) === 0 ? Promise.resolve() : undefined),
          onFinish: () => Promise.resolve(this.#random.below(2) === 0),
          onAbort: () => {},
        };
      },
    };
  }

  /** One connection from its greeting to its end; answers how many chunks it took. */
  async accepted(): Promise<number> {
    const stream = new HostileStream(this.#random);
    const handler = this.#peers.accept(stream);
    return this.#attack(stream, handler, 'dialler');
  }

  async dialled(): Promise<number> {
    this.#dialled = undefined;
    this.#peers.setPeer(7, ADDRESS);
    this.#clock.advance(6_000);
    await Promise.resolve();
    const { stream, handler } = this.#lastDialled();
    await Promise.resolve();
    const chunks = await this.#attack(stream, handler, 'accepter');
    this.#peers.dropPeer(7);
    return chunks;
  }

  #lastDialled(): { stream: HostileStream; handler: StreamHandler } {
    return must(this.#dialled, 'a peer that is set is dialled');
  }

  async #attack(stream: HostileStream, handler: StreamHandler, side: Side): Promise<number> {
    const random = this.#random;
    const member = side === 'dialler' && random.below(4) === 0 ? 0 : 7;
    this.#admitted = undefined;
    this.#feed(handler, this.#hostile.greeting(member, 'c'));
    let chunks = 1;
    for (; !stream.isOver && chunks < CHUNKS_PER_CONNECTION; chunks++) {
      this.#talk();
      this.#feed(handler, this.#hostile.next(side));
      this.#clock.endTurn();
      if (random.below(8) === 0) handler.onDrain();
      if (random.below(8) === 0) await Promise.resolve();
      if (random.below(30) === 0) this.#clock.advance(random.below(400));
    }
    if (stream.isOver) this.cut += 1;
    handler.onClose('ECONNRESET');
    const { taken } = this;
    this.#feed(handler, this.#hostile.next(side));
    assert(this.taken === taken, 'nothing is heard of a connection that is gone');
    this.#clock.endTurn();
    this.#questions.length = 0;
    return chunks;
  }

  /** Bytes arrive in pieces that mean nothing. */
  #feed(handler: StreamHandler, bytes: Uint8Array): void {
    const cut = this.#random.below(3) === 0 ? this.#random.below(bytes.length + 1) : bytes.length;
    handler.onData(bytes.slice(0, cut));
    if (cut < bytes.length) handler.onData(bytes.slice(cut));
  }

  /** What the member does meanwhile, so that answers of the other side may hit something. */
  #talk(): void {
    const random = this.#random;
    const question = this.#questions.pop();
    if (question !== undefined && random.below(2) === 0)
      question.respond(new Uint8Array(random.below(20)));
    if (random.below(3) > 0) return;
    let told = 0;
    const id = this.#peers.request(7, 1, new Uint8Array(10), 200, (outcome) => {
      told += 1;
      assert(told === 1, '[T12] a request is told once');
      if (outcome.kind === 'answered') this.taken += 1;
    });
    assert(told === 0, '[T12] never within the call');
    if (random.below(5) === 0) this.#peers.cancel(id);
    const stream = this.#peers.openStream(7, 1, new Uint8Array(5), {
      onDrain: () => {},
      onEnd: () => {},
    });
    stream?.write(new Uint8Array(1 + random.below(2_000)));
    const end = random.below(4);
    if (end < 2) stream?.finish();
    else if (end === 2) stream?.abort('enough');
  }

  async close(): Promise<void> {
    await this.#peers.close();
    this.#clock.advance(1_000);
  }
}

export async function fuzzPeerFrames(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<FuzzResult> {
  const random = Prng.from(options.seed, 'peer frames');
  const target = new Target(random);
  for (let runs = 0; runs < options.runs; ) {
    runs += await (random.below(2) === 0 ? target.accepted() : target.dialled());
  }
  await target.close();
  return { taken: target.taken, cut: target.cut };
}

/** What is in use once everything that can be collected is. */
async function heldBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let pause = 0; pause < 5; pause++) {
    collect();
    await setTimeout(100);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  await fuzzPeerFrames({ runs: Math.min(runs, 10_000), seed });
  const before = await heldBytes();
  const { taken, cut } = await fuzzPeerFrames({ runs, seed });
  const grownMiB = Math.round(((await heldBytes()) - before) / 2 ** 20);
  process.stdout.write(`${taken} taken, ${cut} cut, ${grownMiB} MiB more than before\n`);
  assert(grownMiB < 16, '[T8] memory does not grow with hostile input');
  assert(runs < 1_000 || (taken > runs / 20 && cut > runs / 100), 'the run was not vacuous');
}

if (import.meta.main) await main();
