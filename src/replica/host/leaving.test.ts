// Shards that are closed, opened again and removed while their member runs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostCluster } from '../../../test/support/host-cluster.ts';
import { PLAIN_EDITIONS, type ShardMachine } from '../../core/machine.ts';
import type { RemoveOutcome } from '../types.ts';

/** What a plan needs; a closed shard goes on with the machine that it had. */
const machine: ShardMachine = {
  kind: 'pairs',
  editions: PLAIN_EDITIONS,
  apply: () => new Uint8Array(0),
  query: () => ({ kind: 'done', answer: new Uint8Array(0) }),
};

function remove(cluster: HostCluster, id: number, shard: number): Promise<RemoveOutcome> {
  return new Promise((resolve) => cluster.plane(id).host.removeShard(shard, resolve));
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
  // What is opened under its name begins with nothing.
  host.openShard({ shard: 1, machine, founders: [1] });
  await cluster.elect(1);
  assert.equal(cluster.status(1, 1)?.firstIndex, 2);
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
  await cluster.elect();
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
    await cluster.elect(1);
    await cluster.elect(2);
    const value = await cluster.get(1, 'strong', 'a', 1);
    assert.match(value, /^strong "4?"$/, `all of it or nothing: ${where}`);
    found[value === 'strong "4"' ? 'there' : 'gone'] += 1;
    assert.equal(await cluster.get(1, 'strong', 'a', 2), 'strong "4"', where);
    assert.deepEqual(cluster.fatal, [], where);
    await cluster.close();
  }
  assert.ok(found.there > 5 && found.gone > 5, `both were seen: ${JSON.stringify(found)}`);
});
