// LMDB's calls to the system, as a real process made them, and every kind of power failure between
// them: what a disk simulated in memory does for the other store.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  fileAfter,
  straceFlags,
  type TracedCall,
  tracedCalls,
  type Unsynced,
} from '../../../test/support/traced-file.ts';
import { Prng } from '../../base/prng.ts';
import { readLast } from './lmdb-contents.support.ts';

const WRITER = fileURLToPath(new URL('../../../test/support/store-writer.ts', import.meta.url));
/** In memory where that is to be had: what was synced stands in the trace. */
const SCRATCH = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
/** Batches whose writes are there. */
const KEEPS = 25;
/** So many that pages are freed and used again. */
const BATCHES = Number(process.env['PARLEY_LMDB_BATCHES'] ?? 90);
/** Each crash tries so many of the fates; all of them take four times as long. */
const FATES_TRIED = Number(process.env['PARLEY_LMDB_FATES'] ?? 1);
const FATES: readonly Unsynced[] = ['mixed', 'lost', 'mixed', 'kept'];

test('[S7, S8] wherever the power fails, LMDB comes back as after some batch', async (t) => {
  if (spawnSync('strace', ['-V']).error !== undefined) {
    t.skip('needs strace');
    return;
  }
  const root = await realpath(await mkdtemp(join(SCRATCH, 'parley-lmdb-')));
  t.after(() => rm(root, { recursive: true }));
  const calls = await traceWriter(root);
  const writes = calls.filter(({ kind }) => kind === 'write').length;
  const random = Prng.from(1, 'lmdb crash');
  let [durable, committed, ahead, points] = [0, 0, 0, 0];
  for (let count = 0; count <= calls.length; count++) {
    const call = calls[count - 1];
    if (call?.kind === 'said') {
      durable = numberIn(call, 'durable') ?? durable;
      committed = numberIn(call, 'committed') ?? committed;
      continue;
    }
    for (let tried = 0; tried < FATES_TRIED; tried++) {
      const fate = FATES[points % FATES.length] as Unsynced;
      const directory = join(root, `crash ${points}`);
      await mkdir(directory);
      await writeFile(join(directory, 'data.mdb'), fileAfter(calls, count, fate, random));
      const last = await readLast(directory, KEEPS);
      const where = `after call ${count}, unsynced writes ${fate}`;
      assert.ok(last >= durable, `${where}: batch ${durable} was durable, ${last} is there`);
      assert.ok(last <= committed + 1, `${where}: batch ${last} is there, ${committed} was made`);
      if (last > durable) ahead += 1;
      points += 1;
      await rm(directory, { recursive: true });
    }
  }
  assert.ok(durable >= BATCHES && writes > 60, `${writes} writes, ${durable} batches`);
  assert.ok(ahead > 0, 'some transactions were there and not yet reported');
});

async function traceWriter(root: string): Promise<readonly TracedCall[]> {
  const [trace, store] = [join(root, 'trace'), join(root, 'store')];
  const flags = [...straceFlags(trace), process.execPath, WRITER, store, String(KEEPS)];
  const child = spawn('strace', [...flags, String(BATCHES)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [code] = await once(child, 'close');
  assert.equal(code, 0, 'the writer ends by itself');
  return tracedCalls(trace, join(store, 'data.mdb'));
}

function numberIn({ text }: { readonly text: string }, what: string): number | undefined {
  const number = new RegExp(`^${what} (\\d+)$`, 'm').exec(text)?.[1];
  return number === undefined ? undefined : Number(number);
}
