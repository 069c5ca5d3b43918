// Machines that keep files, which no host can keep for them yet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, HostCluster } from '../../../test/support/host-cluster.ts';
import { segmentMachine } from '../../../test/support/segment-machine.ts';
import { PLAIN_EDITIONS, type ShardMachine } from '../../core/machine.ts';

test('[H99] a machine that keeps files is refused before anything is written for it', async () => {
  const machineOf = (): ShardMachine => segmentMachine;
  const cluster = await HostCluster.start({ seed: 1, members: 1, machineOf });
  await cluster.world.runFor(100);
  assert.match(cluster.fatal.join('\n'), /^1: shard 1: its machine, segments, keeps files/);
  assert.equal(cluster.plane(1).wal.shard(1).lastIndex(), 0);
  await cluster.close();
});

test('[H90] [H99] one that answers extents and does not say so stops its shard alone', async () => {
  const liar: ShardMachine = {
    kind: 'liar',
    editions: PLAIN_EDITIONS,
    apply: () => bytes(''),
    query: () => ({ kind: 'extents', head: bytes(''), extents: [] }),
  };
  const cluster = await HostCluster.start({
    seed: 1,
    members: 1,
    shards: 2,
    machineOf: () => liar,
  });
  const leader = await cluster.elect(1);
  await cluster.elect(2);
  assert.equal(await cluster.get(leader, 'strong', 'read'), 'refused stopping');
  assert.match(cluster.status(1, 1)?.waitsFor ?? '', /H99/);
  assert.match(await cluster.put(leader, 'a', 2), /^applied/);
  assert.deepEqual(cluster.fatal, []);
  await cluster.close();
});
