// What a store does when its disk fails, or gives back something else.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { put, range } from '../../../test/contracts/store.ts';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { ManualClock, turn } from '../../../test/support/wal-scenario.ts';
import { must } from '../../base/assert.ts';
import { type Disk, DiskError } from '../../base/capabilities.ts';
import { SystemClock } from '../clock/index.ts';
import { openLmdbStore, openMemoryStore, type Store, type StoreOpening } from './index.ts';

interface Heard {
  readonly durable: number[];
  readonly failures: string[];
}

function openOn(disk: Disk, heard: Heard, clock = new ManualClock()): Promise<StoreOpening> {
  return openMemoryStore(
    { disk, clock, directory: 'store', flushDelayMs: 20 },
    {
      onDurable: (batch) => heard.durable.push(batch),
      onFailure: (reason) => heard.failures.push(reason),
    },
  );
}

function opened(opening: StoreOpening): Store {
  assert.equal(opening.kind, 'opened');
  return opening.store;
}

for (const kind of ['write', 'sync', 'name', 'syncNames'] as const) {
  test(`[S4] a failing ${kind} stops the store for good, and nothing is tried again`, async () => {
    const [disk, clock] = [new CrashDisk(), new ManualClock()];
    const heard: Heard = { durable: [], failures: [] };
    const store = opened(await openOn(disk, heard, clock));
    put(store, 'a=1');
    store.commit();
    assert.equal(await store.flush(), true);
    const calls = disk.calls;
    disk.failNext = (failing) => (failing === kind && disk.calls >= calls ? 'io' : undefined);
    put(store, 'b=2');
    store.commit();
    assert.equal(await store.flush(), false);
    disk.failNext = undefined;
    put(store, 'c=3');
    store.commit();
    const after = disk.calls;
    await clock.pass(1_000);
    assert.equal(await store.flush(), false, 'the disk would work again: nobody asks it');
    assert.equal(disk.calls, after);
    assert.deepEqual(heard.durable, [1]);
    assert.equal(heard.failures.length, 1);
    assert.match(heard.failures[0] ?? '', /fails/);
    assert.equal(store.durableBatch(), 1);
    assert.equal(range(store, ''), 'a=1 b=2 c=3', 'what is in memory can be read');
    await store.close();
  });
}

test('[S4] whoever waits while a flush fails hears of it, in this pass or the next', async () => {
  const disk = new CrashDisk();
  const heard: Heard = { durable: [], failures: [] };
  const store = opened(await openOn(disk, heard));
  disk.failNext = (kind) => (kind === 'sync' ? 'noSpace' : undefined);
  put(store, 'a=1');
  store.commit();
  const first = store.flush();
  put(store, 'b=2');
  store.commit();
  assert.deepEqual(await Promise.all([first, store.flush()]), [false, false]);
});

test('[S3] asking for a flush or a snapshot within a batch is a bug', async () => {
  const store = opened(await openOn(new CrashDisk(), { durable: [], failures: [] }));
  put(store, 'a=1');
  assert.throws(() => store.flush(), /\[S3\]/);
  await assert.rejects(store.snapshot(), /\[S5\]/);
  store.rollback();
  await store.close();
});

test('[S4] batches that gather while an image is written go into the next one', async () => {
  const [disk, clock] = [new CrashDisk(), new ManualClock()];
  const heard: Heard = { durable: [], failures: [] };
  const store = opened(await openOn(disk, heard, clock));
  for (let batch = 1; batch <= 3; batch++) {
    put(store, `k${batch}=${batch}`);
    store.commit();
  }
  await clock.pass(19);
  assert.deepEqual(heard.durable, []);
  await clock.pass(1);
  await turn();
  assert.deepEqual(heard.durable, [3]);
  put(store, 'k4=4');
  store.commit();
  await clock.pass(20);
  await turn();
  assert.deepEqual(heard.durable, [3, 4]);
  assert.equal(store.stats().flushes, 2);
});

test('a value that is a small part of a large frame does not keep the frame', async () => {
  const store = opened(await openOn(new CrashDisk(), { durable: [], failures: [] }));
  const frame = Buffer.alloc(1_000_000, 7);
  store.put(frame.subarray(10, 20), frame.subarray(20, 120));
  store.commit();
  const [pair] = store.range(new Uint8Array(0), undefined);
  assert.ok(pair !== undefined && pair.key.buffer !== frame.buffer);
  assert.notEqual(pair.value.buffer, frame.buffer);
  assert.deepEqual(Buffer.from(pair.value), frame.subarray(20, 120));
  await store.close();
});

test('[S8] an image with any byte changed, cut or added is refused', async () => {
  const disk = new CrashDisk();
  const store = opened(await openOn(disk, { durable: [], failures: [] }));
  put(store, 'a=1', 'b=22', 'c=');
  store.commit();
  await store.close();
  const image = must(disk.files().get('store/store.image'), 'the image is there');
  const openWith = async (bytes: Uint8Array): Promise<StoreOpening> =>
    openOn(new CrashDisk(new Map([['store/store.image', bytes]])), { durable: [], failures: [] });
  const reasons = new Map<string, number>();
  for (let at = 0; at < image.length; at++) {
    for (const bit of [1, 128]) {
      const changed = image.slice();
      changed[at] = (changed[at] as number) ^ bit;
      const opening = await openWith(changed);
      assert.equal(opening.kind, 'refused', `byte ${at}`);
      assert.match(opening.message, /store\/store\.image .+/);
      reasons.set(opening.reason, (reasons.get(opening.reason) ?? 0) + 1);
    }
    assert.equal((await openWith(image.slice(0, at))).kind, 'refused', `cut at ${at}`);
  }
  assert.equal((await openWith(Buffer.concat([image, Buffer.of(0)]))).kind, 'refused');
  assert.equal((await openWith(image)).kind, 'opened');
  assert.deepEqual([...reasons.keys()].toSorted(), ['corrupt', 'version']);
});

