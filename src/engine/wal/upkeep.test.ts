// Old segments: who keeps them, how they go, and what is found when they are read again.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  appendDurably,
  describeWal,
  entriesFrom,
  lastOf,
  ManualClock,
  mustOpen,
  snapshotAt,
  turn,
} from '../../../test/support/wal-scenario.ts';
import type { DiskFile } from '../../base/capabilities.ts';
import { FIRST_BATCH_OFFSET } from './format.ts';
import type { Wal } from './index.ts';

const BUSY = 1;
const IDLE = 2;

function segmentsOf(disk: CrashDisk): string[] {
  return [...disk.files().keys()].map((path) => path.slice(-8, -4)).toSorted();
}

/** Fills some segments with entries of one shard. */
async function fill(wal: Wal, shard: number, count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    const entries = entriesFrom(wal.shard(shard).lastIndex() + 1, 1, 'x'.repeat(400));
    await appendDurably(wal, [{ shard, entries }]);
  }
}

/** All but the last entry goes. */
async function compact(wal: Wal, shard: number): Promise<void> {
  const index = wal.shard(shard).lastIndex() - 1;
  await appendDurably(wal, [{ shard, save: snapshotAt(index, 1, `at ${index}`) }]);
  assert.equal(wal.purge(shard, index), true);
  await appendDurably(wal, []);
  await turn();
}

async function reopened(disk: CrashDisk): Promise<Wal> {
  return mustOpen(new CrashDisk(disk.files()), new ManualClock());
}

test('[W10, W12] segments go when their entries are purged', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await fill(wal, BUSY, 30);
  assert.deepEqual(segmentsOf(disk).slice(0, 3), ['0001', '0002', '0003']);
  await compact(wal, BUSY);
  assert.equal(wal.stats().segments, 1);
  assert.ok(segmentsOf(disk).every((name) => name > '0003'));
  assert.equal(await describeWal(await reopened(disk)), await describeWal(wal));
});

test('[W10] where a refilled entry stood first is kept for as long as the entry', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await fill(wal, BUSY, 30);
  const { index } = wal.shard(BUSY);
  for (let at = 1; index.segmentOf(at) === 1; at++) {
    wal.shard(BUSY).holes.set(at, 1);
    assert.equal(wal.refill(BUSY, lastOf(entriesFrom(at, 1, 'x'.repeat(400)))), true);
  }
  await appendDurably(wal, [{ shard: BUSY, save: snapshotAt(1, 1, 'at 1') }]);
  assert.equal(wal.purge(BUSY, 1), true);
  await appendDurably(wal, []);
  await turn();
  assert.equal(segmentsOf(disk)[0], '0001');
  assert.equal(await describeWal(await reopened(disk)), await describeWal(wal));
  await compact(wal, BUSY);
  assert.notEqual(segmentsOf(disk)[0], '0001', 'it goes with the entry');
});

test('[W10] segments go although who hears of the purge appends at once', async () => {
  const wal = await mustOpen(new CrashDisk(), new ManualClock());
  await fill(wal, BUSY, 30);
  const index = wal.shard(BUSY).lastIndex() - 1;
  wal.append([{ shard: BUSY, save: snapshotAt(index, 1, 'late') }], () => {});
  assert.equal(wal.purge(BUSY, index), true);
  wal.append([], () => wal.append([{ shard: IDLE, entries: entriesFrom(1, 1, 'x') }], () => {}));
  await turn();
  assert.equal(wal.stats().segments, 1);
});

test('[W12] each removal is durable before the next one', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await fill(wal, BUSY, 30);
  const seen = disk.watch();
  await compact(wal, BUSY);
  const names = seen.filter((call) => /^(name|syncNames)/.test(call));
  assert.deepEqual(names.slice(0, 4), [
    'name wal/0000000001.wal',
    'syncNames wal',
    'name wal/0000000002.wal',
    'syncNames wal',
  ]);
});

for (const step of ['name', 'syncNames'] as const) {
  test(`[W12] a segment whose removal fails (${step}) goes before any other`, async () => {
    const disk = new CrashDisk();
    const wal = await mustOpen(disk, new ManualClock());
    await fill(wal, BUSY, 30);
    let failures = 0;
    disk.failNext = (kind, path) => {
      const isRemoval = path === 'wal' || path.endsWith('0001.wal');
      if (kind !== step || !isRemoval || failures > 0) return undefined;
      failures += 1;
      return 'io';
    };
    await compact(wal, BUSY);
    assert.equal(failures, 1);
    assert.ok(wal.stats().segments > 2, 'what is behind it waits');
    disk.failNext = undefined;
    await fill(wal, BUSY, 30);
    await compact(wal, BUSY);
    assert.equal(wal.stats().segments, 1);
    assert.equal(await describeWal(await reopened(disk)), await describeWal(wal));
  });
}

test('[W11] a segment is on the disk, name and all, before it is used', async () => {
  const disk = new CrashDisk();
  const seen = disk.watch();
  await mustOpen(disk, new ManualClock());
  assert.deepEqual(seen, [
    'syncNames wal',
    'syncNames ',
    'name wal/next.tmp',
    'write wal/next.tmp',
    'sync wal/next.tmp',
    'name wal/0000000001.wal',
    'name wal/next.tmp',
    'syncNames wal',
    'write wal/0000000001.wal',
    'sync wal/0000000001.wal',
  ]);
});

test('[W10] a vote and a snapshot of long ago are repeated rather than kept', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  const hardState = { term: 7, vote: 3, commit: 0 };
  await appendDurably(wal, [{ shard: IDLE, install: snapshotAt(5, 2, 'old'), hardState }]);
  await fill(wal, BUSY, 30);
  await compact(wal, BUSY);
  assert.equal(wal.stats().segments, 1);
  const again = await reopened(disk);
  assert.deepEqual(again.shard(IDLE).initialState().hardState, hardState);
  assert.deepEqual(again.shard(IDLE).snapshot(), snapshotAt(5, 2, 'old'));
  assert.equal(again.shard(IDLE).firstIndex(), 6);
});

