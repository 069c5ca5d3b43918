// What is refused, what is let go of, and what stops a member before it could lie.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, describeWrite, HostCluster } from '../../../test/support/host-cluster.ts';
import { must } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Message } from '../../core/raft/index.ts';
import { encodeMessage, FRAME_KIND, REQUEST_KIND } from '../codec/index.ts';
import { encodeCommand } from '../state/index.ts';
import { Admission, MemberLoad } from './admission.ts';
import { decodeEntries, encodeEntryRequest } from './repair-codec.ts';

test('[H20] a shard takes so much and no more, and again when some is done', () => {
  const load = new MemberLoad();
  const shard = new Admission(load);
  const { payloadBytesMax, shardWaitingBytesMax, shardWaitingMax } = LIMITS.replica;
  assert.equal(shard.admit(payloadBytesMax + 1), 'tooLarge');
  for (let i = 0; i < shardWaitingBytesMax / payloadBytesMax; i++) {
    assert.equal(shard.admit(payloadBytesMax), undefined);
  }
  assert.equal(shard.admit(1), 'overloaded');
  shard.release(1, payloadBytesMax);
  assert.equal(shard.admit(1), undefined);
  const other = new Admission(load);
  for (let i = 0; i < shardWaitingMax; i++) assert.equal(other.admit(0), undefined);
  assert.equal(other.admit(0), 'overloaded');
  assert.throws(() => shard.release(1_000, 0), /\[H20\]/);
});

test('[H20] all shards of a member together have a limit', () => {
  const load = new MemberLoad();
  const shards = Array.from({ length: 64 }, () => new Admission(load));
  const admitted = shards.flatMap((shard) =>
    Array.from({ length: 16 }, () => shard.admit(LIMITS.replica.payloadBytesMax)),
  );
  const taken = admitted.filter((refusal) => refusal === undefined).length;
  assert.equal(taken * LIMITS.replica.payloadBytesMax, LIMITS.replica.memberWaitingBytesMax);
});

test('[H20] peers that lost entries are answered in turn, too many come again', async () => {
  const cluster = await HostCluster.start({ seed: 33, members: 1 });
  await cluster.elect();
  assert.match(await cluster.put(1, 'a=1'), /^applied/);
  const { host } = cluster.plane(1);
  const { index, term } = must(cluster.status(1), 'it runs').applied;
  const heard: string[] = [];
  const ask = (deadlineMs: number): void =>
    host.onRequest({
      from: 2,
      kind: REQUEST_KIND.fetchEntries,
      body: encodeEntryRequest({ shard: 1, wantsState: false, ids: [{ index, term }] }),
      deadlineMs,
      isAbandoned: false,
      respond: (answer) => heard.push(`${decodeEntries(answer)?.length} entries`),
      refuse: (reason) => heard.push(reason),
    });
  const { repairQuestionsMax } = LIMITS.replica;
  for (let i = 1; i < repairQuestionsMax; i++) ask(Number.POSITIVE_INFINITY);
  ask(0);
  ask(Number.POSITIVE_INFINITY);
  assert.deepEqual(heard, ['full']);
  await cluster.world.runFor(1);
  const answers = Array.from({ length: repairQuestionsMax - 1 }, () => '1 entries');
  assert.deepEqual(heard.splice(0), ['full', ...answers], 'nobody waits for the one that is late');
  ask(Number.POSITIVE_INFINITY);
  await cluster.world.runFor(1);
  assert.deepEqual(heard, ['1 entries']);
  await cluster.close();
});

test('what is too large or no command is refused at the door', async () => {
  const cluster = await HostCluster.start({ seed: 31 });
  const leader = await cluster.elect();
  const { host } = cluster.plane(leader);
  const large = encodeCommand({ kind: 'plain', body: new Uint8Array(2 * 1024 * 1024) });
  const answers = [large, bytes('?')].map(
    (payload) => new Promise((resolve) => host.propose(1, payload, resolve)),
  );
  const heard = await cluster.world.settle(Promise.all(answers));
  assert.deepEqual(
    heard.map((outcome) => describeWrite(outcome as never).split(' ')[1]),
    ['tooLarge', 'malformed'],
  );
  assert.equal(await cluster.put(leader, 'a=1', 9), 'refused unknownShard 0');
  assert.equal(await cluster.get(leader, 'strong', 'a', 9), 'refused unknownShard');
  await cluster.close();
});

