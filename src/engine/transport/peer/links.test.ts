// Connections over time: pauses between attempts, sleeping processes, and those who overdo it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Machine, World } from '../../../../sim/index.ts';
import { BreakableNet } from '../../../../test/support/breakable-net.ts';
import { PeerMember } from '../../../../test/support/peer-member.ts';
import { silentLog } from '../../../../test/support/silent-log.ts';
import { ParleyError } from '../../../base/errors.ts';
import { connectClient } from './client.ts';
import { encodeHello } from './hello.ts';
import type { PeerOptions } from './options.ts';
import type { RequestOutcome } from './types.ts';

interface Started {
  readonly member: PeerMember;
  readonly machine: Machine;
  readonly net: BreakableNet;
  /** When it began to dial. */
  readonly dialsMs: number[];
}

async function start(
  world: World,
  number: number,
  options: Partial<PeerOptions> = {},
): Promise<Started> {
  const machine = world.machine(`n${number}`);
  const net = new BreakableNet(machine.capabilities.net);
  const dialsMs: number[] = [];
  const watched = {
    openDatagrams: net.openDatagrams,
    listenStreams: net.listenStreams,
    resolve: net.resolve,
    connectStream: ((to, handler, timeoutMs) => {
      dialsMs.push(world.nowMs);
      return net.connectStream(to, handler, timeoutMs);
    }) satisfies BreakableNet['connectStream'],
  };
  const capabilities = { ...machine.capabilities, net: watched, log: silentLog };
  const member = new PeerMember(capabilities, number, { options });
  await world.settle(net.listenStreams(machine.address(1_000), member.accept));
  return { member, machine, net, dialsMs };
}

async function pairOf(options: Partial<PeerOptions> = {}, others = options) {
  const world = new World({ seed: 1 });
  const a = await start(world, 1, options);
  const b = await start(world, 2, others);
  a.member.peers.setPeer(2, b.machine.address(1_000));
  b.member.peers.setPeer(1, a.machine.address(1_000));
  await world.runFor(50);
  assert.ok(a.member.peers.isUp(2) && b.member.peers.isUp(1));
  return { world, a, b };
}

async function clientOf(world: World, to: Started) {
  const { capabilities } = world.machine('n9');
  const net = new BreakableNet(capabilities.net);
  const identity = { clusterId: '', callee: 0, options: { silentMs: 60_000 } };
  const address = to.machine.address(1_000);
  const calling = connectClient({ ...capabilities, net }, address, identity);
  return { client: await world.settle(calling), net };
}

test('[T6] attempts come after growing pauses that are never quite equal', async () => {
  const world = new World({ seed: 1 });
  const { member, dialsMs } = await start(world, 1);
  member.peers.setPeer(2, world.machine('n2').address(1_000));
  await world.runFor(20_000);
  const gaps = dialsMs.slice(1).map((at, i) => at - (dialsMs[i] as number));
  for (const [i, gap] of gaps.entries()) {
    const pauseMs = Math.min(1_000, 20 * 2 ** i);
    assert.ok(gap >= pauseMs / 2 && gap <= pauseMs + 2, `${i}: ${gap} of ${pauseMs} ms`);
  }
  assert.ok(new Set(gaps.map((gap) => Math.round(gap))).size > gaps.length / 2);
  assert.equal(member.changes.length, 1, 'a series of equal failures is told once');
});

test('[T6] a peer that calls is called back at once', async () => {
  const world = new World({ seed: 1 });
  const a = await start(world, 1, { retryMsMax: 60_000 });
  a.member.peers.setPeer(2, world.machine('n2').address(1_000));
  await world.runFor(60_000);
  const before = a.dialsMs.length;
  const b = await start(world, 2);
  b.member.peers.setPeer(1, a.machine.address(1_000));
  await world.runFor(20);
  assert.ok(a.member.peers.isUp(2));
  assert.equal(a.dialsMs.length, before + 1);
});

test('[T6] the pause is the shortest again after a stable connection only', async () => {
  const { world, a } = await pairOf();
  for (let i = 0; i < 6; i++) {
    a.net.reset();
    await world.runFor(700);
  }
  const last = a.dialsMs.at(-1) as number;
  assert.ok(a.member.peers.isUp(2));
  await world.runFor(6_000);
  const cutMs = world.nowMs;
  a.net.reset();
  await world.runFor(700);
  assert.ok((a.dialsMs.at(-1) as number) - cutMs <= 21);
  assert.ok(cutMs > last);
});

