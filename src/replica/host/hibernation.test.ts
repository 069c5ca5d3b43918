// Shards that hibernate, and everything that wakes them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ClusterOptions, HostCluster } from '../../../test/support/host-cluster.ts';
import { must } from '../../base/assert.ts';
import { PackedWriter } from '../codec/index.ts';
import { ReplicaCondition } from './condition.ts';
import { Hibernation } from './hibernation.ts';
import { writeHibernationNote } from './hibernation-codec.ts';
import type { Registry } from './registry.ts';
import type { Replica } from './replica.ts';
import { DEFAULT_HOST_SETTINGS, settle } from './settings.ts';

const SHARDS = 12;

async function hibernatingCluster(options: Partial<ClusterOptions> = {}): Promise<HostCluster> {
  const cluster = await HostCluster.start({ seed: 11, shards: SHARDS, ...options });
  assert.ok(await cluster.world.runUntil(() => allHibernate(cluster), 10_000), 'all hibernate');
  return cluster;
}

function allHibernate(cluster: HostCluster, ids: readonly number[] = [1, 2, 3]): boolean {
  return cluster.shards.every((shard) =>
    ids.every((id) => cluster.status(id, shard)?.isHibernating),
  );
}

test('[H80] idle shards hibernate on all members, and keep their leader', async () => {
  const cluster = await hibernatingCluster();
  const before = cluster.shards.map((shard) => cluster.status(1, shard)?.term);
  await cluster.world.runFor(20_000);
  assert.ok(allHibernate(cluster), 'nobody woke');
  assert.deepEqual(
    cluster.shards.map((shard) => cluster.status(1, shard)?.term),
    before,
    'no elections',
  );
  await cluster.close();
});

test('a hibernating shard takes a write at once and hibernates again', async () => {
  const cluster = await hibernatingCluster();
  const leader = cluster.leader(3);
  assert.match(await cluster.put(leader, 'a=1', 3), /^applied/);
  assert.equal(cluster.status(leader, 4)?.isHibernating, true, 'the others sleep on');
  assert.ok(await cluster.world.runUntil(() => allHibernate(cluster), 10_000));
  for (const id of [1, 2, 3]) assert.equal(await cluster.get(id, 'local', 'a', 3), 'local "1"');
  await cluster.close();
});

test('[H83] a leader asleep takes a write at whatever moment it comes', async () => {
  // Rested at tick 9 of 10, with a tick due just after the write: it checked its quorum twice
  // before anybody could answer. A second write while it is awake sets at which tick it rests.
  const { tickMs, electionTicks } = DEFAULT_HOST_SETTINGS;
  const cluster = await hibernatingCluster();
  const leader = cluster.leader();
  const before = must(cluster.status(leader), 'it leads');
  const stepMs = 1.3;
  for (let round = 0; round * stepMs < electionTicks * tickMs; round++) {
    const where = `round ${round}`;
    assert.match(await cluster.put(leader, 'a=1'), /^applied/, where);
    await cluster.world.runFor(tickMs * (round % electionTicks));
    assert.match(await cluster.put(leader, 'a=2'), /^applied/, where);
    const rests = await cluster.world.runUntil(() => allHibernate(cluster), 10_000);
    assert.ok(rests, where);
    await cluster.world.runFor(500 + stepMs * round);
    const now = must(cluster.status(leader), 'it leads');
    assert.equal(now.role, 'leader', where);
    assert.equal(now.term, before.term, where);
  }
  await cluster.close();
});

test('a strong read of a hibernating shard is answered by leader and follower', async () => {
  const cluster = await hibernatingCluster();
  const leader = cluster.leader(2);
  for (const id of [leader, (leader % 3) + 1]) {
    assert.equal(await cluster.get(id, 'strong', 'a', 2), 'strong ""');
  }
  await cluster.close();
});

test('the member of a leader dies: the followers wake and elect another one', async () => {
  const cluster = await hibernatingCluster();
  const dead = cluster.leader(1);
  const orphans = cluster.shards.filter((shard) => cluster.leader(shard) === dead);
  const others = cluster.shards.filter((shard) => cluster.leader(shard) !== dead);
  cluster.kill(dead);
  const isLed = (): boolean => orphans.every((shard) => cluster.leader(shard) !== 0);
  assert.ok(await cluster.world.runUntil(isLed, 3_000), 'new leaders within three seconds');
  const survivor = dead === 1 ? 2 : 1;
  for (const shard of others) {
    assert.equal(cluster.status(survivor, shard)?.isHibernating, true, 'no reason to wake');
  }
  for (const shard of cluster.shards) {
    assert.match(await cluster.put(await cluster.elect(shard), 'a=1', shard), /^applied/);
  }
  await cluster.close();
});

