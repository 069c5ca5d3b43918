// What may happen to members, and what their clients see of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeRead, describeWrite, HostCluster } from '../../../test/support/host-cluster.ts';
import { must } from '../../base/assert.ts';

const others = (id: number): readonly number[] => [1, 2, 3].filter((other) => other !== id);
const indexes = (ids: readonly number[]): readonly number[] => ids.map((id) => id - 1);

test('what was acknowledged survives a power failure of all members', async () => {
  const cluster = await HostCluster.start({ seed: 2 });
  const leader = await cluster.elect();
  for (let i = 0; i < 20; i++) assert.match(await cluster.put(leader, `k${i}=v${i}`), /^applied/);
  for (const id of [1, 2, 3]) cluster.losePower(id);
  for (const id of [1, 2, 3]) await cluster.restart(id);
  const next = await cluster.elect(1, 5_000);
  for (let i = 0; i < 20; i++) {
    assert.equal(await cluster.get(next, 'strong', `k${i}`), `strong "v${i}"`);
  }
  await cluster.close();
});

test('a member alone waits for its disk, and has everything after a restart', async () => {
  const cluster = await HostCluster.start({ seed: 3, members: 1 });
  await cluster.elect();
  for (let i = 0; i < 10; i++) assert.match(await cluster.put(1, `a=${i}`), /^applied/);
  cluster.losePower(1);
  await cluster.restart(1);
  await cluster.elect();
  assert.equal(await cluster.get(1, 'strong', 'a'), 'strong "9"');
  await cluster.close();
});

test('the leader dies: another one takes writes within a second and a half', async () => {
  const cluster = await HostCluster.start({ seed: 4 });
  const leader = await cluster.elect();
  await cluster.put(leader, 'a=1');
  const diedMs = cluster.world.nowMs;
  cluster.kill(leader);
  const next = await cluster.elect();
  assert.match(await cluster.put(next, 'a=2'), /^applied \d+ "1"$/);
  assert.ok(cluster.world.nowMs - diedMs < 1_500, `${cluster.world.nowMs - diedMs} ms`);
  await cluster.close();
});

test('[H10] writes to a leader that is cut off are replaced, and said to be', async () => {
  const cluster = await HostCluster.start({ seed: 5 });
  const old = await cluster.elect();
  cluster.world.network.partition(indexes([old]), indexes(others(old)));
  const lost = cluster.write(old, 'a=lost');
  await cluster.world.runUntil(() => cluster.leader() !== old, 3_000);
  const young = await cluster.elect();
  assert.match(await cluster.put(young, 'a=kept'), /^applied/);
  cluster.world.network.links.mendAll();
  assert.equal(describeWrite(await cluster.world.settle(lost)), 'refused replaced 0');
  assert.ok(await cluster.converge());
  assert.equal(await cluster.get(old, 'strong', 'a'), 'strong "kept"');
  await cluster.close();
});

test('writes to a leader that stays cut off are in doubt after a while', async () => {
  const cluster = await HostCluster.start({ seed: 6 });
  const old = await cluster.elect();
  cluster.world.network.partition(indexes([old]), indexes(others(old)));
  const lost = cluster.write(old, 'a=lost');
  assert.equal(describeWrite(await cluster.world.settle(lost)), 'unknown leaderChanged');
  await cluster.close();
});

test('[H30] a leader that was stopped counts the time before its lease counts', async () => {
  const cluster = await HostCluster.start({ seed: 7 });
  const old = await cluster.elect();
  assert.match(await cluster.put(old, 'a=before'), /^applied/);
  assert.equal(await cluster.get(old, 'lease', 'a'), 'lease "before"');
  cluster.machine(old).pause();
  const read = cluster.read(old, 'lease', 'a');
  await cluster.world.runUntil(() => others(old).includes(cluster.leader()), 3_000);
  const young = await cluster.elect();
  assert.match(await cluster.put(young, 'a=after'), /^applied/);
  cluster.machine(old).resume();
  const answer = await cluster.world.settle(read);
  if (answer.kind === 'answered') assert.notEqual(answer.level, 'lease');
  const again = await cluster.get(old, 'lease', 'a');
  assert.ok(again.startsWith('refused') || again.includes('after'), again);
  await cluster.close();
});

test('[H44] a lease does not answer for other members', async () => {
  const cluster = await HostCluster.start({ seed: 14, members: 5 });
  const leader = await cluster.elect();
  assert.match(await cluster.put(leader, 'a=1'), /^applied/);
  assert.equal(await cluster.get(leader, 'lease', 'a'), 'lease "1"');
  const [asker = 0, ...rest] = [1, 2, 3, 4, 5].filter((id) => id !== leader);
  assert.equal(await cluster.get(asker, 'lease', 'a'), 'lease "1"', 'a round confirms it');
  cluster.world.network.partition(indexes([leader, asker]), indexes(rest));
  const [own, passedOn] = [cluster.read(leader, 'lease', 'a'), cluster.read(asker, 'lease', 'a')];
  assert.equal(describeRead(await cluster.world.settle(own)), 'lease "1"');
  assert.match(describeRead(await cluster.world.settle(passedOn)), /^refused/);
  await cluster.close();
});

test('[H71] a leader whose disk does not answer is replaced within five seconds', async () => {
  const cluster = await HostCluster.start({ seed: 8 });
  const sick = await cluster.elect();
  cluster.machine(sick).disk.rules({ slowFactor: 50_000 });
  const slow = cluster.write(sick, 'a=slow');
  const isReplaced = (): boolean => others(sick).includes(cluster.leader());
  assert.ok(await cluster.world.runUntil(isReplaced, 5_000), 'another one leads');
  assert.equal(cluster.heard(sick, 'diskSlow'), 1, '[H96] told once');
  const young = await cluster.elect();
  assert.match(await cluster.put(young, 'b=1'), /^applied/);
  cluster.machine(sick).disk.rules({ slowFactor: 1 });
  const outcome = describeWrite(await cluster.world.settle(slow));
  const seen = await cluster.get(young, 'strong', 'a');
  if (outcome.startsWith('applied')) assert.equal(seen, 'strong "slow"');
  if (outcome.startsWith('refused')) assert.equal(seen, 'strong ""');
  await cluster.close();
});

