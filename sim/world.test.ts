import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SocketAddress } from '../src/base/ids.ts';
import { World } from './world.ts';

test('all that follows from an event happens before time goes on', async () => {
  const world = new World({ seed: 1 });
  const { clock } = world.machine('n1').capabilities;
  const seen: string[] = [];
  const think = async (): Promise<void> => {
    for (let i = 0; i < 1_000; i++) await Promise.resolve();
    await new Promise<void>((resolve) => process.nextTick(resolve));
    seen.push(`thought at ${clock.monotonicMs()}`);
  };
  clock.setTimer(1, () => void think());
  clock.setTimer(1.5, () => seen.push('next'));
  await world.runFor(5);
  assert.deepEqual(seen, ['thought at 1', 'next']);
  assert.equal(world.nowMs, 5);
});

test('a promise settles at the moment its work is done', async () => {
  const world = new World({ seed: 1 });
  const { clock, disk } = world.machine('n1').capabilities;
  const order: string[] = [];
  const work = async (): Promise<void> => {
    const file = await disk.open('f', 'create');
    await file.write(0, new Uint8Array(10));
    const before = clock.monotonicMs();
    await file.sync();
    order.push(clock.monotonicMs() > before ? 'sync took time' : 'sync took none');
  };
  await world.settle(work());
  assert.deepEqual(order, ['sync took time']);
});

test('an error in a machine ends the run, it does not vanish', async () => {
  const world = new World({ seed: 1 });
  world.machine('n1').capabilities.clock.setTimer(1, () => {
    throw new Error('a bug');
  });
  await assert.rejects(world.runFor(10), /a bug/);
});

test('a watch sees every event', async () => {
  const world = new World({ seed: 1 });
  const { clock } = world.machine('n1').capabilities;
  let checks = 0;
  world.watch(() => {
    checks += 1;
    assert.ok(checks < 3, 'an invariant');
  });
  for (let i = 0; i < 5; i++) clock.setTimer(i, () => {});
  await assert.rejects(world.runFor(10), /an invariant/);
});

test('a killed process leaves its files; its timers and capabilities are dead', async () => {
  const world = new World({ seed: 1 });
  const [n1, n2] = [world.machine('n1'), world.machine('n2')];
  const before = n1.capabilities;
  const heard: string[] = [];
  const listen = { onDatagram: () => heard.push('datagram'), onTrouble: () => {} };
  const old = await world.settle(before.net.openDatagrams(n1.address(1), listen));
  await world.settle(n2.capabilities.net.openDatagrams(n2.address(1), listen));
  const file = await world.settle(before.disk.open('f', 'create'));
  await world.settle(file.write(0, Buffer.from('unsynced')));
  before.clock.setTimer(5, () => heard.push('timer'));

  n1.kill();
  old.send(Buffer.from('x'), n2.address(1));
  before.clock.setTimer(0, () => heard.push('timer'));
  void file.write(0, Buffer.from('ghost')).then(() => heard.push('write'));
  await world.runFor(100);
  assert.deepEqual(heard, []);

  const after = n1.restart();
  assert.equal(after.clock.monotonicMs(), 0);
  const again = await world.settle(after.disk.open('f', 'read'));
  const into = Buffer.alloc(8);
  await world.settle(again.read(0, into));
  assert.equal(into.toString(), 'unsynced');
  const socket = await world.settle(after.net.openDatagrams(n1.address(1), listen));
  assert.equal(socket.address, old.address, 'the port is free again');
});

test('a paused process does nothing, then everything in order', async () => {
  const world = new World({ seed: 1 });
  const [n1, n2] = [world.machine('n1'), world.machine('n2')];
  const order: string[] = [];
  const { net, clock } = n1.capabilities;
  await world.settle(
    net.openDatagrams(n1.address(1), {
      onDatagram: (bytes) => order.push(Buffer.from(bytes).toString()),
      onTrouble: () => {},
    }),
  );
  const quiet = { onDatagram: () => {}, onTrouble: () => {} };
  const sender = await world.settle(n2.capabilities.net.openDatagrams(n2.address(1), quiet));
  const begun = clock.monotonicMs();
  n1.pause();
  clock.setTimer(1, () => order.push('timer'));
  clock.setTimer(2, () => order.push('cancelled')).cancel();
  await world.runFor(5);
  sender.send(Buffer.from('datagram'), n1.address(1));
  await world.runFor(5_000);
  assert.deepEqual(order, []);
  n1.resume();
  await world.runFor(1);
  assert.deepEqual(order, ['timer', 'datagram']);
  assert.ok(clock.monotonicMs() - begun > 5_000, 'time passed all the while');
});