test('a connection that breaks wakes the followers at once, silence after a while', async () => {
  const cluster = await hibernatingCluster();
  const [dead, survivor] = cluster.leader(1) === 1 ? [1, 2] : [cluster.leader(1), 1];
  const orphans = cluster.shards.filter((shard) => cluster.leader(shard) === dead);
  const isAwake = (): boolean =>
    orphans.every((shard) => cluster.status(survivor, shard)?.isHibernating === false);
  cluster.kill(dead);
  assert.ok(await cluster.world.runUntil(isAwake, 100), 'it was told that the process is gone');
  await cluster.restart(dead);
  assert.ok(await cluster.world.runUntil(() => allHibernate(cluster), 15_000));
  // Nobody is told anything, and the connections stand for two seconds yet.
  const cut = cluster.leader(1);
  cluster.world.network.partition(
    [cut - 1],
    [1, 2, 3].filter((id) => id !== cut).map((id) => id - 1),
  );
  const isLed = (): boolean => cluster.leader(1) !== cut;
  assert.ok(await cluster.world.runUntil(isLed, 1_500), 'it was missed');
  await cluster.close();
});

test('[H85] a member that is restarted hears from the leaders and deposes none', async () => {
  const cluster = await hibernatingCluster();
  const leader = cluster.leader(1);
  const other = (leader % 3) + 1;
  const terms = cluster.shards
    .filter((shard) => cluster.leader(shard) !== other)
    .map((shard) => [shard, cluster.status(leader, shard)?.term] as const);
  cluster.kill(other);
  await cluster.world.runFor(1_000);
  await cluster.restart(other);
  await cluster.world.runFor(250);
  for (const [shard] of terms) {
    assert.notEqual(cluster.status(other, shard)?.leader, 0, 'it need not campaign to be told');
  }
  assert.ok(await cluster.world.runUntil(() => allHibernate(cluster), 15_000), 'hibernating again');
  for (const [shard, term] of terms) assert.equal(cluster.status(leader, shard)?.term, term);
  await cluster.close();
});

test('[H83] a leader that slept while others elected has no lease left', async () => {
  const cluster = await hibernatingCluster({ shards: 1 });
  const old = cluster.leader(1);
  const others = [1, 2, 3].filter((id) => id !== old);
  cluster.world.network.partition(
    [old - 1],
    others.map((id) => id - 1),
  );
  await cluster.world.runUntil(() => cluster.leader(1) !== old, 5_000);
  const young = await cluster.elect();
  assert.notEqual(young, old);
  assert.match(await cluster.put(young, 'a=new'), /^applied/);
  assert.equal(cluster.status(old)?.role, 'leader', 'it has not heard of it');
  assert.match(await cluster.get(old, 'lease', 'a'), /^refused/);
  await cluster.close();
});

test('a leader that is restarted at once leads nothing that it led before', async () => {
  const cluster = await hibernatingCluster();
  const leader = cluster.leader(1);
  const led = cluster.shards
    .filter((shard) => cluster.leader(shard) === leader)
    .map((shard) => [shard, cluster.status(leader, shard)?.term ?? 0] as const);
  cluster.kill(leader);
  await cluster.restart(leader);
  const isLedAnew = (): boolean =>
    led.every(([shard, term]) => {
      const now = cluster.leader(shard);
      return now !== 0 && (cluster.status(now, shard)?.term ?? 0) > term;
    });
  assert.ok(await cluster.world.runUntil(isLedAnew, 3_000), 'within three seconds');
  await cluster.close();
});

test('[H70] a write finds a disk that stands still, and all sleeping shards leave', async () => {
  for (const writer of ['leader', 'follower'] as const) {
    const cluster = await hibernatingCluster();
    const still = cluster.leader(1);
    const led = cluster.shards.filter((shard) => cluster.leader(shard) === still);
    const other = must(
      cluster.shards.find((shard) => cluster.leader(shard) !== still),
      'the others lead some',
    );
    cluster.machine(still).disk.rules({ slowFactor: 10_000_000 });
    await cluster.world.runFor(10_000);
    assert.ok(allHibernate(cluster), 'nobody uses them, and nothing is amiss');
    const shard = writer === 'leader' ? 1 : other;
    void cluster.write(cluster.leader(shard), 'a=1', shard);
    const haveLeft = (): boolean => led.every((one) => ![0, still].includes(cluster.leader(one)));
    assert.ok(await cluster.world.runUntil(haveLeft, 3_000), `${writer}: within three seconds`);
    await cluster.world.runFor(5);
    for (const one of led) assert.match(await cluster.put(cluster.leader(one), 'b=1', one), /^app/);
  }
});

