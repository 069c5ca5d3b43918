// Members that fall behind, come and go: snapshots, config changes, holes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeWrite, HostCluster } from '../../../test/support/host-cluster.ts';
import { must } from '../../base/assert.ts';
import type { Disk } from '../../base/capabilities.ts';
import { type ConfChange, draftMessage, type NodeChange } from '../../core/raft/index.ts';
import { encodeMessage, REQUEST_KIND } from '../codec/index.ts';

const SMALL = { trailingEntries: 5, purgeEntries: 10 };

function change(...changes: NodeChange[]): ConfChange {
  return { version: 2, transition: 'auto', changes, context: new Uint8Array(0) };
}

async function changeConfig(
  cluster: HostCluster,
  id: number,
  ...changes: NodeChange[]
): Promise<string> {
  const { host } = cluster.plane(id);
  return describeWrite(
    await cluster.world.settle(
      new Promise((resolve) => host.changeConfig(1, change(...changes), resolve)),
    ),
  );
}

async function fill(cluster: HostCluster, id: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    assert.match(await cluster.put(id, `k${i}=${'x'.repeat(100)}${i}`), /^applied/);
  }
}

test('[H54] the log is cut behind the durable state, a late member gets a snapshot', async () => {
  const cluster = await HostCluster.start({ seed: 21, host: SMALL });
  const leader = await cluster.elect();
  const late = (leader % 3) + 1;
  cluster.kill(late);
  await fill(cluster, leader, 60);
  await cluster.world.runFor(3_000);
  assert.ok((cluster.status(leader)?.firstIndex ?? 0) > 30, 'the log was cut');
  await cluster.restart(late);
  assert.ok(await cluster.converge(10_000), 'it caught up');
  assert.equal(await cluster.get(late, 'local', 'k59'), `local "${'x'.repeat(100)}59"`);
  await cluster.close();
});

test('[H10] what a snapshot may have brought is in doubt for who proposed it', async () => {
  const host = { ...SMALL, orphanTimeoutMs: 600_000 };
  const cluster = await HostCluster.start({ seed: 20, host });
  const old = await cluster.elect();
  const others = [1, 2, 3].filter((id) => id !== old);
  cluster.world.network.partition(
    [old - 1],
    others.map((id) => id - 1),
  );
  const lost = cluster.write(old, 'a=lost');
  await cluster.world.runUntil(() => others.includes(cluster.leader()), 3_000);
  await fill(cluster, await cluster.elect(), 60);
  await cluster.world.runFor(3_000);
  cluster.world.network.links.mendAll();
  assert.equal(describeWrite(await cluster.world.settle(lost)), 'unknown leaderChanged');
  assert.ok(await cluster.converge());
  await cluster.close();
});

test('[H54] a log whose state is not durable is not cut, however long it gets', async () => {
  const cluster = await HostCluster.start({ seed: 28, host: SMALL, storeFlushMs: 600_000 });
  const leader = await cluster.elect();
  await fill(cluster, leader, 60);
  await cluster.world.runFor(3_000);
  for (const id of [1, 2, 3]) assert.equal(cluster.status(id)?.firstIndex, 2);
  for (const id of [1, 2, 3]) cluster.losePower(id);
  for (const id of [1, 2, 3]) await cluster.restart(id);
  const next = await cluster.elect(1, 5_000);
  assert.equal(await cluster.get(next, 'strong', 'k59'), `strong "${'x'.repeat(100)}59"`);
  await cluster.close();
});

test('a newcomer becomes learner, then voter, and the leader can be removed', async () => {
  const cluster = await HostCluster.start({ seed: 22, newcomers: 1, host: SMALL });
  const leader = await cluster.elect();
  await fill(cluster, leader, 30);
  assert.match(await changeConfig(cluster, leader, { kind: 'addLearner', node: 4 }), /^applied/);
  assert.ok(await cluster.converge(10_000), 'the learner caught up');
  assert.match(await changeConfig(cluster, leader, { kind: 'addVoter', node: 4 }), /^applied/);
  assert.match(await changeConfig(cluster, leader, { kind: 'remove', node: leader }), /^applied/);
  cluster.kill(leader);
  const next = await cluster.elect(1, 5_000);
  assert.match(await cluster.put(next, 'a=1'), /^applied/);
  assert.ok(await cluster.converge());
  assert.deepEqual(
    cluster.status(4)?.config.voters,
    [1, 2, 3, 4].filter((id) => id !== leader),
  );
  await cluster.close();
});

