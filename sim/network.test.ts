import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DatagramSocket, Stream, StreamHandler } from '../src/base/capabilities.ts';
import type { LinkRules } from './links.ts';
import { World } from './world.ts';

const QUIET = { onDatagram: () => {}, onTrouble: () => {} };

/** Two machines; `send` sends numbered datagrams from the first to the second. */
async function twoMembers(rules: Partial<LinkRules>): Promise<{
  world: World;
  got: number[];
  send: (count: number) => void;
}> {
  const world = new World({ seed: 11 });
  const [n1, n2] = [world.machine('n1'), world.machine('n2')];
  const got: number[] = [];
  const onDatagram = (bytes: Uint8Array): void => void got.push(Buffer.from(bytes).readUInt32LE());
  const a = await world.settle(n1.capabilities.net.openDatagrams(n1.address(1), QUIET));
  const b = { onDatagram, onTrouble: () => {} };
  await world.settle(n2.capabilities.net.openDatagrams(n2.address(1), b));
  world.network.links.all(rules);
  return { world, got, send: (count) => sendNumbers(a, n2.address(1), count) };
}

function sendNumbers(
  socket: DatagramSocket,
  to: Parameters<DatagramSocket['send']>[1],
  count: number,
) {
  for (let i = 0; i < count; i++) {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32LE(i);
    socket.send(bytes, to);
  }
}

test('loss, duplicates and delay come at the rates asked for', async () => {
  const { world, got, send } = await twoMembers({
    lossRate: 0.1,
    duplicateRate: 0.2,
    delayMsMin: 1,
    delayMsMean: 4,
  });
  const began = world.nowMs;
  send(10_000);
  await world.runFor(1_000);
  const { faults, network } = world;
  assert.ok(Math.abs(faults.datagramLost - 1_000) < 120, `${faults.datagramLost} lost`);
  assert.ok(Math.abs(faults.datagramDuplicated - 1_800) < 200);
  assert.equal(got.length, 10_000 - faults.datagramLost + faults.datagramDuplicated);
  assert.equal(network.datagrams.traffic.delivered, got.length);
  assert.equal(network.datagrams.traffic.sentBytes, 40_000);
  assert.equal(began < 1, true);
});

test('delays mix up the order, unless there is only one delay', async () => {
  const mixed = await twoMembers({ delayMsMin: 1, delayMsMean: 4 });
  mixed.send(100);
  await mixed.world.runFor(1_000);
  assert.notDeepEqual(
    mixed.got,
    mixed.got.toSorted((a, b) => a - b),
  );
  const even = await twoMembers({ delayMsMin: 3, delayMsMean: 0 });
  even.send(100);
  await even.world.runFor(2.9);
  assert.equal(even.got.length, 0);
  await even.world.runFor(0.2);
  assert.deepEqual(
    even.got,
    even.got.toSorted((a, b) => a - b),
  );
  assert.equal(even.got.length, 100);
});

test('a late datagram is overtaken by later ones', async () => {
  const { world, got, send } = await twoMembers({
    delayMsMin: 1,
    delayMsMean: 0,
    lateRate: 0.1,
    lateMs: 500,
  });
  send(200);
  await world.runFor(100);
  const onTime = got.length;
  await world.runFor(1_000);
  assert.equal(got.length, 200);
  assert.equal(200 - onTime, world.faults.datagramLate);
  assert.ok(world.faults.datagramLate > 5);
});

test('a cut takes one direction, a partition both, healing ends either', async () => {
  const { world, got, send } = await twoMembers({});
  const { links } = world.network;
  links.cut(1, 0);
  send(3);
  await world.runFor(10);
  assert.equal(got.length, 3, 'the other direction is open');
  world.network.partition([0], [1]);
  send(3);
  await world.runFor(10);
  assert.equal(got.length, 3);
  assert.equal(world.faults.datagramCut, 3);
  links.heal();
  send(3);
  await world.runFor(10);
  assert.equal(got.length, 6);
});

test('a link of its own rules differs from the others, until all is healed', async () => {
  const { world, got, send } = await twoMembers({});
  world.network.links.one(0, 1, { lossRate: 1 });
  send(5);
  await world.runFor(10);
  assert.equal(got.length, 0);
  world.network.links.heal();
  send(5);
  await world.runFor(10);
  assert.equal(got.length, 5);
});