test('[T7] a process that slept does not blame the others for their silence', async () => {
  const { world, a, b } = await pairOf({ silentMs: 500 }, { silentMs: 10_000 });
  a.machine.pause();
  await world.runFor(3_000);
  a.machine.resume();
  await world.runFor(200);
  assert.deepEqual([a.member.changes, b.member.changes], [['up 2'], ['up 1']]);
  // The others are heard again, and still watched.
  b.machine.pause();
  await world.runFor(1_000);
  assert.deepEqual(a.member.changes.slice(0, 2), ['up 2', 'down 2: silent']);
});

test('[T7] a peer on an idle line is heard from every round, by the one who dialled', async () => {
  const world = new World({ seed: 1 });
  const a = await start(world, 1);
  // Their rounds are out of step.
  await world.runFor(40);
  const b = await start(world, 2);
  a.member.peers.setPeer(2, b.machine.address(1_000));
  b.member.peers.setPeer(1, a.machine.address(1_000));
  await world.runFor(200);
  const { clock } = a.machine.capabilities;
  for (let i = 0; i < 300; i++) {
    await world.runFor(7);
    const silenceMs = clock.monotonicMs() - a.member.peers.lastHeardMs(2);
    assert.ok(silenceMs < 110, `${silenceMs} ms`);
  }
  assert.deepEqual([a.member.changes, b.member.changes], [['up 2'], ['up 1']]);
});

test('[T4] a peer that is dropped loses its connection too, and is asked about again', async () => {
  const { world, a, b } = await pairOf();
  a.member.onAdmit = () => ({ kind: 'refused', reason: 'unknownMember', message: 'dropped' });
  a.member.peers.dropPeer(2);
  await world.runFor(500);
  assert.equal(b.member.peers.isUp(1), false);
  assert.equal(b.member.changes.at(-1), 'down 1: refused by the other side: dropped');
  assert.deepEqual(a.member.changes, ['up 2'], 'who drops a peer knows it');
});

test('[T7] a peer that moves is told as down and dialled at its new address', async () => {
  const { world, a, b } = await pairOf();
  const moved = await start(world, 3);
  await b.member.peers.close();
  a.member.peers.setPeer(2, moved.machine.address(1_000));
  assert.equal(a.member.changes.at(-1), 'down 2: its address changed');
  await world.runFor(100);
  assert.match(String(a.member.changes.at(-1)), /this is member 3, not member 2/);
});

test('[T13] what never left is refused when the line breaks, what left is unknown', async () => {
  const { world, a, b } = await pairOf({ silentMs: 60_000 });
  for (const stream of b.net.streams) stream.pause();
  const outcomes: string[] = [];
  const note = (outcome: RequestOutcome): void => {
    outcomes.push(outcome.kind === 'answered' ? 'answered' : `${outcome.kind} ${outcome.reason}`);
  };
  for (let i = 0; i < 10; i++) {
    a.member.peers.request(2, 1, new Uint8Array(100_000), 60_000, note);
    await world.runFor(1);
  }
  a.net.reset();
  await world.runFor(10);
  // The simulated line takes 256 KiB before it asks to wait.
  assert.deepEqual(outcomes.toSorted(), [
    ...new Array<string>(7).fill('refused down'),
    ...new Array<string>(3).fill('unknown connectionLost'),
  ]);
});

test('[T13] what stands behind the part that was written before the end is refused', async () => {
  const { world, a, b } = await pairOf({ silentMs: 60_000 });
  for (const stream of b.net.streams) stream.pause();
  const outcomes: string[] = [];
  for (let i = 0; i < 20; i++) {
    a.member.peers.request(2, 1, new Uint8Array(200_000), 60_000, ({ kind }) => {
      outcomes.push(kind);
    });
  }
  await world.runFor(1);
  a.net.reset();
  await world.runFor(10);
  const refusals = outcomes.filter((kind) => kind === 'refused').length;
  assert.deepEqual([refusals, outcomes.length], [15, 20], 'five of them are a part of 1 MiB');
});