test('an impossible change, and a second one at a time, are refused', async () => {
  const cluster = await HostCluster.start({ seed: 23, newcomers: 1 });
  const leader = await cluster.elect();
  const none = [1, 2, 3].map((node) => ({ kind: 'remove', node }) as const);
  assert.match(await changeConfig(cluster, leader, ...none), /^refused changeImpossible/);
  const { host } = cluster.plane(leader);
  const add = change({ kind: 'addLearner', node: 4 });
  const both = await cluster.world.settle(
    Promise.all([1, 2].map(() => new Promise((done) => host.changeConfig(1, add, done)))),
  );
  const kinds = both.map((outcome) => describeWrite(outcome as never).split(' ')[1]);
  assert.equal(kinds[1], 'changePending');
  await cluster.close();
});

test('leadership is handed over on request', async () => {
  const cluster = await HostCluster.start({ seed: 24 });
  const leader = await cluster.elect();
  const successor = (leader % 3) + 1;
  assert.equal(cluster.plane(leader).host.transferLeader(1, successor).kind, 'started');
  assert.ok(await cluster.world.runUntil(() => cluster.leader() === successor, 1_000));
  const answer = cluster.plane(successor).host.transferLeader(1, 9);
  assert.deepEqual(answer, { kind: 'refused', reason: 'unknownNode' });
  await cluster.close();
});

test('[H60] entries that rot in the log of a member are fetched again from its peers', async () => {
  // Were the store faster, its state would cover the entries, and nobody would need them.
  const cluster = await HostCluster.start({ seed: 25, storeFlushMs: 60_000 });
  const leader = await cluster.elect();
  const late = (leader % 3) + 1;
  await fill(cluster, leader, 20);
  await cluster.converge();
  await cluster.world.runFor(100);
  cluster.kill(late);
  const { disk } = cluster.machine(late).restart();
  const offset = await cluster.world.settle(find(disk, SEGMENT, 'k7='));
  cluster.machine(late).disk.flipBit(SEGMENT, offset, 3);
  await cluster.boot(late);
  assert.match(cluster.status(late)?.waitsFor ?? '', /1 lost log entries/);
  assert.ok(await cluster.converge(10_000), 'it is whole and equal again');
  assert.equal(await cluster.get(late, 'local', 'k7'), `local "${'x'.repeat(100)}7"`);
  await cluster.world.runFor(100);
  assert.equal(cluster.status(late)?.waitsFor, undefined);
  const told = [cluster.heard(late, 'holesFound'), cluster.heard(late, 'holesFilled')];
  assert.deepEqual(told, [1, 1], '[H96]');
  await cluster.close();
});

test('[H60] a member with holes does not campaign, whoever is gone', async () => {
  const cluster = await HostCluster.start({ seed: 29, storeFlushMs: 600_000 });
  const leader = await cluster.elect();
  const late = (leader % 3) + 1;
  await fill(cluster, leader, 20);
  await cluster.converge();
  await cluster.world.runFor(100);
  for (const id of [1, 2, 3]) cluster.kill(id);
  // The last entry: the log does not say that it is committed, so that it need not be applied.
  const { disk } = cluster.machine(late).restart();
  const offset = await cluster.world.settle(find(disk, SEGMENT, 'k19='));
  cluster.machine(late).disk.flipBit(SEGMENT, offset, 3);
  await cluster.boot(late);
  await cluster.world.runFor(3_000);
  assert.equal(cluster.status(late)?.role, 'follower');
  // Another one comes back: together they are a majority, and only that one may lead.
  await cluster.restart(leader);
  assert.equal(await cluster.elect(1, 5_000), leader);
  assert.match(await cluster.put(leader, 'a=1'), /^applied/);
  await cluster.close();
});

