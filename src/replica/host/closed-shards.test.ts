// What shards cost that are here and not open.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostCluster } from '../../../test/support/host-cluster.ts';

const host = { segmentsMax: 3, trailingEntries: 5, purgeEntries: 10, hibernation: false };

test('[H54] [H94] a shard that is closed does not keep old segments for ever', async () => {
  const cluster = await HostCluster.start({ seed: 5, members: 1, shards: 2, host });
  const id = await cluster.elect(1);
  await cluster.elect(2);
  assert.match(await cluster.put(id, 'a=1', 1), /^applied/);
  assert.equal(cluster.plane(id).host.closeShard(1), true);
  for (let i = 0; i < 600; i++) await cluster.put(id, `k=${'x'.repeat(4_000)}`, 2);
  await cluster.world.runFor(3_000);
  const { segments } = cluster.plane(id).wal.stats();
  assert.ok(segments <= 4, `${segments} segments`);
  await cluster.close();
});
