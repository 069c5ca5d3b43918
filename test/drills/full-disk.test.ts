// A real disk that fills up under real members, and is emptied again.

import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LoopDisks, whyNoLoopDisks } from '../../scripts/powerloss/loop-disk.ts';
import { fillUp } from './ballast.ts';
import type { KvCaller } from './kv-caller.ts';
import { PATIENCE_MS, until } from './patience.ts';
import { stageAt } from './stage.ts';
import { UniqueWrites } from './unique-writes.ts';

const MEBIBYTE = 1024 * 1024;

for (const leftMebibytes of [4, 0]) {
  const left = leftMebibytes === 0 ? 'nothing' : `${leftMebibytes} MiB`;
  test(`with ${left} left on disk reads go on, and writes when there is room again`, async (t) => {
    const obstacle = whyNoLoopDisks(tmpdir());
    if (obstacle !== undefined) return t.skip(obstacle);
    const disks = new LoopDisks(tmpdir());
    const disk = disks.add('small', 128);
    const { members, kv } = await stageAt(t, disk.root, 1, () => disks.remove());
    assert.equal(await members.start(1), undefined);
    assert.equal((await kv.put('before', 'here', PATIENCE_MS)).kind, 'done');
    const writes = new UniqueWrites(kv);
    t.after(() => writes.end(0));
    writes.begin('full', 8);
    await sleep(300);
    const ballast = join(disk.root, 'ballast');
    fillUp(ballast, leftMebibytes * MEBIBYTE);
    await until('writes are refused', () => isRefused(kv));
    await writes.end(PATIENCE_MS);
    // Long enough for the store to try as well.
    await sleep(1_500);
    assert.deepEqual(await kv.get('before', 'strong', PATIENCE_MS), {
      kind: 'value',
      value: 'here',
    });
    assert.ok(members.isRunning(1), 'a full disk ends nobody');
    rmSync(ballast);
    await until(
      'writes are taken',
      async () => (await kv.put('after', 'x', 1_000)).kind === 'done',
    );
    const found = await writes.lookAtAll();
    t.diagnostic(`${found.checked} writes; failures: ${JSON.stringify([...writes.failures])}`);
    assert.deepEqual([found.lost, found.problems], [0, []]);
    await members.kill(1);
    assert.equal(await members.start(1), undefined, 'and it starts again');
    assert.deepEqual((await writes.lookAtAll()).lost, 0);
  });
}

async function isRefused(kv: KvCaller): Promise<boolean> {
  const outcome = await kv.put('during', 'x', 1_000);
  return outcome.kind === 'refused' && outcome.reason === 'diskFull';
}