test('[H72] disks that all fill up refuse writes before they are full, and recover', async () => {
  const cluster = await HostCluster.start({ seed: 9, wal: { roomCheckMs: 100 } });
  const leader = await cluster.elect();
  assert.match(await cluster.put(leader, 'a=0'), /^applied/);
  const disks = [1, 2, 3].map((id) => cluster.machine(id).disk);
  for (const disk of disks) disk.rules({ capacityBytes: 300 * 1024 });
  await cluster.world.runFor(500);
  // The first to notice may have handed over to one that had not: from here on nothing moves.
  const last = await cluster.elect();
  const { term } = must(cluster.status(last), 'it leads');
  await cluster.world.runFor(3_000);
  assert.ok(cluster.heard(last, 'diskNearlyFull') > 0, '[H96]');
  assert.equal(cluster.leader(), last);
  assert.equal(cluster.status(last)?.term, term, 'nobody hands over to somebody who is full');
  assert.match(await cluster.put(last, 'a=1'), /^refused diskFull/);
  assert.equal(await cluster.get(last, 'strong', 'a'), 'strong "0"', 'reads go on');
  for (const disk of disks) disk.rules({ capacityBytes: 1024 ** 3 });
  await cluster.world.runFor(500);
  assert.match(await cluster.put(cluster.leader(), 'a=2'), /^applied/);
  await cluster.close();
});

test('[H72] a leader whose disk is nearly full hands over to a voter with room', async () => {
  const cluster = await HostCluster.start({ seed: 13, wal: { roomCheckMs: 100 } });
  const full = await cluster.elect();
  assert.match(await cluster.put(full, 'a=1'), /^applied/);
  const [other = 0, third = 0] = others(full);
  // The other one is full first, and says so.
  for (const id of [other, full]) {
    cluster.machine(id).disk.rules({ capacityBytes: 300 * 1024 });
    await cluster.world.runFor(500);
  }
  const isThird = (): boolean => cluster.leader() === third;
  assert.ok(await cluster.world.runUntil(isThird, 3_000), 'the one with room leads');
  assert.match(await cluster.put(third, 'a=2'), /^applied/);
  await cluster.world.runFor(2_000);
  assert.equal(cluster.leader(), third, 'and stays');
  await cluster.close();
});

test('[H22] a follower whose disk fills up takes no more, and catches up by itself', async () => {
  const cluster = await HostCluster.start({ seed: 14, wal: { roomCheckMs: 100 } });
  const leader = await cluster.elect();
  assert.match(await cluster.put(leader, 'a=0'), /^applied/);
  const [full = 0] = others(leader);
  const { disk } = cluster.machine(full);
  const capacityBytes = disk.usedBytes + 100 * 1024;
  disk.rules({ capacityBytes });
  await cluster.world.runFor(500);
  const lastIndex = cluster.status(full)?.lastIndex ?? 0;
  const value = 'x'.repeat(1_000);
  for (let i = 1; i <= 300; i++) {
    assert.match(await cluster.put(cluster.leader(), `k${i}=${value}`), /^applied/);
  }
  assert.deepEqual([cluster.leader(), cluster.fatal], [leader, []]);
  assert.equal(cluster.status(full)?.lastIndex, lastIndex, 'nothing more was taken');
  assert.ok(capacityBytes - disk.usedBytes > 50 * 1024, 'what was left is left');
  disk.rules({ capacityBytes: 1024 ** 3 });
  assert.ok(await cluster.converge(), 'it caught up');
  assert.equal(await cluster.get(full, 'local', 'k300'), `local "${value}"`);
  await cluster.close();
});

test('[H91] a log that fails stops the member once, and tells everyone who waits', async () => {
  const cluster = await HostCluster.start({ seed: 10 });
  const leader = await cluster.elect();
  cluster.machine(leader).disk.rules({ syncErrorRate: 1 });
  const writes = [cluster.write(leader, 'a=1'), cluster.write(leader, 'b=1')];
  for (const write of writes) {
    assert.equal(describeWrite(await cluster.world.settle(write)), 'unknown stopped');
  }
  assert.equal(cluster.fatal.length, 1, cluster.fatal.join());
  const late = cluster.write(leader, 'c=1');
  assert.equal(describeWrite(await cluster.world.settle(late)), 'refused stopping 0');
  await cluster.close();
});

test('[H90] a machine with a bug stops its shard, and no other', async () => {
  const cluster = await HostCluster.start({ seed: 12, shards: 2 });
  const [one, two] = [await cluster.elect(1), await cluster.elect(2)];
  assert.equal(await cluster.put(one, 'a=boom', 1), 'unknown stopped');
  assert.match(cluster.status(one, 1)?.waitsFor ?? '', /a bug/);
  // [H96] Told once, on every member that applied it.
  const stops = cluster.events.filter(({ event }) => event.kind === 'shardStopped');
  assert.ok(stops.some(({ member }) => member === one));
  assert.equal(new Set(stops.map(({ member }) => member)).size, stops.length);
  for (const { event } of stops) {
    assert.ok(event.kind === 'shardStopped' && event.shard === 1 && event.reason.kind === 'bug');
  }
  assert.match(await cluster.put(two, 'a=1', 2), /^applied/);
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});
