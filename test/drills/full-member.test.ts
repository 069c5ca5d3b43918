// One of three members' disks is filled by another program, while clients write through all three.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type LoopDisk, LoopDisks, whyNoLoopDisks } from '../../scripts/powerloss/loop-disk.ts';
import { must } from '../../src/base/assert.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import { fillUp, freeBytes } from './ballast.ts';
import { KvCaller } from './kv-caller.ts';
import { PATIENCE_MS, until } from './patience.ts';
import { type Stage, stageIn } from './stage.ts';
import { UniqueWrites } from './unique-writes.ts';

const MEBIBYTE = 1024 * 1024;
const DISK_MEBIBYTES = 128;
/** Less than the reserve of the members' logs, 8 MiB here. */
const LEFT_BYTES = 6 * MEBIBYTE;
const FULL_MS = 4_000;
/** More than would fit on the full disk meanwhile. */
const LANES = 24;

test('a member whose disk is full hands over, waits, and catches up by itself', async (t) => {
  const obstacle = whyNoLoopDisks(tmpdir());
  if (obstacle !== undefined) return t.skip(obstacle);
  const disks = new LoopDisks(tmpdir());
  const all = [1, 2, 3].map((id) => disks.add(`disk-${id}`, DISK_MEBIBYTES));
  const directories = all.map(({ root }) => join(root, 'member'));
  const stage = await stageIn(t, directories, () => disks.remove());
  assert.deepEqual(await stage.members.startAll(), []);
  const leader = must(await stage.kv.leader(PATIENCE_MS), 'somebody leads');
  const writers = writersThroughEach(t, stage);
  for (const [i, writes] of writers.entries()) writes.begin(`w${i}`, LANES);

  const asLeader = await fillAndClear(stage, all, writers, leader);
  const heir = must(await stage.kv.leader(PATIENCE_MS), 'somebody leads');
  assert.notEqual(heir, leader, '[H72] the full leader handed over');
  const follower = must(
    stage.members.ids.find((id) => id !== heir && id !== leader),
    'there are three',
  );
  const asFollower = await fillAndClear(stage, all, writers, follower);

  await Promise.all(writers.map((writes) => writes.end(PATIENCE_MS)));
  const acknowledged = await verify(stage, writers);
  t.diagnostic(`${acknowledged} writes on all three; leader ${asLeader}; follower ${asFollower}`);
});

/** A load for each member, that knows this one only. */
function writersThroughEach(t: TestContext, { members }: Stage): UniqueWrites[] {
  return [...members.addresses].map((address) => {
    const kv = new KvCaller(new Map([address]));
    const writes = new UniqueWrites(kv);
    t.after(async () => {
      await writes.end(0);
      kv.close();
    });
    return writes;
  });
}

/** What was seen meanwhile, in words. */
async function fillAndClear(
  { kv, members }: Stage,
  disks: readonly LoopDisk[],
  writers: readonly UniqueWrites[],
  victim: MemberId,
): Promise<string> {
  const { root } = must(disks[victim - 1], 'each member has a disk');
  const ballast = join(root, 'ballast');
  fillUp(ballast, LEFT_BYTES);
  const before = writers.map(({ acknowledged }) => acknowledged);
  const { leastBytes, lullMs } = await watch(root, writers);
  for (const [i, writes] of writers.entries()) {
    assert.ok(writes.acknowledged > must(before[i], 'as many'), `writes through ${i + 1} went on`);
  }
  assert.ok(members.isRunning(victim), `a full disk ends nobody: ${members.stderr(victim)}`);
  assert.ok(leastBytes > MEBIBYTE, `the reserve was used up to the last ${leastBytes} bytes`);
  rmSync(ballast);
  const { newest } = must(writers[0], 'there are three');
  const clearedMs = performance.now();
  const hasNewest = async (): Promise<boolean> => {
    const answer = await kv.get(newest, 'local', PATIENCE_MS, victim);
    return answer.kind === 'value' && answer.value !== null;
  };
  await until('the member catches up by itself', hasNewest, 20);
  const caughtUpMs = Math.round(performance.now() - clearedMs);
  const least = (leastBytes / MEBIBYTE).toFixed(1);
  return `full: least free ${least} MiB, longest lull ${lullMs} ms, caught up in ${caughtUpMs} ms`;
}

/** The least room, and the longest time without any write, for a while. */
async function watch(root: string, writers: readonly UniqueWrites[]) {
  const startedMs = performance.now();
  let [leastBytes, lullMs, lastMs, last] = [Number.POSITIVE_INFINITY, 0, startedMs, 0];
  while (performance.now() - startedMs < FULL_MS) {
    await sleep(20);
    leastBytes = Math.min(leastBytes, freeBytes(root));
    const count = writers.reduce((sum, { acknowledged }) => sum + acknowledged, 0);
    const nowMs = performance.now();
    if (count > last) [last, lastMs] = [count, nowMs];
    lullMs = Math.max(lullMs, Math.round(nowMs - lastMs));
  }
  return { leastBytes, lullMs };
}

/** Everything acknowledged is there, in each member's own state. */
async function verify({ kv, members }: Stage, writers: readonly UniqueWrites[]): Promise<number> {
  let acknowledged = 0;
  for (const writes of writers) {
    acknowledged += writes.acknowledged;
    // What all have applied that was acknowledged to the last.
    for (const member of members.ids) {
      const read = (key: string) => kv.get(key, 'local', PATIENCE_MS, member);
      const found = await writes.lookAtAll(read);
      assert.deepEqual([found.lost, found.problems], [0, []], `member ${member} has all of it`);
    }
  }
  return acknowledged;
}
