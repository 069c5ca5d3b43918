// The lock between real processes: whatever ends its holder, the next one gets it.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { LineProcess } from '../../../test/drills/line-process.ts';
import { failing, whyNoInjection } from '../../../test/drills/strace.ts';
import { DiskError } from '../../base/capabilities.ts';
import { SystemDisk } from './system-disk.ts';

const HOLDER = fileURLToPath(new URL('../../../test/support/lock-holder.ts', import.meta.url));
const isHeld = (error: unknown): boolean => error instanceof DiskError && error.code === 'held';

function scratch(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'parley-lock-'));
  t.after(() => rmSync(root, { recursive: true }));
  return root;
}

test('a process that is killed leaves its lock to the next one', async (t) => {
  const root = scratch(t);
  const disk = new SystemDisk(root);
  const holder = new LineProcess(HOLDER, [root], { nodeFlags: ['--expose-gc'] });
  t.after(() => holder.kill());
  assert.equal(await holder.line(() => true), 'held');
  await assert.rejects(disk.lock('lock'), isHeld);
  holder.signal('SIGSTOP');
  await assert.rejects(disk.lock('lock'), isHeld, 'who stands still may go on');
  await holder.kill();
  assert.equal(statSync(join(root, 'lock')).size, 0, 'its file stays, and nothing was written');
  assert.equal(statSync(join(root, 'lock')).mode & 0o077, 0, 'nobody else may lock it');
  await (await disk.lock('lock')).release();
});

test('of processes that start at once one gets the lock', async (t) => {
  const root = scratch(t);
  const starters = Array.from({ length: 6 }, () => new LineProcess(HOLDER, [root]));
  t.after(() => Promise.all(starters.map((starter) => starter.kill())));
  const said = await Promise.all(starters.map((starter) => starter.line(() => true)));
  assert.equal(said.filter((line) => line === 'held').length, 1);
  assert.equal(said.filter((line) => line === 'refused: held').length, 5);
});

test('a data directory that was just made is synced before anything is in it', async (t) => {
  const why = whyNoInjection();
  if (why !== undefined) return t.skip(why);
  const root = join(scratch(t), 'made', 'here');
  const answers: (string | undefined)[] = [];
  for (let start = 1; start <= 2; start++) {
    const holder = new LineProcess(HOLDER, [root], { wrapper: failing('fsync', 'EIO', 1) });
    t.after(() => holder.kill());
    answers.push(await holder.line(() => true));
    await holder.kill();
  }
  // The sync of its name fails. A directory that is there is not synced again.
  assert.deepEqual(answers, ['refused: io', 'held']);
});

test('what cannot be locked says why', async (t) => {
  const disk = new SystemDisk(scratch(t));
  await assert.rejects(disk.lock('no/directory'), /no\/directory cannot be locked: unable to open/);
  await disk.makeDirectory('lock');
  await assert.rejects(disk.lock('lock'), /lock cannot be locked/);
});
