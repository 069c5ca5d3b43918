// Three members in a simulated world: elections, writes, reads, restarts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HostCluster } from '../../../test/support/host-cluster.ts';

test('three members elect a leader, commit a write and read it back', async () => {
  const cluster = await HostCluster.start({ seed: 1 });
  const leader = await cluster.elect();
  assert.match(await cluster.put(leader, 'a=1'), /^applied \d+ ""$/);
  assert.match(await cluster.put(leader, 'a=2'), /^applied \d+ "1"$/);
  assert.equal(await cluster.get(leader, 'strong', 'a'), 'strong "2"');
  assert.equal(await cluster.get(leader, 'lease', 'a'), 'lease "2"');
  assert.ok(await cluster.converge());
  for (const id of [1, 2, 3]) assert.equal(await cluster.get(id, 'local', 'a'), 'local "2"');
  const follower = leader === 1 ? 2 : 1;
  assert.equal(await cluster.get(follower, 'strong', 'a'), 'strong "2"');
  assert.equal(await cluster.put(follower, 'a=3'), `refused notLeader ${leader}`);
  await cluster.close();
  assert.deepEqual(cluster.fatal, []);
});
