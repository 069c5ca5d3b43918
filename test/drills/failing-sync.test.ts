// Disks that fail to make durable what is written, under real processes: the writes of the log do
// both at once, its preparations and the store sync.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogVictim } from '../../scripts/powerloss/log-victim.ts';
import { PATIENCE_MS, until } from './patience.ts';
import { stage } from './stage.ts';
import { failing, whyNoInjection } from './strace.ts';
import { UniqueWrites } from './unique-writes.ts';

function firstSegment(log: string): string {
  return join(log, '0000000001.wal');
}

/** Two libraries, two words for the same. */
const STOPPED = /The (log|store) has stopped: .*(EIO|Input\/output error)/;

for (const { what, wrapperFor } of [
  // Of the next segment, which is made ready beside the one in use.
  { what: 'sync', wrapperFor: () => failing('fdatasync', 'EIO', 20) },
  {
    what: 'durable write',
    wrapperFor: (directory: string) =>
      failing('pwrite64', 'EIO', 4, firstSegment(join(directory, 'log'))),
  },
])
  test(`a ${what} that fails ends the log, and all it acknowledged is there`, async (t) => {
    const obstacle = whyNoInjection();
    if (obstacle !== undefined) return t.skip(obstacle);
    const directory = await mkdtemp(join(tmpdir(), 'parley-drill-'));
    const wrapper = wrapperFor(directory);
    const victim = new LogVictim(directory, (cycle) => (cycle === 1 ? { wrapper } : {}));
    try {
      await victim.start(1);
      assert.match(await victim.ended(), /log stopped: log\/(\d+\.wal|next\.tmp): EIO/);
      const { checked, lost, problems } = await victim.start(2);
      assert.ok(checked > 0, 'something was acknowledged before the sync failed');
      assert.deepEqual([lost, problems], [0, []]);
    } finally {
      await victim.kill();
      await rm(directory, { recursive: true });
    }
  });

test('a member whose syncs fail says so and stops, the others go on, and it returns', async (t) => {
  const obstacle = whyNoInjection();
  if (obstacle !== undefined) return t.skip(obstacle);
  const { members, kv } = await stage(t, 3);
  const wrapper = failing('pwrite64', 'EIO', 15, firstSegment(join(members.directory(1), 'wal')));
  assert.equal(await members.start(1, { wrapper }), undefined);
  assert.equal(await members.start(2), undefined);
  assert.equal(await members.start(3), undefined);
  const writes = new UniqueWrites(kv);
  t.after(() => writes.end(0));
  writes.begin('eio', 8);
  const end = await Promise.race([members.ended(1), sleep(PATIENCE_MS, undefined, { ref: false })]);
  assert.ok(end !== undefined, 'the member does not go on with a disk that fails');
  assert.equal(end.code, 1);
  assert.match(end.stderr, STOPPED);
  const before = writes.acknowledged;
  assert.notEqual(await kv.leader(PATIENCE_MS), undefined, 'the others go on');
  await until('writes go on without the member', () => writes.acknowledged > before);
  assert.equal(await members.start(1), undefined, 'on a disk that works it comes back');
  await writes.end(PATIENCE_MS);
  // With one of the others gone, the member that failed is needed for every answer.
  await members.kill(2);
  assert.notEqual(await kv.leader(PATIENCE_MS), undefined, 'it takes part again');
  const found = await writes.lookAtAll();
  assert.ok(found.checked > 0);
  assert.deepEqual([found.lost, found.problems], [0, []]);
});

test('a member alone whose syncs fail has all it acknowledged when it starts again', async (t) => {
  const obstacle = whyNoInjection();
  if (obstacle !== undefined) return t.skip(obstacle);
  const { members, kv } = await stage(t, 1);
  const wrapper = failing('pwrite64', 'EIO', 10, firstSegment(join(members.directory(1), 'wal')));
  assert.equal(await members.start(1, { wrapper }), undefined);
  const writes = new UniqueWrites(kv);
  t.after(() => writes.end(0));
  writes.begin('alone', 8);
  const end = await members.ended(1);
  assert.match(end.stderr, STOPPED);
  const { acknowledged } = writes;
  assert.ok(acknowledged > 0, 'something was acknowledged before the sync failed');
  assert.equal(await members.start(1), undefined);
  await writes.end(PATIENCE_MS);
  const found = await writes.lookAtAll();
  assert.deepEqual([found.lost, found.problems], [0, []]);
});
