// What the stores cost: puts into the table of recent writes with all that follows until they are
// durable, and reading them back.
//
//   npm run bench -- store [--puts N] [--keys N] [--directory D]
//
// CPU is that of the whole process, LMDB's own threads included.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags } from '../scripts/flags.ts';
import { Prng } from '../src/base/prng.ts';
import { SystemClock } from '../src/engine/clock/index.ts';
import { SystemDisk } from '../src/engine/disk/index.ts';
import {
  openLmdbStore,
  openMemoryStore,
  type Store,
  type StoreEvents,
  type StoreOpening,
} from '../src/engine/store/index.ts';

const VALUE_BYTES = 100;
/** What one shard applies at once. */
const BATCH = 64;
const BATCHES_PER_TURN = 8;
/** Puts per second of CPU, LMDB with keys in their order: the figure to meet. */
const PUTS_PER_SECOND_MIN = 500_000;

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    puts: { type: 'string', default: '1000000' },
    keys: { type: 'string', default: '200000' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const puts = Number(values.puts);
const keyCount = Number(values.keys);
const root = await mkdtemp(join(values.directory, 'parley-store-'));
const clock = new SystemClock();
const events: StoreEvents = {
  onDurable: () => {},
  onFailure: (reason) => {
    throw new Error(reason);
  },
};

try {
  console.log(`${puts.toLocaleString('en')} puts, keys of 16 bytes, values of ${VALUE_BYTES}`);
  const inOrder = await writing('LMDB, new keys in order', openLmdb('order'), (put) => put);
  const random = Prng.from(1, 'store bench');
  const anyKey = (): number => random.below(keyCount);
  await writing('LMDB, any of the keys', openLmdb('random'), anyKey);
  await writing('memory, any of the keys', await openMemory(), anyKey);
  const perSecond = 1e6 / inOrder;
  if (perSecond < PUTS_PER_SECOND_MIN) {
    console.error(`missed: ${PUTS_PER_SECOND_MIN} puts per second of CPU`);
    process.exitCode = 1;
  }
} finally {
  await rm(root, { recursive: true });
}

function openLmdb(name: string): StoreOpening {
  return openLmdbStore({ path: join(root, name), clock }, events);
}

function openMemory(): Promise<StoreOpening> {
  // As a process that keeps little would have it: an image of all of it each second.
  const options = { disk: new SystemDisk(root), directory: 'memory', clock, flushDelayMs: 1_000 };
  return openMemoryStore(options, events);
}

/** Answers microseconds of CPU per put. */
async function writing(
  name: string,
  opening: StoreOpening,
  numberOf: (put: number) => number,
): Promise<number> {
  if (opening.kind === 'refused') throw new Error(opening.message);
  const { store } = opening;
  const value = new Uint8Array(VALUE_BYTES).fill(7);
  const keys = Array.from({ length: puts }, (_, put) => keyOf(numberOf(put)));
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  let [inCalls, longestTurn, waits] = [0, 0, 0];
  for (let put = 0; put < puts; ) {
    const turnStarted = performance.now();
    const until = Math.min(puts, put + BATCH * BATCHES_PER_TURN);
    while (put < until) {
      store.put(keys[put] as Uint8Array, value);
      put += 1;
      if (put % BATCH === 0) store.commit();
    }
    store.commit();
    const turn = performance.now() - turnStarted;
    inCalls += turn;
    longestTurn = Math.max(longestTurn, turn);
    if (store.isBehind) {
      waits += 1;
      await store.flush();
    } else await new Promise((resolve) => setImmediate(resolve));
  }
  await store.flush();
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  const perPut = (user + system) / puts;
  const { flushes } = store.stats();
  console.log(
    `${name.padEnd(24)} ${rate(puts, ms)} puts/s until durable, ${perPut.toFixed(2)} us CPU ` +
      `each, ${((inCalls * 1_000) / puts).toFixed(2)} us in put and commit; ${flushes} flushes, ` +
      `waited ${waits} times, longest turn ${longestTurn.toFixed(1)} ms`,
  );
  await reading(store, keys);
  await store.close();
  return perPut;
}

async function reading(store: Store, keys: readonly Uint8Array[]): Promise<void> {
  const random = Prng.from(2, 'store bench');
  const gets = Math.min(puts, 300_000);
  let started = performance.now();
  for (let i = 0; i < gets; i++) {
    if (store.get(keys[random.below(keys.length)] as Uint8Array) === undefined) {
      throw new Error('a key is missing');
    }
  }
  const getMs = performance.now() - started;
  started = performance.now();
  const snapshot = await store.snapshot();
  const snapshotMs = performance.now() - started;
  started = performance.now();
  let pairs = 0;
  for (const _ of snapshot.range(new Uint8Array(0), undefined)) pairs += 1;
  const rangeMs = performance.now() - started;
  snapshot.close();
  console.log(
    `${''.padEnd(24)} ${rate(gets, getMs)} gets/s, ${rate(pairs, rangeMs)} pairs/s in a range; ` +
      `a snapshot takes ${(snapshotMs * 1_000).toFixed(0)} us`,
  );
}

function rate(count: number, ms: number): string {
  return Math.round((count * 1_000) / ms).toLocaleString('en');
}

/** Eight shards' prefixes, and what differs at the end. */
function keyOf(number: number): Uint8Array {
  const key = new Uint8Array(16);
  const view = new DataView(key.buffer);
  view.setUint32(0, 5);
  view.setUint32(4, Math.floor(number / BATCH) % 8);
  view.setUint32(12, number);
  return key;
}
