// A process that writes to an LMDB store until it is killed. Run by the store's tests.
//
//   node test/support/store-writer.ts DIRECTORY KEEPS [BATCHES]
//
// Batch n writes `a` and `b` followed by n, and `last`, all with the value n; it deletes what batch
// n - KEEPS wrote. With BATCHES it waits for the disk now and then, and ends when they are durable.
// Says `committed n` and `durable n`, and `failed` before it gives up.

import { writeSync } from 'node:fs';
import { SystemClock } from '../../src/engine/clock/index.ts';
import { openLmdbStore } from '../../src/engine/store/index.ts';

const opening = openLmdbStore(
  // Tables of a few batches: transactions follow each other closely.
  { path: process.argv[2] ?? '', clock: new SystemClock(), flushDelayMs: 1, tableBytesMax: 3_000 },
  { onDurable, onFailure: fail },
);
if (opening.kind === 'refused') throw new Error(opening.message);
const { store } = opening;
const keeps = Number(process.argv[3]);
const limit = Number(process.argv[4] ?? Infinity);
const first = Number(Buffer.from(store.get(Buffer.from('last')) ?? '0').toString());
say('began', first);

for (let n = first + 1; ; n++) {
  for (const letter of ['a', 'b']) {
    store.put(Buffer.from(`${letter}${n}`), Buffer.from(String(n).padEnd(400)));
    store.delete(Buffer.from(`${letter}${n - keeps}`));
  }
  store.put(Buffer.from('last'), Buffer.from(String(n)));
  store.commit();
  say('committed', n);
  if (n % 3 > 0) continue;
  if (limit < Infinity) await store.flush();
  else await new Promise((resolve) => setImmediate(resolve));
}

function onDurable(batch: number): void {
  say('durable', first + batch);
  if (batch >= limit) process.exit(0);
}

/** At once: what is said is said before the process dies. */
function say(what: string, number: number): void {
  writeSync(1, `${what} ${number}\n`);
}

function fail(reason: string): never {
  say('failed', first);
  process.stderr.write(`${reason}\n`);
  process.exit(3);
}
