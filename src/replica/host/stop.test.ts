// Who hears what when a member stops, on purpose or because something broke.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeWrite, HostCluster } from '../../../test/support/host-cluster.ts';
import type { ConfChange } from '../../core/raft/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { encodeEntryRequest } from './repair-codec.ts';

const ADD_LEARNER: ConfChange = {
  version: 2,
  transition: 'auto',
  changes: [{ kind: 'addLearner', node: 4 }],
  context: new Uint8Array(0),
};

test('[H15] [H16] a stop tells also who waits for a change to be on the disk', async () => {
  const cluster = await HostCluster.start({ seed: 2, newcomers: 1 });
  const leader = await cluster.elect();
  assert.match(await cluster.put(leader, 'a=b'), /^applied/);
  const { host } = cluster.plane(leader);
  cluster.machine(leader).disk.rules({ slowFactor: 100 });
  const heard: string[] = [];
  host.changeConfig(1, ADD_LEARNER, (outcome) => heard.push(describeWrite(outcome)));
  const isApplied = () => cluster.status(leader)?.config.learners.includes(4) === true;
  assert.ok(await cluster.world.runUntil(isApplied, 2_000));
  assert.deepEqual(heard, [], 'the store has not written it down');
  await cluster.world.settle(host.stop());
  assert.deepEqual(heard, ['unknown stopped']);
  await cluster.world.runFor(500);
  assert.equal(heard.length, 1, 'nobody is told twice');
  await cluster.close();
});

const broken = (): Promise<never> => Promise.reject(new Error('a bug'));

test('[H91] a scrub that breaks stops the member with the reason', async () => {
  const cluster = await HostCluster.start({ seed: 1, members: 1, host: { scrubEveryMs: 100 } });
  Object.assign(cluster.plane(1).wal, { scrub: broken });
  await cluster.world.runFor(200);
  assert.deepEqual(cluster.fatal, ['1: scrub: a bug']);
  await cluster.close();
});

test('[H91] a compaction that breaks stops the member with the reason', async () => {
  const wal = { segmentBytes: 16 * 1024, batchBytesMax: 8 * 1024 };
  const cluster = await HostCluster.start({ seed: 1, members: 1, wal, host: { segmentsMax: 2 } });
  const leader = await cluster.elect();
  Object.assign(cluster.plane(1).store, { flush: broken });
  for (let i = 0; i < 50; i++) void cluster.write(leader, `k${i}=${'x'.repeat(1_000)}`);
  await cluster.world.runFor(2_000);
  assert.deepEqual(cluster.fatal, ['1: compaction: a bug']);
  await cluster.close();
});

test('[H91] an answer to a peer that breaks stops the member with the reason', async () => {
  const cluster = await HostCluster.start({ seed: 1, members: 1 });
  await cluster.elect();
  assert.match(await cluster.put(1, 'a=b'), /^applied/);
  const { host, wal } = cluster.plane(1);
  const { index, term } = cluster.status(1)?.applied ?? { index: 0, term: 0 };
  Object.assign(wal, {
    shard: () => {
      throw new Error('a bug');
    },
  });
  host.onRequest({
    from: 2,
    kind: REQUEST_KIND.fetchEntries,
    body: encodeEntryRequest({ shard: 1, wantsState: false, ids: [{ index, term }] }),
    deadlineMs: Number.POSITIVE_INFINITY,
    isAbandoned: false,
    respond: () => {},
    refuse: () => {},
  });
  await cluster.world.runFor(10);
  assert.deepEqual(cluster.fatal, ['1: repair: a bug']);
  await cluster.close();
});

test('[H91] a read of the log that breaks stops the member with the reason', async () => {
  const wal = { cacheBytesMax: 500 };
  const cluster = await HostCluster.start({ seed: 1, members: 3, wal });
  const leader = await cluster.elect();
  const other = leader === 1 ? 2 : 1;
  cluster.kill(other);
  for (let i = 0; i < 5; i++) await cluster.put(leader, `k${i}=${'x'.repeat(1_000)}`);
  Object.assign(cluster.plane(leader).wal, { fetch: broken });
  cluster.machine(other).restart();
  const opening = await cluster.world.settle(cluster.open(other));
  if (opening.kind === 'refused') assert.fail(opening.error.message);
  cluster.planes.set(other, opening.plane);
  await cluster.world.runFor(1_000);
  assert.deepEqual(cluster.fatal, [`${leader}: reading the log: a bug`]);
  await cluster.close();
});
