// Shards that are closed, opened again and removed while their member runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostCluster, PairMachine } from '../../../test/support/host-cluster.ts';
import type { HardState } from '../../core/raft/index.ts';
import { metaKey } from '../state/layout.ts';
import type { RemoveOutcome, WriteOutcome } from '../types.ts';

const machine = new PairMachine();

function remove(cluster: HostCluster, id: number, shard: number): Promise<RemoveOutcome> {
  return new Promise((resolve) => cluster.plane(id).host.removeShard(shard, resolve));
}

/** It waits for a state, and leads nobody. */
function assertEmpty(cluster: HostCluster, id: number, where = ''): void {
  const status = cluster.status(id, 1);
  assert.equal(status?.role, 'follower', where);
  assert.deepEqual([status?.lastIndex, status?.config.voters], [0, []], where);
}

test('[H94] a shard that is closed answers, and goes on when it is opened again', async () => {
  const cluster = await HostCluster.start({ seed: 61, shards: 2 });
  const leader = await cluster.elect(1);
  assert.match(await cluster.put(leader, 'a=1'), /^applied/);
  const late = cluster.put(leader, 'a=2');
  const { gateway, host } = cluster.plane(leader);
  const told: string[] = [];
  assert.ok(gateway.follow(1, 0, ({ kind }) => told.push(kind)));
  assert.equal(host.closeShard(1), true);
  assert.match(await late, /^(refused stopping|unknown stopped)/, 'whoever waits is told');
  assert.equal(await cluster.put(leader, 'a=3'), 'refused unknownShard 0');
  assert.equal(told.at(-1), 'end', 'and so is whoever follows');
  assert.equal(
    gateway.follow(1, 0, () => {}),
    undefined,
  );
  assert.equal(host.closeShard(1), false, 'once');
  const next = await cluster.elect(1);
  assert.notEqual(next, leader, 'the others go on without it');
  assert.match(await cluster.put(next, 'b=4'), /^applied/);

  host.openShard({ shard: 1, machine, founders: [1, 2, 3] });
  assert.ok(await cluster.converge());
  assert.equal(await cluster.get(leader, 'local', 'b'), 'local "4"');
  assert.ok(gateway.follow(1, 0, () => {}));
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});

test('[H94] [D27] a closed shard keeps nothing in memory, and opens with its past', async () => {
  const cluster = await HostCluster.start({ seed: 62, shards: 1, members: 1 });
  await cluster.elect();
  assert.match(await cluster.put(1, 'a=1'), /^applied/);
  const plane = cluster.plane(1);
  const digest = plane.digest(1);
  assert.equal(plane.host.closeShard(1), true);
  await cluster.world.runFor(1_000);
  assert.equal(plane.digest(1), undefined, 'its state is let go of');
  plane.host.openShard({ shard: 1, machine, founders: [1] });
  assert.equal(plane.digest(1), digest);
  await cluster.elect();
  // Closed, opened and closed before anything is durable, and opened at last.
  assert.equal(plane.host.closeShard(1), true);
  plane.host.openShard({ shard: 1, machine, founders: [1] });
  assert.equal(plane.host.closeShard(1), false, 'it begins yet');
  await cluster.elect();
  assert.equal(await cluster.get(1, 'local', 'a'), 'local "1"');
  assert.equal(await cluster.put(1, 'a=2'), `applied ${cluster.status(1)?.lastIndex} "1"`);
  await cluster.close();
});

test('[H94] [N15] a shard that is closed while a state is installed keeps that state', async () => {
  const host = { trailingEntries: 5, purgeEntries: 10 };
  const cluster = await HostCluster.start({ seed: 21, host });
  const leader = await cluster.elect();
  const late = (leader % 3) + 1;
  cluster.kill(late);
  for (let i = 0; i < 60; i++) {
    assert.match(await cluster.put(leader, `k${i}=${'x'.repeat(100)}`), /^applied/);
  }
  await cluster.world.runFor(3_000);
  await cluster.restart(late);
  // Its core has taken the state over, and its log is about to name it.
  const isInstalling = (): boolean => (cluster.status(late)?.firstIndex ?? 0) > 30;
  assert.ok(await cluster.world.runUntil(isInstalling, 10_000));
  await cluster.world.runFor(0.1);
  assert.ok((cluster.status(late)?.applied.index ?? 0) < 30, 'and the state is not there yet');
  assert.equal(cluster.plane(late).host.closeShard(1), true);
  // Long enough for what came to nothing to be swept up.
  await cluster.world.runFor(300_000);
  cluster.plane(late).host.openShard({ shard: 1, machine, founders: [1, 2, 3] });
  assert.ok(await cluster.converge());
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});