test('[T16] who does not read its answers is not read from, until it does', async () => {
  const { world, a } = await pairOf({ silentMs: 600 });
  a.member.onAsked = (request) => request.respond(new Uint8Array(64 * 1024));
  const { client, net } = await clientOf(world, a);
  for (const stream of net.streams) stream.pause();
  let answers = 0;
  for (let i = 0; i < 400; i++) {
    client.request(1, new Uint8Array(10_000), 60_000, ({ kind }) => {
      if (kind === 'answered') answers += 1;
    });
    await world.runFor(1);
  }
  const asked = a.member.requests.length;
  assert.ok(asked > 64 && asked < 200, `${asked} were read`);
  // That nothing is heard from it meanwhile is this side's own doing.
  await world.runFor(1_500);
  for (const stream of net.streams) stream.resume();
  await world.runFor(2_000);
  assert.equal(answers, 400);
  client.close();
});

test('[T16] a connection whose answers pile up all the same is cut', async () => {
  const { world, a } = await pairOf({ silentMs: 60_000, ordinaryBytesMax: 1024 * 1024 });
  const { client, net } = await clientOf(world, a);
  const outcomes: RequestOutcome[] = [];
  for (let i = 0; i < 40; i++) {
    client.request(100, new Uint8Array(0), 60_000, (outcome) => outcomes.push(outcome));
  }
  await world.runFor(10);
  for (const stream of net.streams) stream.pause();
  for (const request of a.member.requests) request.respond(new Uint8Array(64 * 1024));
  assert.ok(a.member.requests.some(({ isAbandoned }) => isAbandoned));
  for (const stream of net.streams) stream.resume();
  await world.runFor(100);
  assert.equal(client.isUp, false);
  assert.equal(outcomes.length, 40);
  assert.ok(outcomes.some(({ kind }) => kind === 'unknown'));
});

test('[T23] who takes nothing of its answers for long is cut', async () => {
  const { world, a } = await pairOf({ silentMs: 600, unreadMs: 3_000 });
  a.member.onAsked = (request) => request.respond(new Uint8Array(512 * 1024));
  const { client, net } = await clientOf(world, a);
  const ask = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) client.request(1, new Uint8Array(1), 60_000, () => {});
    await world.runFor(2_500);
  };
  for (const stream of net.streams) stream.pause();
  await ask();
  for (const stream of net.streams) stream.resume();
  await ask();
  for (const stream of net.streams) stream.pause();
  await ask();
  assert.ok(client.isUp, 'whoever reads now and then is not cut');
  await world.runFor(1_000);
  for (const stream of net.streams) stream.resume();
  await world.runFor(100);
  assert.ok(!client.isUp);
});

test('[T23] the client that holds the most memory goes when all hold too much', async () => {
  const { world, a } = await pairOf({ silentMs: 600, clientsBytesMax: 5 * 1024 * 1024 });
  const [greedy, modest] = [await clientOf(world, a), await clientOf(world, a)];
  a.member.onAsked = (request) => request.respond(new Uint8Array(512 * 1024));
  for (const stream of [...greedy.net.streams, ...modest.net.streams]) stream.pause();
  for (let i = 0; i < 6; i++) modest.client.request(1, new Uint8Array(1), 60_000, () => {});
  await world.runFor(300);
  assert.equal(a.member.requests.length, 6);
  for (let i = 0; i < 9; i++) greedy.client.request(1, new Uint8Array(1), 60_000, () => {});
  await world.runFor(300);
  for (const stream of [...greedy.net.streams, ...modest.net.streams]) stream.resume();
  await world.runFor(100);
  assert.deepEqual([greedy.client.isUp, modest.client.isUp], [false, true]);
  modest.client.close();
});

test('[T17] there are only so many clients', async () => {
  const { world, a } = await pairOf({ clientsMax: 1 });
  const { client } = await clientOf(world, a);
  await assert.rejects(clientOf(world, a), (error) => {
    return error instanceof ParleyError && error.message.endsWith('has 1 clients already');
  });
  client.close();
  await world.runFor(50);
  const next = await clientOf(world, a);
  next.client.close();
});