test('[H54] a shard that nobody writes to does not keep old segments for ever', async () => {
  const host = { segmentsMax: 3, trailingEntries: 10_000, hibernation: false };
  const wal = { segmentBytes: 16 * 1024, batchBytesMax: 8 * 1024 };
  const cluster = await HostCluster.start({ seed: 32, shards: 2, host, wal });
  const [busy, idle] = [await cluster.elect(1), await cluster.elect(2)];
  assert.match(await cluster.put(idle, 'a=1', 2), /^applied/);
  for (let i = 0; i < 300; i++) {
    assert.match(await cluster.put(busy, `k=${'x'.repeat(300)}${i}`, 1), /^applied/);
  }
  await cluster.world.runFor(3_000);
  for (const id of [1, 2, 3]) {
    const { segments } = cluster.plane(id).wal.stats();
    assert.ok(segments <= 4, `${segments} segments`);
  }
  assert.equal(await cluster.get(idle, 'strong', 'a', 2), 'strong "1"');
  for (const id of [1, 2, 3]) cluster.losePower(id);
  for (const id of [1, 2, 3]) await cluster.restart(id);
  assert.equal(await cluster.get(await cluster.elect(2), 'strong', 'a', 2), 'strong "1"');
  await cluster.close();
});

test('[H21] a store that is behind gets no more work, and catches up', async () => {
  const slow = { storeFlushMs: 400, storeWaitingBytesMax: 4_000 };
  const cluster = await HostCluster.start({ seed: 35, ...slow });
  const leader = await cluster.elect();
  const heard = new Map<string, number>();
  for (let i = 0; i < 100; i++) {
    const outcome = (await cluster.put(leader, `k${i}=${'x'.repeat(100)}`)).split(/ \d/)[0] ?? '';
    heard.set(outcome, (heard.get(outcome) ?? 0) + 1);
    await cluster.world.runFor(10);
    for (const id of [1, 2, 3]) {
      const { waitingBytes } = cluster.plane(id).store.stats();
      assert.ok(waitingBytes < 6_000, `${waitingBytes} bytes wait in the store of ${id}`);
    }
  }
  assert.deepEqual([...heard.keys()].toSorted(), ['applied', 'refused overloaded']);
  assert.ok(await cluster.converge());
  await cluster.close();
});

test('[H20] [H21] a shard that floods a slow store does not hold up another one', async () => {
  const slow = { storeFlushMs: 2_000, storeWaitingBytesMax: 8_000, members: 1, shards: 2 };
  const cluster = await HostCluster.start({ seed: 36, ...slow });
  for (const shard of [1, 2]) await cluster.elect(shard);
  let refused = 0;
  for (let i = 0; i < 80; i++) {
    const flood = await cluster.put(1, `k${i}=${'x'.repeat(200)}`, 1);
    if (flood === 'refused overloaded 1') refused += 1;
    if (refused > 0 && i % 10 === 0) {
      assert.match(await cluster.put(1, `k=${i}`, 2), /^applied/, 'the small one goes on');
    }
  }
  assert.ok(refused > 20, `${refused} were refused`);
  await cluster.close();
});

test('[H53] a member whose log lost what its state has applied stops, and says so', async () => {
  const cluster = await HostCluster.start({ seed: 33 });
  const leader = await cluster.elect();
  for (let i = 0; i < 5; i++) await cluster.put(leader, `a=${i}`);
  await cluster.world.runFor(1_000);
  const id = (leader % 3) + 1;
  cluster.kill(id);
  const { disk } = cluster.machine(id).restart();
  for (const name of await cluster.world.settle(disk.list('data/wal'))) {
    await cluster.world.settle(disk.remove(`data/wal/${name}`));
  }
  const opening = await cluster.world.settle(cluster.open(id));
  await cluster.world.runFor(100);
  const said = opening.kind === 'refused' ? opening.error.message : cluster.fatal.join();
  assert.match(said, /log/);
  await cluster.close();
});

test('[H92] nonsense and strangers are ignored, and do no harm', async () => {
  const cluster = await HostCluster.start({ seed: 34 });
  const leader = await cluster.elect();
  const { host } = cluster.plane(leader);
  const peer = (leader % 3) + 1;
  const term = cluster.status(leader)?.term ?? 0;
  const base = { from: peer, to: leader, term, kind: 'heartbeat' };
  const snapshot = { index: 9, term: 1, confState: voters(1, 2, 3), data: new Uint8Array(0) };
  host.onFrame(peer, FRAME_KIND.raft, bytes('nonsense'));
  host.onFrame(peer, FRAME_KIND.hibernation, bytes('nonsense'));
  for (const change of [
    {},
    { kind: 'snapshot', term: term + 1, snapshot },
    { kind: 'appendResponse', index: 1_000 },
  ]) {
    const message = { ...EMPTY, ...base, ...change } as Message;
    host.onFrame(peer, FRAME_KIND.raft, encodeMessage(1, message));
    host.onFrame(peer, FRAME_KIND.raft, encodeMessage(77, message));
  }
  assert.match(await cluster.put(leader, 'a=1'), /^applied/);
  assert.equal(cluster.status(leader)?.term, term);
  await cluster.close();
});

const voters = (...ids: readonly number[]) => ({
  voters: ids,
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
});

const EMPTY: Partial<Message> = {
  logTerm: 0,
  index: 0,
  entries: [],
  commit: 0,
  commitTerm: 0,
  vote: 0,
  reject: false,
  rejectHint: 0,
  context: 0,
  forced: false,
  priority: 0,
  snapshot: undefined,
  responses: [],
};