test('[H95] a shard that is removed is gone, and the others stay', async () => {
  const cluster = await HostCluster.start({ seed: 62, members: 1, shards: 2 });
  await cluster.elect(1);
  await cluster.elect(2);
  for (const shard of [1, 2]) assert.match(await cluster.put(1, 'a=1', shard), /^applied/);
  const { host } = cluster.plane(1);
  const removing = remove(cluster, 1, 1);
  assert.equal(await cluster.put(1, 'a=2', 1), 'refused unknownShard 0');
  assert.equal(await cluster.world.settle(remove(cluster, 1, 1)), 'unknownShard', 'once');
  assert.equal(await cluster.world.settle(removing), 'removed');
  assert.equal(host.status(1), undefined);
  assert.equal(await cluster.world.settle(remove(cluster, 1, 9)), 'unknownShard');
  assert.match(await cluster.put(1, 'a=2', 2), /^applied \d+ "1"/);
  // What is opened under its name begins with nothing, and founds nothing.
  host.openShard({ shard: 1, machine, founders: [1] });
  await cluster.world.runFor(3_000);
  assertEmpty(cluster, 1);
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});

test('[H95] a plan for a shard that leaves waits until it has left', async () => {
  const cluster = await HostCluster.start({ seed: 63, members: 1 });
  await cluster.elect();
  assert.match(await cluster.put(1, 'a=1'), /^applied/);
  const removing = remove(cluster, 1, 1);
  cluster.plane(1).host.openShard({ shard: 1, machine, founders: [1] });
  assert.equal(await cluster.put(1, 'a=2'), 'refused noLeader 0');
  assert.equal(await cluster.world.settle(removing), 'removed');
  await cluster.world.runFor(3_000);
  assertEmpty(cluster, 1);
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});

test('[H95] power fails at any moment of a removal: the shard is there, or is gone', async () => {
  const found = { there: 0, gone: 0 };
  for (let step = 0; step < 60; step++) {
    const cluster = await HostCluster.start({ seed: 64, members: 1, shards: 2 });
    await cluster.elect(1);
    await cluster.elect(2);
    for (let i = 0; i < 5; i++) {
      for (const shard of [1, 2]) assert.match(await cluster.put(1, `a=${i}`, shard), /^applied/);
    }
    void remove(cluster, 1, 1);
    const atMs = (step / 60) ** 2 * 6;
    await cluster.world.runFor(atMs);
    cluster.losePower(1);
    await cluster.restart(1);
    const where = `power failed after ${atMs} ms`;
    await cluster.elect(2);
    await cluster.world.runFor(1_000);
    const isThere = cluster.leader(1) === 1;
    if (isThere) assert.equal(await cluster.get(1, 'strong', 'a', 1), 'strong "4"', where);
    else assertEmpty(cluster, 1, where);
    found[isThere ? 'there' : 'gone'] += 1;
    assert.equal(await cluster.get(1, 'strong', 'a', 2), 'strong "4"', where);
    assert.deepEqual(cluster.fatal, [], where);
    await cluster.close();
  }
  assert.ok(found.there > 5 && found.gone > 5, `both were seen: ${JSON.stringify(found)}`);
});

/**
 * L leads, and A is down. L and B commit a write, and that B leaves; B removes the shard. L is down
 * as well when A comes back: A knows of neither, and asks B, which has forgotten that it has them.
 */
