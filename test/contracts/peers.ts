// What holds between members whatever network they talk over.

import assert from 'node:assert/strict';
import type { SocketAddress } from '../../src/base/ids.ts';
import { LIMITS } from '../../src/base/limits.ts';
import {
  connectClient,
  type OutgoingStream,
  type PeerClient,
  type RequestOutcome,
} from '../../src/engine/transport/index.ts';
import type { PeerCapabilities } from '../../src/engine/transport/peer/options.ts';
import { BreakableNet } from '../support/breakable-net.ts';
import { PeerMember, type PeerMemberOptions } from '../support/peer-member.ts';
import { type MakeBench, type RuleBench, rulesFor } from './contract.ts';

/** Machines that can talk to each other; the same number is the same machine. */
export interface PeersSubject {
  readonly machine: (number: number) => {
    readonly capabilities: PeerCapabilities;
    readonly anyPort: SocketAddress;
  };
}

interface Member extends PeerMember {
  readonly net: BreakableNet;
  /** Harmless when called again. */
  readonly stop: () => Promise<void>;
}

async function member(
  bench: RuleBench<PeersSubject>,
  number: number,
  made: PeerMemberOptions = {},
): Promise<Member> {
  const { capabilities, anyPort } = bench.subject.machine(number);
  const net = new BreakableNet(capabilities.net);
  const one = new PeerMember({ ...capabilities, net }, number, made);
  const listener = await bench.settle(net.listenStreams(anyPort, one.accept));
  one.address = listener.address;
  const stop = async (): Promise<void> => {
    await listener.close();
    await one.peers.close();
    net.reset();
  };
  bench.defer(stop);
  return Object.assign(one, { net, stop });
}

async function pair(
  bench: RuleBench<PeersSubject>,
  made: PeerMemberOptions = {},
): Promise<readonly [Member, Member]> {
  const a = await member(bench, 1, made);
  const b = await member(bench, 2, made);
  a.peers.setPeer(2, b.address);
  b.peers.setPeer(1, a.address);
  await bench.until(() => a.peers.isUp(2) && b.peers.isUp(1), 'both are up');
  return [a, b];
}