test('[T22] a stream whose receiver does not get on has failed on both sides', async () => {
  const { world, a, b } = await pairOf({ streamStallMs: 300 });
  b.member.makeStream = (stream) => {
    stream.consume = () => new Promise(() => {});
    return stream;
  };
  const ends: unknown[] = [];
  const handler = { onDrain: () => {}, onEnd: (end: unknown) => void ends.push(end) };
  const stream = a.member.peers.openStream(2, 1, new Uint8Array(0), handler);
  stream?.write(new Uint8Array(1_000));
  stream?.finish();
  await world.runFor(250);
  assert.deepEqual(ends, []);
  await world.runFor(250);
  assert.deepEqual(ends, [{ kind: 'failed', why: 'stalled' }]);
  assert.equal(b.member.streams[0]?.aborted, 'stalled');
});

test('[T22] a stream whose sender does not get on is given up by its receiver', async () => {
  const { world, a, b } = await pairOf({}, { streamStallMs: 300 });
  const ends: unknown[] = [];
  const handler = { onDrain: () => {}, onEnd: (end: unknown) => void ends.push(end) };
  const stream = a.member.peers.openStream(2, 1, new Uint8Array(0), handler);
  stream?.write(new Uint8Array(1_000));
  await world.runFor(500);
  assert.deepEqual(ends, [{ kind: 'failed', why: 'stalled' }]);
  assert.equal(b.member.streams[0]?.aborted, 'stalled');
});

test('[T3] whoever answers as another member is refused by the caller too', async () => {
  const world = new World({ seed: 1 });
  const a = await start(world, 1);
  const impostor = world.machine('n2');
  const said: Buffer[] = [];
  const { net } = impostor.capabilities;
  await world.settle(
    net.listenStreams(impostor.address(1_000), (stream) => {
      const hello = { clusterId: 'c-1', member: 3, incarnation: 1n, callee: 0, features: 0 };
      stream.write(encodeHello(hello));
      const quiet = (): void => {};
      const onData = (bytes: Uint8Array): void => void said.push(Buffer.from(bytes));
      return { onData, onDrain: quiet, onEnd: quiet, onClose: quiet };
    }),
  );
  a.member.peers.setPeer(2, impostor.address(1_000));
  await world.runFor(100);
  const reason = 'member 3 answers where member 2 is expected';
  assert.deepEqual(a.member.changes, [`down 2: refused by this side: ${reason}`]);
  assert.ok(Buffer.concat(said).includes(reason), 'and is told so');
});

test('[T4] a member that takes its time to admit misses nothing', async () => {
  const world = new World({ seed: 1 });
  const a = await start(world, 1);
  const b = await start(world, 2);
  const admitted: (() => void)[] = [];
  b.member.onAdmit = () =>
    new Promise((resolve) => admitted.push(() => resolve({ kind: 'admitted' })));
  a.member.peers.setPeer(2, b.machine.address(1_000));
  await world.runFor(500);
  assert.equal(a.member.peers.isUp(2), false);
  for (const admit of admitted) admit();
  await world.runFor(20);
  assert.ok(a.member.peers.isUp(2));
  a.member.peers.send(2, 'ordinary', 1, Buffer.from('late'));
  await world.runFor(20);
  assert.equal(b.member.frames.length, 1);
});

test('[T4] one that takes too long is given up and called again', async () => {
  const world = new World({ seed: 1 });
  const a = await start(world, 1);
  const b = await start(world, 2);
  const admitted: (() => void)[] = [];
  b.member.onAdmit = () =>
    new Promise((resolve) => admitted.push(() => resolve({ kind: 'admitted' })));
  a.member.peers.setPeer(2, b.machine.address(1_000));
  await world.runFor(2_050);
  assert.deepEqual(a.member.changes, []);
  await world.runFor(150);
  assert.deepEqual(a.member.changes, ['down 2: no greeting in time']);
  assert.equal(admitted.length, 2, 'it has called again');
  // Of a connection that is gone: nothing comes of it.
  admitted[0]?.();
  await world.runFor(20);
  assert.equal(a.member.peers.isUp(2), false);
  b.member.onAdmit = () => ({ kind: 'admitted' });
  await world.runFor(2_500);
  assert.ok(a.member.peers.isUp(2));
  a.member.peers.send(2, 'ordinary', 1, Buffer.from('at last'));
  await world.runFor(20);
  assert.equal(b.member.frames.length, 1);
});