test('[H60] entries that rot and that the state covers are let go of', async () => {
  const cluster = await HostCluster.start({ seed: 26 });
  const leader = await cluster.elect();
  const late = (leader % 3) + 1;
  await fill(cluster, leader, 20);
  await cluster.converge();
  await cluster.world.runFor(1_000);
  cluster.kill(late);
  const { disk } = cluster.machine(late).restart();
  const offset = await cluster.world.settle(find(disk, SEGMENT, 'k7='));
  cluster.machine(late).disk.flipBit(SEGMENT, offset, 3);
  await cluster.boot(late);
  await cluster.world.runFor(1_000);
  assert.ok((cluster.status(late)?.firstIndex ?? 0) > 7, 'the log was cut');
  assert.equal(cluster.status(late)?.waitsFor, undefined);
  await cluster.close();
});

test('[H60] rot in old segments is found by reading them again, and mended', async () => {
  const cluster = await HostCluster.start({
    seed: 27,
    storeFlushMs: 600_000,
    wal: { segmentBytes: 16 * 1024, batchBytesMax: 8 * 1024 },
    host: { scrubEveryMs: 5_000, scrubPauseMs: 10 },
  });
  const leader = await cluster.elect();
  await fill(cluster, leader, 150);
  const { disk } = cluster.machine(leader).capabilities;
  const offset = await cluster.world.settle(find(disk, SEGMENT, 'k7='));
  const { index } = cluster.plane(leader).wal.shard(1);
  const at = (cluster.status(leader)?.applied.index ?? 0) - 150 + 8;
  assert.equal(index.segmentOf(at), 1);
  cluster.machine(leader).disk.flipBit(SEGMENT, offset, 3);
  await cluster.world.runFor(6_000);
  assert.ok(cluster.plane(leader).wal.shard(1).isWhole());
  assert.ok(index.segmentOf(at) > 1, 'the lost entry stands elsewhere now');
  await cluster.close();
});

const SEGMENT = 'data/wal/0000000001.wal';

/** Where `text` stands in a file. */
async function find(disk: Disk, path: string, text: string): Promise<number> {
  const file = await disk.open(path, 'read');
  const content = Buffer.alloc(await file.size());
  await file.read(0, content);
  await file.close();
  const at = content.indexOf(text);
  assert.ok(at > 0, 'the log holds what was written');
  return at;
}

test('[H16] who an answered change leaves alone needs nobody, even without power', async () => {
  const cluster = await HostCluster.start({ seed: 26, members: 2, storeFlushMs: 600_000 });
  const leader = await cluster.elect();
  const other = 3 - leader;
  assert.match(await cluster.put(leader, 'k=1'), /^applied/);
  assert.match(await changeConfig(cluster, leader, { kind: 'remove', node: other }), /^applied/);
  cluster.kill(other);
  cluster.machine(leader).losePower(true);
  cluster.planes.delete(leader);
  await cluster.restart(leader);
  assert.equal(await cluster.elect(), leader);
  assert.match(await cluster.put(leader, 'k=2'), /^applied/);
  await cluster.close();
});

test('a state that a leader of the past offers is refused with the newer term', async () => {
  const cluster = await HostCluster.start({ seed: 22 });
  const past = await cluster.elect();
  const { term, config } = must(cluster.status(past), 'it runs');
  cluster.kill(past);
  const leader = await cluster.elect();
  const newer = must(cluster.status(leader), 'it runs').term;
  assert.ok(newer > term);
  const message = draftMessage('snapshot', past, leader, term);
  message.snapshot = { index: 99, term, confState: config, data: new Uint8Array(16) };
  const answers: Uint8Array[] = [];
  cluster.plane(leader).host.onRequest({
    from: past,
    kind: REQUEST_KIND.offerSnapshot,
    body: encodeMessage(1, message),
    deadlineMs: Number.POSITIVE_INFINITY,
    isAbandoned: false,
    respond: (answer) => answers.push(answer.slice()),
    refuse: () => {},
  });
  assert.deepEqual(answers, [Uint8Array.of(3, newer, 0, 0, 0, 0, 0, 0, 0)]);
  await cluster.close();
});