function client(bench: RuleBench<PeersSubject>, to: Member): Promise<PeerClient> {
  const { capabilities } = bench.subject.machine(9);
  return bench.settle(connectClient(capabilities, to.address, { clusterId: 'c-1', callee: 0 }));
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const bytes = (of: string): Uint8Array => Buffer.from(of);

class Outcomes {
  readonly list: string[] = [];
  readonly take = (outcome: RequestOutcome): void => {
    this.list.push(
      outcome.kind === 'answered' ? text(outcome.body) : `${outcome.kind} ${outcome.reason}`,
    );
  };
}

export function peersContract(name: string, make: MakeBench<PeersSubject>): void {
  const rule = rulesFor(name, make);

  rule('frames of one lane arrive whole and in order', async (bench) => {
    const [a, b] = await pair(bench);
    const sizes = [0, 1, 15, 16, 17, 1_000, 65_536, 300_000, 3];
    for (const [i, size] of sizes.entries()) {
      assert.equal(a.peers.send(2, 'ordinary', i, new Uint8Array(size).fill(i)), 'queued');
    }
    await bench.until(() => b.frames.length === sizes.length, 'all arrive');
    for (const [i, { from, kind, body }] of b.frames.entries()) {
      assert.deepEqual([from, kind, body.length], [1, i, sizes[i]]);
      assert.ok(body.every((byte) => byte === i));
    }
  });

  rule('[T9] what is sent in one turn leaves in one write, urgent frames first', async (bench) => {
    const [a, b] = await pair(bench, { options: { pingMs: 5_000, silentMs: 20_000 } });
    const before = a.net.writes;
    a.peers.send(2, 'bulk', 3, bytes('bulk'));
    for (let i = 0; i < 100; i++) a.peers.send(2, 'ordinary', 2, bytes(`ordinary ${i}`));
    a.peers.send(2, 'urgent', 1, bytes('urgent'));
    await bench.until(() => b.frames.length === 102, 'all arrive');
    assert.equal(a.net.writes - before, 1);
    assert.deepEqual(
      b.frames.map(({ kind }) => kind),
      [1, ...new Array<number>(100).fill(2), 3],
    );
  });

  rule('a caller at the end of its turn can end the turn itself', async (bench) => {
    const [a, b] = await pair(bench);
    const before = a.net.writes;
    a.peers.send(2, 'ordinary', 1, bytes('now'));
    a.peers.flush();
    assert.equal(a.net.writes - before, 1);
    await bench.until(() => b.frames.length === 1, 'it arrives');
  });

  rule('requests are answered once each, in any order, to their askers', async (bench) => {
    const [a, b] = await pair(bench);
    const held: (() => void)[] = [];
    b.onAsked = (request) => {
      const answer = bytes(`${request.kind} ${text(request.body)}`);
      held.push(() => {
        assert.equal(request.body.length, 0, '[T16] who waits keeps nothing large');
        request.respond(answer);
      });
    };
    const outcomes = new Outcomes();
    for (let i = 0; i < 50; i++) {
      a.peers.request(2, i, bytes(`question ${i}`), 60_000, outcomes.take);
      assert.equal(outcomes.list.length, 0, 'never within the call');
    }
    await bench.until(() => held.length === 50, 'all are asked');
    for (const answer of held.toReversed()) answer();
    await bench.until(() => outcomes.list.length === 50, 'all are answered');
    assert.deepEqual(
      outcomes.list,
      Array.from({ length: 50 }, (_, i) => `${49 - i} question ${49 - i}`),
    );
  });

  rule('[T13] a request to a peer that is down is refused, never unknown', async (bench) => {
    const [a] = await pair(bench);
    const outcomes = new Outcomes();
    a.peers.request(7, 1, bytes('nobody'), 1_000, outcomes.take);
    assert.deepEqual(outcomes.list, [], 'never within the call');
    assert.equal(a.peers.send(7, 'urgent', 1, bytes('nobody')), 'down');
    await bench.until(() => outcomes.list.length === 1, 'told');
    assert.deepEqual(outcomes.list, ['refused down']);
  });

  rule('[T13] a request that was not written when the line broke is refused', async (bench) => {
    const [a, b] = await pair(bench);
    const outcomes = new Outcomes();
    a.peers.request(2, 100, bytes('left before'), 60_000, outcomes.take);
    await bench.until(() => b.requests.length === 1, 'the first one is there');
    a.peers.request(2, 100, bytes('still here'), 60_000, outcomes.take);
    a.peers.dropPeer(2);
    await bench.until(() => outcomes.list.length === 2, 'both are told');
    // Dropping says goodbye behind all that waits, so the second may have left as well.
    assert.equal(outcomes.list[0], 'unknown connectionLost');
  });

  rule('[T14] a deadline passes on both sides', async (bench) => {
    const [a, b] = await pair(bench);
    const { clock } = bench.subject.machine(2).capabilities;
    const outcomes = new Outcomes();
    a.peers.request(2, 100, bytes('never answered'), 120, outcomes.take);
    await bench.until(() => b.requests.length === 1, 'asked');
    const left = Number(b.requests[0]?.deadlineMs) - clock.monotonicMs();
    assert.ok(left > 0 && left <= 121, `${left} ms are left`);
    await bench.until(() => outcomes.list.length === 1, 'told');
    assert.deepEqual(outcomes.list, ['unknown timeout']);
    // Nobody waits for this answer, and nobody minds it.
    b.requests[0]?.respond(bytes('late'));
    a.peers.request(2, 1, bytes('next'), 60_000, outcomes.take);
    await bench.until(() => outcomes.list.length === 2, 'the next one is answered');
    assert.equal(outcomes.list[1], 'next');
  });

  rule(
    '[T15] a cancelled request is unknown to its asker, abandoned to the asked',
    async (bench) => {
      const [a, b] = await pair(bench);
      const outcomes = new Outcomes();
      const id = a.peers.request(2, 100, bytes('on second thought'), 60_000, outcomes.take);
      await bench.until(() => b.requests.length === 1, 'asked');
      a.peers.cancel(id);
      a.peers.cancel(id);
      assert.deepEqual(outcomes.list, [], 'never within the call');
      await bench.until(() => b.requests[0]?.isAbandoned === true, 'abandoned');
      assert.deepEqual(outcomes.list, ['unknown cancelled']);
      b.requests[0]?.respond(bytes('too late'));
      await bench.wait(20);
      assert.equal(outcomes.list.length, 1);
    },
  );

  rule('[T13] the asked can say that nothing came of it', async (bench) => {
    const [a, b] = await pair(bench);
    b.onAsked = (request) => request.refuse(request.kind === 1 ? 'full' : 'noHandler');
    const outcomes = new Outcomes();
    a.peers.request(2, 1, bytes('x'), 60_000, outcomes.take);
    a.peers.request(2, 2, bytes('y'), 60_000, outcomes.take);
    await bench.until(() => outcomes.list.length === 2, 'both are told');
    assert.deepEqual(outcomes.list, ['refused full', 'refused noHandler']);
  });

  rule('[T16] who has too many requests under way is refused the next one', async (bench) => {
    const [a, b] = await pair(bench, { options: { requestsMax: 3 } });
    const outcomes = new Outcomes();
    for (let i = 0; i < 4; i++) a.peers.request(2, 100, bytes('x'), 60_000, outcomes.take);
    await bench.until(() => outcomes.list.length === 1, 'one is told');
    assert.deepEqual(outcomes.list, ['refused full']);
    const other = await client(bench, b);
    for (let i = 0; i < 4; i++) other.request(100, bytes('x'), 60_000, outcomes.take);
    await bench.until(() => outcomes.list.length === 2, 'the member that is asked says so');
    assert.equal(outcomes.list[1], 'refused full');
    other.close();
  });

  rule('a connection that breaks comes back, and frames flow again', async (bench) => {
    const [a, b] = await pair(bench);
    const outcomes = new Outcomes();
    a.peers.request(2, 100, bytes('x'), 60_000, outcomes.take);
    await bench.until(() => b.requests.length === 1, 'asked');
    a.net.reset();
    await bench.until(() => outcomes.list.length === 1, 'told');
    assert.deepEqual(outcomes.list, ['unknown connectionLost']);
    await bench.until(() => b.requests[0]?.isAbandoned === true, 'abandoned');
    await bench.until(() => a.peers.isUp(2) && b.peers.isUp(1), 'both are up again');
    assert.deepEqual(
      a.changes.map((change) => change.split(':')[0]),
      ['up 2', 'down 2', 'up 2'],
    );
    a.peers.send(2, 'ordinary', 1, bytes('again'));
    await bench.until(() => b.frames.length === 1, 'frames flow');
  });

  rule('[T7] a line that carries nothing any more is cut', async (bench) => {
    const [a, b] = await pair(bench, { options: { pingMs: 20, silentMs: 150 } });
    const { clock } = bench.subject.machine(1).capabilities;
    if (bench.isVirtual) {
      await bench.wait(400);
      assert.deepEqual(a.changes, ['up 2'], 'signs of life keep an idle line');
      assert.ok(clock.monotonicMs() - a.peers.lastHeardMs(2) < 150);
    }
    const before = a.changes.length;
    b.net.swallows = true;
    await bench.until(() => a.changes.length > before && !a.peers.isUp(2), 'a cuts it');
    assert.equal(a.changes.at(-1), 'down 2: silent');
    if (bench.isVirtual) assert.ok(clock.monotonicMs() - a.peers.lastHeardMs(2) >= 150);
    b.net.swallows = false;
    await bench.until(() => a.peers.isUp(2), 'it comes back');
  });

  rule('[T10] a peer that does not read fills its queue, and no more', async (bench) => {
    const [a, b] = await pair(bench, {
      options: { silentMs: 60_000, ordinaryBytesMax: 1_000_000 },
    });
    for (const stream of b.net.streams) stream.pause();
    const body = new Uint8Array(50_000);
    let queued = 0;
    let outcome = a.peers.send(2, 'ordinary', 1, body);
    for (; outcome === 'queued' && queued < 2_000; queued++) {
      await bench.wait(0);
      outcome = a.peers.send(2, 'ordinary', 1, body);
    }
    assert.equal(outcome, 'full');
    assert.equal(a.peers.send(2, 'urgent', 2, bytes('small')), 'queued');
    const outcomes = new Outcomes();
    a.peers.request(2, 1, body, 60_000, outcomes.take);
    await bench.until(() => outcomes.list.length === 1, 'told');
    assert.deepEqual(outcomes.list, ['refused full']);
    for (const stream of b.net.streams) stream.resume();
    await bench.until(() => b.frames.length === queued + 1, 'all of it arrives in the end');
    assert.ok(
      b.frames.findIndex(({ kind }) => kind === 2) < queued,
      'the urgent frame overtook what waited',
    );
  });

  rule('a client asks and is answered, and hears when the member goes', async (bench) => {
    const [a] = await pair(bench);
    const one = await client(bench, a);
    assert.equal(one.isUp, true);
    const outcomes = new Outcomes();
    one.request(5, bytes('hello'), 60_000, outcomes.take);
    one.request(100, bytes('waits'), 60_000, outcomes.take);
    await bench.until(() => outcomes.list.length === 1, 'answered');
    assert.deepEqual([outcomes.list[0], a.requests[0]?.from], ['hello', 0]);
    await a.stop();
    await bench.until(() => outcomes.list.length === 2, 'the client hears');
    assert.equal(one.isUp, false);
    assert.equal(outcomes.list[1], 'unknown connectionLost');
    one.request(5, bytes('gone'), 60_000, outcomes.take);
    await bench.until(() => outcomes.list.length === 3, 'told');
    assert.equal(outcomes.list[2], 'refused down');
  });

  streamRules(rule);
}

/** Writes chunks until the stream asks to wait, goes on when it may, finishes at the end. */
class Writer {
  readonly ends: string[] = [];
  readonly stream: OutgoingStream | undefined;
  waits = 0;
  #left: number;
  readonly #bytes: number;

  constructor(from: Member, to: number, chunks: number, chunkBytes: number) {
    this.#left = chunks;
    this.#bytes = chunkBytes;
    this.stream = from.peers.openStream(to, 4, bytes('header'), {
      onDrain: () => this.write(),
      onEnd: (end) => this.ends.push(end.kind === 'failed' ? `failed: ${end.why}` : end.kind),
    });
    this.write();
  }

  write(): void {
    const { stream } = this;
    while (this.#left > 0) {
      this.#left -= 1;
      const chunk = new Uint8Array(this.#bytes).fill(this.#left);
      if (stream?.write(chunk) === false) {
        this.waits += 1;
        return;
      }
    }
    if (this.#left < 0) return;
    this.#left = -1;
    stream?.finish();
  }
}

type PeersRule = ReturnType<typeof rulesFor<PeersSubject>>;

function streamRules(rule: PeersRule): void {
  rule('a stream arrives chunk by chunk and is accepted at its end', async (bench) => {
    const [a, b] = await pair(bench);
    const writer = new Writer(a, 2, 40, 100_000);
    await bench.until(() => writer.ends.length === 1, 'it ends');
    assert.deepEqual(writer.ends, ['accepted']);
    assert.ok(writer.waits > 0, 'it was told to wait');
    const [stream] = b.streams;
    assert.deepEqual(
      [stream?.from, stream?.kind, text(stream?.header ?? bytes(''))],
      [1, 4, 'header'],
    );
    assert.equal(stream?.finished, true);
    for (const [i, chunk] of (stream?.chunks ?? []).entries()) {
      assert.equal(chunk.length, 100_000);
      assert.ok(chunk.every((byte) => byte === 39 - i));
    }
    assert.equal(stream?.chunks.length, 40);
  });

  rule('[T19] a receiver that is slow holds the sender at its window', async (bench) => {
    const [a, b] = await pair(bench);
    const goOn: (() => void)[] = [];
    b.makeStream = (stream) => {
      stream.consume = () => new Promise((resolve) => goOn.push(resolve));
      return stream;
    };
    const before = a.net.bytesWritten;
    const writer = new Writer(a, 2, 20, LIMITS.peer.chunkBytesMax);
    await bench.until(() => goOn.length === 1, 'the first chunk is there');
    await bench.wait(50);
    const sent = a.net.bytesWritten - before;
    assert.ok(sent <= LIMITS.peer.streamWindowBytes + 10_000, `${sent} bytes are under way`);
    assert.equal(b.streams[0]?.chunks.length, 1, 'one chunk at a time');
    for (let i = 0; i < 20; i++) {
      await bench.until(() => goOn.length > i, 'the next chunk comes');
      goOn[i]?.();
    }
    await bench.until(() => writer.ends.length === 1, 'it ends');
    assert.deepEqual(writer.ends, ['accepted']);
  });

  rule('[T11] frames pass a stream that is under way', async (bench) => {
    const [a, b] = await pair(bench);
    const writer = new Writer(a, 2, 64, LIMITS.peer.chunkBytesMax);
    await bench.until(() => (b.streams[0]?.bytes ?? 0) > 0, 'it flows');
    a.peers.send(2, 'urgent', 1, bytes('vote'));
    await bench.until(() => b.frames.length === 1, 'the frame arrives');
    assert.ok((b.streams[0]?.chunks.length ?? 0) < 32, 'long before the stream has ended');
    await bench.until(() => writer.ends.length === 1, 'it ends');
  });

  rule('a stream can be aborted from both sides, refused, and not taken', async (bench) => {
    const [a, b] = await pair(bench);
    const aborted = new Writer(a, 2, 2, 10_000);
    aborted.stream?.abort('changed my mind');
    await bench.until(() => b.streams[0]?.aborted !== undefined, 'the receiver hears');
    assert.equal(b.streams[0]?.aborted, 'changed my mind');
    assert.deepEqual(aborted.ends, ['failed: changed my mind']);

    b.makeStream = () => undefined;
    const refused = new Writer(a, 2, 2, 10_000);
    await bench.until(() => refused.ends.length === 1, 'refused');
    assert.deepEqual(refused.ends, ['failed: not wanted']);

    b.makeStream = (stream) => {
      stream.consume = () => Promise.reject(new Error('the disk is full'));
      return stream;
    };
    const failed = new Writer(a, 2, 2, 10_000);
    await bench.until(() => failed.ends.length === 1, 'failed');
    assert.deepEqual(failed.ends, ['failed: the disk is full']);

    b.makeStream = (stream) => {
      stream.onTaken = () => Promise.resolve(false);
      return stream;
    };
    const left = new Writer(a, 2, 2, 10_000);
    await bench.until(() => left.ends.length === 1, 'not taken');
    assert.deepEqual(left.ends, ['failed: not taken']);
  });

  rule('a stream dies with its connection, on both sides', async (bench) => {
    const [a, b] = await pair(bench);
    b.makeStream = (stream) => {
      stream.consume = () => new Promise(() => {});
      return stream;
    };
    const writer = new Writer(a, 2, 20, 100_000);
    await bench.until(() => b.streams.length === 1, 'it flows');
    a.net.reset();
    await bench.until(() => writer.ends.length === 1, 'the sender hears');
    assert.match(String(writer.ends[0]), /^failed: /);
    await bench.until(() => b.streams[0]?.aborted !== undefined, 'the receiver hears');
  });

  rule('[T22] streams are few, and a place is free again after each', async (bench) => {
    const [a, b] = await pair(bench, { options: { streamsMax: 2 } });
    b.makeStream = (stream) => {
      stream.onTaken = () => new Promise(() => {});
      return stream;
    };
    const first = new Writer(a, 2, 1, 10);
    const second = new Writer(a, 2, 1, 10);
    assert.equal(new Writer(a, 2, 1, 10).stream, undefined);
    first.stream?.abort('enough');
    b.makeStream = (stream) => stream;
    const third = new Writer(a, 2, 1, 10);
    await bench.until(() => third.ends.length === 1, 'the third one passes');
    assert.deepEqual(third.ends, ['accepted']);
    second.stream?.abort('enough');
  });

  rule('[T21] all streams together keep the rate', async (bench) => {
    const rate = 1024 * 1024;
    const [a] = await pair(bench, { options: { streamBytesPerSecond: rate } });
    const { clock } = bench.subject.machine(1).capabilities;
    const startMs = clock.monotonicMs();
    const writers = [new Writer(a, 2, 5, 60_000), new Writer(a, 2, 5, 60_000)];
    await bench.until(() => writers.every(({ ends }) => ends.length === 1), 'both end');
    const passed = 600_000 - LIMITS.peer.chunkBytesMax;
    const leastMs = (passed / rate) * 1_000;
    const tookMs = clock.monotonicMs() - startMs;
    assert.ok(tookMs >= leastMs && tookMs < leastMs * 2 + 500, `${tookMs} of ${leastMs} ms`);
  });
}