test('[W10] an idle shard with entries pins its segment until it is rewritten', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  const hardState = { term: 2, vote: 1, commit: 2 };
  await appendDurably(wal, [{ shard: IDLE, hardState, entries: entriesFrom(1, 2, 'a', 'b') }]);
  await fill(wal, BUSY, 30);
  await compact(wal, BUSY);
  assert.ok(wal.stats().segments > 2);
  wal.shard(IDLE).holes.set(1, 2);
  assert.equal(wal.refill(IDLE, lastOf(entriesFrom(1, 2, 'a'))), true);
  const [pin] = wal.pins();
  assert.deepEqual([pin?.shard, pin?.segment, pin?.lastIndexInside], [IDLE, 1, 2]);
  wal.shard(IDLE).cache.clear();
  const before = await describeWal(wal);
  assert.equal(await wal.rewrite(IDLE), 'rewritten');
  await turn();
  assert.equal(wal.stats().segments, 1);
  assert.deepEqual(wal.pins(), []);
  assert.equal(await describeWal(wal), before);
  assert.equal(await describeWal(await reopened(disk)), before);
});

test('[W17] a log that does not fit a batch must be compacted instead', async () => {
  const wal = await mustOpen(new CrashDisk(), new ManualClock());
  await fill(wal, IDLE, 10);
  assert.equal(await wal.rewrite(IDLE), 'tooLarge');
});

test('[W17] a log that changes while it is read is not rewritten from what was', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: IDLE, entries: entriesFrom(1, 1, 'a', 'b', 'c') }]);
  wal.shard(IDLE).cache.clear();
  const rewriting = wal.rewrite(IDLE);
  wal.append([{ shard: IDLE, entries: entriesFrom(2, 2, 'z') }], () => {});
  assert.equal(await rewriting, 'rewritten');
  assert.match(await describeWal(await reopened(disk)), /1:a 2:z$/);
});

test('a shard that is forgotten is gone for good, and may come back empty', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await fill(wal, IDLE, 3);
  await fill(wal, BUSY, 30);
  wal.forget(IDLE);
  await compact(wal, BUSY);
  assert.equal(wal.stats().segments, 1);
  assert.equal(wal.shard(IDLE).lastIndex(), 0);
  assert.deepEqual((await reopened(disk)).shardIds(), [BUSY]);
});

test('a shard that is forgotten while its log is rewritten does not come back', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: IDLE, entries: entriesFrom(1, 1, 'a', 'b', 'c') }]);
  wal.shard(IDLE).cache.clear();
  const rewriting = wal.rewrite(IDLE);
  wal.forget(IDLE);
  assert.equal(await rewriting, 'forgotten');
  await fill(wal, BUSY, 1);
  assert.deepEqual((await reopened(disk)).shardIds(), [BUSY]);
});

test('[W9] a scrub finds rot in closed segments and makes holes of it', async () => {
  const source = new CrashDisk();
  await fill(await mustOpen(source, new ManualClock()), BUSY, 30);
  const disk = new CrashDisk(source.files());
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  const sound = await scrub(wal, clock);
  assert.deepEqual([sound?.lost, sound?.damage], [0, undefined]);
  assert.ok((sound?.bytes ?? 0) > 10_000);

  disk.rot('wal/0000000002.wal', FIRST_BATCH_OFFSET + 200);
  const rotten = await scrub(wal, clock);
  assert.deepEqual([rotten?.lost, rotten?.damage], [1, undefined]);
  assert.equal(wal.shard(BUSY).isWhole(), false);

  disk.rot('wal/0000000002.wal', FIRST_BATCH_OFFSET + 4);
  const worse = await scrub(wal, clock);
  assert.match(worse?.damage ?? '', /batch at 4096 is damaged/);
});

async function scrub(wal: Wal, clock: ManualClock): ReturnType<Wal['scrub']> {
  const running = wal.scrub(10);
  assert.equal(await wal.scrub(10), undefined, 'one at a time');
  for (let i = 0; i < 20; i++) {
    await turn();
    await clock.pass(10);
  }
  return running;
}

test('a log that closes while scrubbed tells of no damage and leaves no file open', async () => {
  const source = new CrashDisk();
  await fill(await mustOpen(source, new ManualClock()), BUSY, 30);
  for (let turns = 0; turns < 12; turns++) {
    const [disk, clock] = [new SlowDisk(source.files()), new ManualClock()];
    const wal = await mustOpen(disk, clock);
    const scrubbing = wal.scrub(10);
    for (let i = 0; i < turns; i++) {
      await turn();
      await clock.pass(5);
    }
    await wal.close();
    await clock.pass(10);
    const report = await scrubbing;
    assert.deepEqual([report?.lost, report?.damage, disk.opened], [0, undefined, 0], `${turns}`);
    assert.equal((await wal.fetch(BUSY, { low: 1, high: 2, bytesMax: 1 })).kind, 'failed');
    assert.equal(disk.opened, 0);
  }
});

/** A read takes a turn; counts the files that are open. */
class SlowDisk extends CrashDisk {
  opened = 0;

  override async open(path: string, mode: 'read' | 'readWrite' | 'create'): Promise<DiskFile> {
    const file = await super.open(path, mode);
    this.opened += 1;
    const read: DiskFile['read'] = async (offset, into) => {
      await turn();
      return file.read(offset, into);
    };
    const close: DiskFile['close'] = async () => {
      this.opened -= 1;
      await file.close();
    };
    return { ...file, read, close };
  }
}
