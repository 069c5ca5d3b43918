import assert from 'node:assert/strict';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { realBench } from '../../../test/contracts/benches.ts';
import { diskContract } from '../../../test/contracts/disk.ts';
import { DiskError } from '../../base/capabilities.ts';
import { SystemDisk } from './system-disk.ts';

async function scratch(): Promise<{ root: string; clear: () => Promise<void> }> {
  const base = await mkdtemp(join(tmpdir(), 'parley-disk-'));
  return { root: join(base, 'data'), clear: () => rm(base, { recursive: true }) };
}

diskContract('system disk', async () => {
  const { root, clear } = await scratch();
  return realBench(new SystemDisk(root), clear);
});

test('the data directory appears with the first file, closed to other users', async () => {
  const { root, clear } = await scratch();
  const disk = new SystemDisk(root);
  assert.deepEqual(await disk.list(''), []);
  await assert.rejects(stat(root), /ENOENT/);
  const file = await disk.open('x', 'create');
  await file.close();
  assert.equal((await stat(root)).mode & 0o077, 0);
  assert.equal((await stat(join(root, 'x'))).mode & 0o077, 0);
  await clear();
});

test('a full disk and a broken one are told apart', async (t) => {
  const { root, clear } = await scratch();
  const disk = new SystemDisk('/dev');
  // The device that answers every write with ENOSPC.
  const full = await disk.open('full', 'readWrite').catch(() => undefined);
  if (full === undefined) {
    t.diagnostic('no /dev/full on this machine: nothing to check');
  } else {
    for (const write of [
      full.write(0, Buffer.from('x')),
      full.writeDurably?.(0, Buffer.from('x')),
    ]) {
      await assert.rejects(
        async () => write,
        (error) => error instanceof DiskError && error.code === 'noSpace',
      );
    }
    await full.close();
  }
  const readOnly = new SystemDisk(root);
  await (await readOnly.open('r', 'create')).close();
  const file = await readOnly.open('r', 'read');
  await assert.rejects(
    file.truncate(1),
    (error) => error instanceof DiskError && error.code === 'io',
  );
  await file.close();
  await clear();
});