test('a drifting clock gains, and timers that wait follow it', async () => {
  const world = new World({ seed: 1 });
  const [n1, n2] = [world.machine('n1'), world.machine('n2')];
  const fast = n1.capabilities.clock;
  const order: string[] = [];
  fast.setTimer(1_000, () => order.push('fast'));
  n2.capabilities.clock.setTimer(999.5, () => order.push('true'));
  n1.drift(1_000);
  await world.runFor(10_000);
  assert.deepEqual(order, ['fast', 'true']);
  assert.ok(Math.abs(fast.monotonicMs() - 10_010) < 0.01);
  n1.drift(0);
  await world.runFor(1_000);
  assert.ok(Math.abs(fast.monotonicMs() - 11_010) < 0.01);
});

test('a wall clock jumps either way, the monotonic one does not', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const { clock } = machine.capabilities;
  const wall = clock.wallMs();
  machine.jumpWall(-5_000);
  assert.equal(clock.wallMs(), wall - 5_000);
  assert.equal(clock.monotonicMs(), 0);
});

test('what is logged reads as fixed-width lines', async () => {
  const world = new World({ seed: 1 });
  const { log } = world.machine('n1').capabilities;
  await world.runFor(1_523.25);
  log.with({ port: 7 }).warn('machine died', { node: 'n2', phi: 8.4 });
  log.debug('too small to be written');
  assert.deepEqual(world.journal.lines, [
    '    1523.250 n1       warn  machine died  port=7 node=n2 phi=8.4',
  ]);
});

test('names resolve to machines, and can be changed', async () => {
  const world = new World({ seed: 1 });
  const { net } = world.machine('n1').capabilities;
  assert.deepEqual(await world.settle(net.resolve('n1')), ['10.0.0.1']);
  world.network.setName('seed.example', ['10.0.0.1', '10.0.0.9']);
  assert.equal((await world.settle(net.resolve('seed.example'))).length, 2);
  world.network.setName('seed.example', []);
  await assert.rejects(world.settle(net.resolve('seed.example')), /name is not known/);
  const anywhere = '0.0.0.0:7' as SocketAddress;
  const quiet = { onDatagram: () => {}, onTrouble: () => {} };
  const socket = await world.settle(net.openDatagrams(anywhere, quiet));
  assert.equal(socket.address, '10.0.0.1:7');
});

test('wall and monotonic clock run at rates of their own', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const { clock } = machine.capabilities;
  const [wallMs, monotonicMs] = [clock.wallMs(), clock.monotonicMs()];
  machine.setClockRates({ wall: 10_000, monotonic: -500_000 });
  await world.runFor(1_000);
  assert.equal(Math.round(clock.wallMs() - wallMs), 1_010);
  assert.equal(Math.round(clock.monotonicMs() - monotonicMs), 500);
  machine.jumpWall(-5_000);
  assert.equal(Math.round(clock.wallMs() - wallMs), -3_990);
});

test('where events take time, those behind wait and keep their order', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  machine.setEventCost(1);
  const { clock } = machine.capabilities;
  const fired: { name: string; atMs: number }[] = [];
  for (const name of ['a', 'b', 'c']) {
    clock.setTimer(10, () => fired.push({ name, atMs: world.nowMs }));
  }
  const cancelled = clock.setTimer(10, () => fired.push({ name: 'd', atMs: world.nowMs }));
  await world.runUntil(() => fired.length === 1, 100);
  await world.runFor(0);
  cancelled.cancel();
  await world.runFor(100);
  assert.deepEqual(
    fired.map(({ name }) => name),
    ['a', 'b', 'c'],
  );
  const [a, b, c] = fired.map(({ atMs }) => atMs) as [number, number, number];
  assert.ok(a === 10 && b > a && c > b);
  assert.ok(world.eventsDelayed >= 2);
});