test('a handler that keeps the bytes of a datagram finds them spoilt', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const kept: Uint8Array[] = [];
  const keeper = { onDatagram: (bytes: Uint8Array) => kept.push(bytes), onTrouble: () => {} };
  const { net } = machine.capabilities;
  const socket = await world.settle(net.openDatagrams(machine.address(1), keeper));
  socket.send(Buffer.from('abc'), socket.address);
  await world.runFor(10);
  assert.deepEqual(kept, [new Uint8Array([0xdd, 0xdd, 0xdd])]);
});

// --- streams ------------------------------------------------------------------------------------

interface Line {
  readonly world: World;
  readonly client: Stream;
  readonly heard: string[];
}

/** A stream from n1 to n2, which notes all that both sides hear. */
async function openLine(): Promise<Line> {
  const world = new World({ seed: 5 });
  const [n1, n2] = [world.machine('n1'), world.machine('n2')];
  const heard: string[] = [];
  const side = (name: string): StreamHandler => ({
    onData: (bytes) => heard.push(`${name} hears ${bytes.length}`),
    onDrain: () => heard.push(`${name} may write`),
    onEnd: () => heard.push(`${name} hears the end`),
    onClose: (reason) => heard.push(`${name} closes: ${reason ?? 'in order'}`),
  });
  const { net } = n2.capabilities;
  await world.settle(net.listenStreams(n2.address(9), () => side('server')));
  const call = n1.capabilities.net.connectStream(n2.address(9), side('client'), 1_000);
  return { world, client: await world.settle(call), heard };
}

test('a cut holds a stream back; what was written arrives when it mends', async () => {
  const { world, client, heard } = await openLine();
  world.network.partition([0], [1]);
  client.write(new Uint8Array(1));
  await world.runFor(10_000);
  assert.deepEqual(heard, []);
  world.network.links.heal();
  await world.runFor(10);
  assert.deepEqual(heard, ['server hears 1']);
});

test('a sender gives up on a cut that lasts', async () => {
  const { world, client, heard } = await openLine();
  world.network.links.cut(0, 1);
  client.write(new Uint8Array(1));
  await world.runFor(20_000);
  assert.deepEqual(heard, ['client closes: ETIMEDOUT']);
});

test('a killed peer resets its streams, a powerless one leaves its peers waiting', async () => {
  const killed = await openLine();
  killed.world.machine('n2').kill();
  await killed.world.runFor(10);
  assert.deepEqual(killed.heard, ['client closes: ECONNRESET']);

  const silent = await openLine();
  silent.world.machine('n2').losePower();
  await silent.world.runFor(60_000);
  assert.deepEqual(silent.heard, [], 'who says nothing learns nothing');
  silent.client.write(new Uint8Array(1));
  await silent.world.runFor(20_000);
  assert.deepEqual(silent.heard, ['client closes: ETIMEDOUT']);
});

test('loss delays a stream and takes nothing from it', async () => {
  const { world, client, heard } = await openLine();
  world.network.links.all({ lossRate: 0.3 });
  for (let i = 0; i < 100; i++) client.write(new Uint8Array(1));
  await world.runFor(60);
  const early = heard.length;
  await world.runFor(60_000);
  assert.ok(early < 100);
  assert.equal(heard.length, 100);
  assert.ok(world.faults.streamRetransmitted > 20);
});

test('a connection into a cut times out, one that mends in time succeeds', async () => {
  const { world } = await openLine();
  const [n1, n2] = [world.machine('n1'), world.machine('n2')];
  const handler: StreamHandler = {
    onData: () => {},
    onDrain: () => {},
    onEnd: () => {},
    onClose: () => {},
  };
  world.network.partition([0], [1]);
  const { net } = n1.capabilities;
  await assert.rejects(
    world.settle(net.connectStream(n2.address(9), handler, 500)),
    /no answer in time/,
  );
  const patient = net.connectStream(n2.address(9), handler, 5_000);
  world.after(1_500, () => world.network.links.heal());
  assert.equal((await world.settle(patient)).remote, n2.address(9));
});