test('[S4] the names of the directories above an image are synced before it counts', async () => {
  const disk = new CrashDisk();
  const seen = disk.watch();
  const store = opened(await openOn(disk, { durable: [], failures: [] }));
  assert.deepEqual(seen, ['syncNames ', 'syncNames store']);
  await store.close();
});

test('[S8] a disk that does not answer is no damage', async () => {
  const silent = new CrashDisk();
  silent.list = () => Promise.reject(new DiskError('io', 'no answer'));
  const opening = await openOn(silent, { durable: [], failures: [] });
  assert.equal(opening.kind, 'refused');
  assert.equal(opening.reason, 'disk');
});

// --- LMDB ---------------------------------------------------------------------------------------

async function scratch(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'parley-store-'));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

function openLmdb(path: string): StoreOpening {
  const events = { onDurable: () => {}, onFailure: () => {} };
  return openLmdbStore({ path, clock: new SystemClock() }, events);
}

test('[S8] a file that is not of LMDB, or not all of it, is refused', async (t) => {
  const path = await scratch(t);
  const file = join(path, 'data.mdb');
  const store = opened(openLmdb(path));
  for (let at = 0; at < 2_000; at++) {
    put(store, `key ${at}=${'.'.repeat(100)}`);
    store.commit();
    // Both of LMDB's roots are in use then.
    if (at % 500 === 0) await store.flush();
  }
  await store.close();
  const whole = await readFile(file);
  const otherVersion = Buffer.from(whole);
  otherVersion.writeUInt32LE(3, 28);
  const damaged = [
    Buffer.alloc(64 * 1024, 'no database'),
    Buffer.alloc(64 * 1024),
    otherVersion,
    whole.subarray(0, 40),
    whole.subarray(0, 4_096),
    whole.subarray(0, 8_192),
    Buffer.concat([Buffer.alloc(4_096), whole.subarray(4_096, 8_192)]),
    Buffer.concat([Buffer.alloc(600), Buffer.alloc(7_592, 'no database')]),
    whole.subarray(0, 16_384),
  ];
  for (const bytes of damaged) {
    await writeFile(file, bytes);
    const opening = openLmdb(path);
    assert.equal(opening.kind, 'refused');
    assert.equal(opening.reason, 'corrupt');
    assert.match(opening.message, /let a new one take its place/);
  }
  await writeFile(file, whole);
  const again = opened(openLmdb(path));
  assert.equal(again.get(Buffer.from('key 1999'))?.length, 100);
  await again.close();
});

test('[S7, S8] a file that was never finished is made again', async (t) => {
  const path = await scratch(t);
  const file = join(path, 'data.mdb');
  await opened(openLmdb(path)).close();
  const whole = await readFile(file);
  const zeros = (count: number): Buffer => Buffer.alloc(count);
  const never = [
    zeros(0),
    zeros(100),
    zeros(8_192),
    whole.subarray(0, 4_096),
    whole.subarray(0, 512),
    Buffer.concat([whole.subarray(0, 512), zeros(7_680)]),
    Buffer.concat([zeros(4_096), whole.subarray(4_096)]),
  ];
  for (const bytes of never) {
    await writeFile(file, bytes);
    const store = opened(openLmdb(path));
    put(store, 'a=1');
    store.commit();
    assert.equal(await store.flush(), true);
    await store.close();
  }
});

test('[S8] a path that is no directory is refused as a matter of the disk', async (t) => {
  const path = join(await scratch(t), 'file');
  await writeFile(path, 'in the way');
  const opening = openLmdb(path);
  assert.equal(opening.kind, 'refused');
  assert.equal(opening.reason, 'disk');
  assert.match(opening.message, /cannot be opened/);
});

test('an LMDB file that grows out of its map goes on', async (t) => {
  const path = await scratch(t);
  const failures: string[] = [];
  const events = { onDurable: () => {}, onFailure: (reason: string) => failures.push(reason) };
  const options = { path, clock: new SystemClock(), mapBytes: 256 * 1024 };
  const store = opened(openLmdbStore(options, events));
  put(store, 'first=1');
  store.commit();
  await store.flush();
  const snapshot = await store.snapshot();
  for (let at = 0; at < 50; at++) {
    store.put(Buffer.from(`large ${at}`), new Uint8Array(100_000).fill(at));
    store.commit();
    if (at % 10 === 0) await store.flush();
  }
  assert.equal(await store.flush(), true);
  assert.deepEqual(failures, []);
  assert.equal(range(snapshot, ''), 'first=1', 'a view from before still stands');
  assert.equal(store.get(Buffer.from('large 49'))?.at(-1), 49);
  snapshot.close();
  await store.close();
  assert.ok((await readFile(join(path, 'data.mdb'))).length > 5_000_000);
});
