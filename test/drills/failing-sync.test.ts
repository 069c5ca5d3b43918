// Disks that report errors, under real processes.

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { LogVictim } from '../../scripts/powerloss/log-victim.ts';
import { failing, whyNoInjection } from './strace.ts';

test('a sync that fails ends the log, and all it acknowledged is there afterwards', async (t) => {
  const obstacle = whyNoInjection();
  if (obstacle !== undefined) return t.skip(obstacle);
  const directory = await mkdtemp(join(tmpdir(), 'parley-drill-'));
  const wrapper = failing('fdatasync', 'EIO', 20);
  const victim = new LogVictim(directory, (cycle) => (cycle === 1 ? { wrapper } : {}));
  try {
    await victim.start(1);
    assert.match(await victim.ended(), /log stopped: log\/\d+\.wal: EIO/);
    const { checked, lost, problems } = await victim.start(2);
    assert.ok(checked > 0, 'something was acknowledged before the sync failed');
    assert.deepEqual([lost, problems], [0, []]);
  } finally {
    await victim.kill();
    await rm(directory, { recursive: true });
  }
});