test('[H86] a note of a run that is over puts a shard to sleep until its member is back', () => {
  const condition = new ReplicaCondition('whole');
  condition.becomeRole('follower', 1);
  const index = 5;
  const status = { applied: index, commit: index, lastIndex: index, lead: 1, term: 2 };
  const replica = {
    shard: 7,
    condition,
    core: { basicStatus: () => ({ ...status, role: 'follower' }) },
    isRunning: true,
    isLeader: false,
    leader: 1,
    noteBusy: () => {},
    proposals: { isEmpty: true },
    reads: { isEmpty: true },
  } as unknown as Replica;
  const registry = { running: () => replica } as unknown as Registry;
  // A new run of it is heard before the old one was silent for long.
  const peers = { lastHeardMs: () => 1_000 } as never;
  const hibernation = new Hibernation({ member: 2, peers }, settle({}), registry, {
    schedule: () => {},
  });
  hibernation.onPeerDown(1);
  const notes = new PackedWriter(64);
  writeHibernationNote(notes, { step: 'hibernate', shard: 7, term: 2, index });
  assert.ok(hibernation.onFrame(1, notes.view(), 1_000));
  hibernation.step(1_010);
  assert.equal(condition.isHibernating, true, 'the note came behind the end of the connection');
  hibernation.onPeerUp(1);
  hibernation.step(1_020);
  assert.equal(condition.isHibernating, false);
});

test('[H33] a member that was stopped hears what waits for it before it campaigns', async () => {
  const cluster = await HostCluster.start({ seed: 3, shards: 40, host: { hibernation: false } });
  await cluster.world.runFor(3_000);
  const stopped = cluster.leader(1) === 1 ? 2 : 1;
  const led = cluster.shards.filter((shard) => ![0, stopped].includes(cluster.leader(shard)));
  assert.ok(led.length > 10, 'others lead many of them');
  cluster.machine(stopped).pause();
  await cluster.world.runFor(1_000);
  cluster.machine(stopped).resume();
  const hasCampaigned = (): boolean =>
    led.some((shard) => cluster.status(stopped, shard)?.role !== 'follower');
  assert.equal(await cluster.world.runUntil(hasCampaigned, 100), false);
  await cluster.close();
});

test('[H33] shards that begin together on busy members come to rest', async () => {
  // Each event takes 20 ms, so that a round of events is several ticks long. Leaders that made up
  // for ticks checked their quorum before they had read the answers: no shard came to rest.
  const cluster = new HostCluster({ seed: 1, shards: 40 });
  for (const id of [1, 2, 3]) {
    await cluster.boot(id);
    cluster.machine(id).setEventCost(20);
  }
  assert.ok(await cluster.world.runUntil(() => allHibernate(cluster), 60_000), 'within a minute');
  for (const shard of cluster.shards) {
    assert.ok((cluster.status(1, shard)?.term ?? 0) < 8, `shard ${shard}: a few elections`);
  }
});

test('shards stay awake while a peer does not know of hibernation', async () => {
  const cluster = await HostCluster.start({ seed: 5, features: (id) => (id === 2 ? 0 : 1) });
  await cluster.elect();
  await cluster.world.runFor(5_000);
  for (const id of [1, 2, 3]) assert.equal(cluster.status(id)?.isHibernating, false);
  await cluster.close();
});

test('[H80] a leader whose last tick ended its leadership does not hibernate', () => {
  const condition = new ReplicaCondition('whole');
  condition.becomeRole('leader', 1);
  const status = { commit: 5, applied: 5, lastIndex: 5, transferee: 0, term: 2 };
  const config = { voters: [1, 2, 3], votersOutgoing: [] };
  let role = 'follower';
  const replica = {
    shard: 7,
    condition,
    core: {
      basicStatus: () => status,
      status: () => ({ ...status, config, peers: [], role }),
    },
    isLeader: true,
    leader: 1,
    // Asks once in `electionTicks - 1` ticks.
    idleTicks: 27,
    proposals: { isEmpty: true },
    reads: { isEmpty: true },
  } as unknown as Replica;
  const settings = settle({ electionTicks: 10, hibernateAfterTicks: 20 });
  const parts = { member: 1, peers: {} as never };
  const hibernation = new Hibernation(parts, settings, {} as never, { schedule: () => {} });
  hibernation.ticked(replica, 1_000);
  assert.equal(condition.activity.kind, 'awake', 'it would sleep without a leader');
  role = 'leader';
  hibernation.ticked(replica, 1_000);
  assert.equal(condition.activity.kind, 'hibernating', 'as a single voter, at once');
});
