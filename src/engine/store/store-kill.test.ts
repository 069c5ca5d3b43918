// LMDB has its own calls to the system, which no simulated disk sees: a real process is killed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readLast } from './lmdb-contents.support.ts';

const ROUNDS = Number(process.env['PARLEY_KILL_ROUNDS'] ?? 4);
/** Batches whose writes are there. */
const KEEPS = 25;
const KEEPS_ALL = 1e9;
const WRITER = fileURLToPath(new URL('../../../test/support/store-writer.ts', import.meta.url));

interface Heard {
  readonly began: number;
  readonly committed: number;
  readonly durable: number;
}

test('[S7] a killed process leaves whole batches, those that were durable among them', async () => {
  const root = await mkdtemp(join(tmpdir(), 'parley-store-'));
  const path = join(root, 'store');
  let last = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const heard = await writeUntilKilled(path, 20 + round * 13);
    assert.equal(heard.began, last, 'it went on where the last one had ended');
    assert.ok(heard.durable > heard.began, 'it got somewhere');
    last = await readLast(path, KEEPS);
    assert.ok(last >= heard.durable, `batch ${heard.durable} was durable, ${last} is there`);
    assert.ok(last <= heard.committed + 1, `batch ${last} is there, ${heard.committed} was made`);
  }
  await rm(root, { recursive: true });
});

test('[S4, S7] a file that cannot grow ends the store, what was durable is there', async () => {
  const root = await mkdtemp(join(tmpdir(), 'parley-store-'));
  const path = join(root, 'store');
  // Half a megabyte or a whole one: shells differ in their units.
  const script = 'ulimit -f 1000; exec "$0" "$@"';
  const writer = spawn('sh', ['-c', script, process.execPath, WRITER, path, String(KEEPS_ALL)]);
  let [text, errors] = ['', ''];
  writer.stdout.setEncoding('latin1').on('data', (part: string) => {
    text += part;
  });
  writer.stderr.setEncoding('latin1').on('data', (part: string) => {
    errors += part;
  });
  const [code] = await once(writer, 'close');
  assert.equal(code, 3, errors);
  // LMDB says one or the other, it seems by how much of a page there was room for.
  assert.match(errors, /^(Input\/output error$|File too large)/m);
  assert.match(text, /^failed 0$/m);
  const { durable } = heardFrom(text);
  assert.ok(durable > 50);
  assert.equal(await readLast(path, KEEPS_ALL), durable);
  await rm(root, { recursive: true });
});

/** Kills it `afterMs` after the first batch is durable. */
async function writeUntilKilled(path: string, afterMs: number): Promise<Heard> {
  const writer = spawn(process.execPath, [WRITER, path, String(KEEPS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  let timer: NodeJS.Timeout | undefined;
  writer.stdout.setEncoding('latin1').on('data', (part: string) => {
    text += part;
    if (text.includes('durable')) timer ??= setTimeout(() => writer.kill('SIGKILL'), afterMs);
  });
  const [, signal] = await once(writer, 'close');
  assert.equal(signal, 'SIGKILL', text.slice(-200));
  return heardFrom(text);
}

function heardFrom(text: string): Heard {
  const said = (what: string): number => {
    const numbers = [...text.matchAll(new RegExp(`^${what} (\\d+)$`, 'gm'))].map(([, n]) => n);
    return Number(numbers.at(-1));
  };
  return { began: said('began'), committed: said('committed'), durable: said('durable') };
}