async function removeBehind(seed: number, comeBack: (cluster: HostCluster, id: number) => unknown) {
  const cluster = await HostCluster.start({ seed });
  const leader = await cluster.elect();
  const behind = (leader % 3) + 1;
  const leaving = (behind % 3) + 1;
  cluster.kill(behind);
  assert.match(await cluster.put(leader, 'a=1'), /^applied/);
  const { host } = cluster.plane(leader);
  const changes = [{ kind: 'remove', node: leaving }] as const;
  const change = { version: 2, transition: 'auto', changes, context: new Uint8Array(0) } as const;
  const changing = new Promise<WriteOutcome>((resolve) => host.changeConfig(1, change, resolve));
  assert.equal((await cluster.world.settle(changing)).kind, 'applied');
  await cluster.world.runFor(500);
  assert.equal(await cluster.world.settle(remove(cluster, leaving, 1)), 'removed');
  await comeBack(cluster, leaving);
  cluster.kill(leader);
  await cluster.restart(behind);
  await cluster.world.runFor(5_000);
  assert.equal(cluster.leader(), 0, 'without the old leader nobody knows of the write');
  await cluster.restart(leader);
  const next = await cluster.elect();
  assert.equal(await cluster.get(next, 'strong', 'a'), 'strong "1"');
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
}

test('[H95] a shard that is opened again votes for nobody who lacks what it had', async () => {
  await removeBehind(64, (cluster, id) => {
    cluster.plane(id).host.openShard({ shard: 1, machine, founders: [] });
  });
});

test('[H95] a member that starts does not found a shard again that it removed', async () => {
  await removeBehind(64, (cluster, id) => {
    cluster.kill(id);
    return cluster.restart(id);
  });
});

test('[H95] a shard that comes back has the term and the vote that it left with', async () => {
  const cluster = await HostCluster.start({ seed: 65, storeFlushMs: 10_000 });
  const leader = await cluster.elect();
  const leaving = (leader % 3) + 1;
  const other = 6 - leader - leaving;
  // Nobody speaks to it meanwhile.
  for (const id of [leader, other]) cluster.kill(id);
  await cluster.world.runFor(2_000);
  const votes = (): Pick<HardState, 'term' | 'vote'> => {
    const { term, vote } = cluster.plane(leaving).wal.shard(1).initialState().hardState;
    return { term, vote };
  };
  const kept = votes();
  assert.ok(kept.term > 1 && kept.vote > 0);
  assert.equal(await cluster.world.settle(remove(cluster, leaving, 1)), 'removed');
  cluster.plane(leaving).host.openShard({ shard: 1, machine, founders: [] });
  await cluster.world.runFor(100);
  assert.deepEqual(votes(), kept);
  assert.equal(cluster.status(leaving)?.term, kept.term);
  // It votes before its record is durable: the log forgets it, and it comes back once more.
  const { wal } = cluster.plane(leaving);
  const later = { term: kept.term + 3, vote: other };
  const hardState = { ...later, commit: 0 };
  const writing = new Promise((done) => wal.append([{ shard: 1, hardState }], done));
  assert.equal(await cluster.world.settle(writing), 'durable');
  cluster.losePower(leaving);
  await cluster.restart(leaving);
  assert.equal(cluster.plane(leaving).store.get(metaKey(1)), undefined);
  await cluster.world.runFor(1_000);
  assert.deepEqual(votes(), later);
  assertEmpty(cluster, leaving);
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});

test('[H53] a newcomer that has a term and no state founds nothing when it starts', async () => {
  const cluster = await HostCluster.start({ seed: 66, storeFlushMs: 10_000 });
  const open = (id: number, founders: readonly number[]): void => {
    cluster.plane(id).host.openShard({ shard: 2, machine, founders });
  };
  // Members that have met have nothing else to make durable.
  await cluster.elect(1);
  await cluster.world.runFor(1_000);
  open(1, []);
  open(2, [1, 2]);
  assert.ok(await cluster.world.runUntil(() => cluster.leader(2) === 2, 10_000));
  cluster.losePower(1);
  await cluster.restart(1);
  const log = cluster.plane(1).wal.shard(2);
  assert.deepEqual(log.initialState().hardState, { term: 2, vote: 2, commit: 0 });
  assert.equal(cluster.plane(1).store.get(metaKey(2)), undefined, 'its record was not durable');
  open(1, [1, 2]);
  const isBack = (): boolean => (cluster.status(1, 2)?.applied.index ?? 0) > 1;
  assert.ok(await cluster.world.runUntil(isBack, 10_000), 'it was sent the state');
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});
