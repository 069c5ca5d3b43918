// What is cut off, what is refused, and what is opened with holes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  allEntries,
  appendDurably,
  describeWal,
  entriesFrom,
  lastOf,
  ManualClock,
  mustOpen,
  openWal,
  turn,
} from '../../../test/support/wal-scenario.ts';
import { crc32c } from '../../base/crc32c.ts';
import type { Entry } from '../../core/raft/index.ts';
import { Batch } from './batch.ts';
import { BATCH_HEADER_BYTES, FIRST_BATCH_OFFSET, RECORD, recordBytes } from './format.ts';
import type { WalOptions } from './index.ts';

const FIRST = 'wal/0000000001.wal';
const SECOND = 'wal/0000000002.wal';
const ENTRY_BYTES = BATCH_HEADER_BYTES + recordBytes(4);

/** Where the payload of the n-th batch, of one entry of four bytes, lies. */
function payloadOf(batch: number): number {
  return FIRST_BATCH_OFFSET + ENTRY_BYTES * batch - 4;
}

function headerOf(batch: number): number {
  return FIRST_BATCH_OFFSET + ENTRY_BYTES * (batch - 1);
}

function one(index: number, term: number, payload: string): Entry {
  return lastOf(entriesFrom(index, term, payload));
}

type Files = Map<string, Uint8Array>;

/** Files of a log with `count` batches of one entry each; without a mark, as after a crash. */
async function logOf(count: number, marked = false): Promise<Files> {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  for (let index = 1; index <= count; index++) {
    const entries = entriesFrom(index, 1, `e${String(index).padStart(3, '0')}`);
    await appendDurably(wal, [{ shard: 1, entries }]);
  }
  const files = disk.files();
  if (!marked) return files;
  await wal.close();
  return disk.files();
}

function flip(files: Files, path: string, at: number): Files {
  const bytes = files.get(path);
  assert.ok(bytes !== undefined && at < bytes.length);
  bytes[at] = (bytes[at] as number) ^ 1;
  return files;
}

async function open(files: Files, options: Partial<WalOptions> = {}): Promise<string> {
  const opened = await openWal(new CrashDisk(files), new ManualClock(), options);
  if (opened.kind === 'refused') return `refused ${opened.reason} ${opened.path}@${opened.offset}`;
  const { tornBytes, holes } = opened.report;
  const log = opened.wal.shard(1);
  const said = `1..${log.lastIndex()}${tornBytes > 0 ? ' torn' : ''} holes ${holes}`;
  await opened.wal.close();
  return said;
}

test('[W6] the last batch, damaged with nothing behind it, was not finished', async () => {
  for (const at of [headerOf(3), headerOf(3) + 20, headerOf(3) + 40, payloadOf(3)]) {
    assert.equal(await open(flip(await logOf(3), FIRST, at)), '1..2 torn holes 0', `at ${at}`);
  }
});

test('[W6] a mark behind the last batch proves that it was durable', async () => {
  for (const at of [headerOf(3), headerOf(3) + 20, headerOf(3) + 40, payloadOf(3)]) {
    const said = await open(flip(await logOf(3, true), FIRST, at));
    assert.equal(said, `refused corrupt ${FIRST}@${headerOf(3)}`, `at ${at}`);
  }
});

test('[W6] a log that was closed has no torn end, and goes on where it was', async () => {
  assert.equal(await open(await logOf(3, true)), '1..3 holes 0');
  const disk = new CrashDisk(await logOf(3, true));
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(4, 1, 'e004') }]);
  assert.equal(wal.stats().segments, 1);
  assert.equal(await open(disk.files()), '1..4 holes 0');
});

test('[W6] a later batch behind a damaged one proves that it was durable', async () => {
  for (const at of [headerOf(2), headerOf(2) + 20, headerOf(2) + 40, payloadOf(2)]) {
    const said = await open(flip(await logOf(3), FIRST, at));
    assert.equal(said, `refused corrupt ${FIRST}@${headerOf(2)}`, `at ${at}`);
  }
});

test('[W6] a log that was opened gets a mark, although nothing is appended', async () => {
  const disk = new CrashDisk(await logOf(3));
  const clock = new ManualClock();
  await mustOpen(disk, clock);
  await clock.pass(1_000);
  await turn();
  const said = await open(flip(disk.files(), FIRST, payloadOf(3)));
  assert.equal(said, `refused corrupt ${FIRST}@${headerOf(3)}`);
});

test('[W6] a mark that is torn is no batch and costs none', async () => {
  assert.equal(await open(flip(await logOf(3, true), FIRST, headerOf(4))), '1..3 torn holes 0');
});

test('[W6] a torn end is gone for good: what follows it begins in the next segment', async () => {
  const disk = new CrashDisk(flip(await logOf(3), FIRST, payloadOf(3)));
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(3, 2, 'anew') }]);
  assert.equal(disk.files().get(FIRST)?.length, headerOf(3));
  const again = await mustOpen(new CrashDisk(disk.files()), new ManualClock());
  assert.match(await describeWal(again), / 1:e001 1:e002 2:anew$/);
});

test('[W7] what a dead process wrote without a sync is synced by the next one', async () => {
  const disk = new CrashDisk(await logOf(2));
  const seen = disk.watch();
  await mustOpen(disk, new ManualClock());
  assert.deepEqual(seen.slice(0, 2), ['syncNames wal', 'syncNames ']);
  assert.deepEqual(seen.slice(2), [`write ${FIRST}`, `write ${FIRST}`, `sync ${FIRST}`]);
});

test('[W9] with peers, lost entries become holes, and nothing else is forgiven', async () => {
  const peers = { onDamage: 'markHoles' } as const;
  assert.equal(await open(flip(await logOf(3), FIRST, payloadOf(2)), peers), '1..3 holes 1');
  for (const at of [headerOf(2), headerOf(2) + 20, headerOf(2) + 40]) {
    assert.match(
      await open(flip(await logOf(3), FIRST, at), peers),
      /^refused corrupt/,
      `at ${at}`,
    );
  }
});

test('[W9] a shard with a hole knows its ids, must not lead, and is filled by a peer', async () => {
  const disk = new CrashDisk(flip(await logOf(3), FIRST, payloadOf(2)));
  const wal = await mustOpen(disk, new ManualClock(), { onDamage: 'markHoles' });
  const log = wal.shard(1);
  assert.deepEqual([log.lastIndex(), log.term(2), log.isWhole()], [3, 1, false]);
  const want = { low: 2, high: 4, bytesMax: 1_000 };
  const damaged = { kind: 'damaged', entry: { index: 2, term: 1 } };
  assert.deepEqual(await wal.fetch(1, want), damaged);
  assert.equal(wal.refill(1, one(2, 9, 'lies')), false);
  assert.equal(wal.refill(1, one(2, 1, 'e002')), true);
  assert.equal(log.isWhole(), true);
  await appendDurably(wal, []);
  const filled = /1:e001 1:e002 1:e003$/;
  assert.match(await describeWal(wal), filled);
  const again = await mustOpen(new CrashDisk(disk.files()), new ManualClock(), {
    onDamage: 'markHoles',
  });
  assert.equal(again.shard(1).isWhole(), true);
  assert.match(await describeWal(again), filled);
});

test('[W9] replacing a lost entry, or purging it, closes the hole', async () => {
  const disk = new CrashDisk(flip(await logOf(3), FIRST, payloadOf(2)));
  const wal = await mustOpen(disk, new ManualClock(), { onDamage: 'markHoles' });
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(2, 2, 'new') }]);
  assert.equal(wal.shard(1).isWhole(), true);
  const entries = await allEntries(wal, 1);
  assert.deepEqual(entries, [...entriesFrom(1, 1, 'e001'), ...entriesFrom(2, 2, 'new')]);
});

test('[W9] without peers, only a hole that was filled later is forgiven', async () => {
  const disk = new CrashDisk(flip(await logOf(3), FIRST, payloadOf(2)));
  const wal = await mustOpen(disk, new ManualClock(), { onDamage: 'markHoles' });
  assert.match(await open(disk.files()), /^refused corrupt/);
  assert.equal(wal.refill(1, one(2, 1, 'e002')), true);
  await appendDurably(wal, []);
  assert.equal(await open(disk.files()), '1..3 holes 0');
});

/** Enough for a second segment. */
const MANY = 90;

test('[W5] damage in a segment that is followed by another one is never a torn end', async () => {
  const files = await logOf(MANY);
  assert.ok((files.get(SECOND)?.[0] ?? 0) > 0, 'the second segment is used');
  assert.equal(await open(files), `1..${MANY} holes 0`);
  for (const at of [headerOf(50), payloadOf(50)]) {
    const said = await open(flip(await logOf(MANY), FIRST, at));
    assert.equal(said, `refused corrupt ${FIRST}@${headerOf(50)}`);
  }
  const peers = { onDamage: 'markHoles' } as const;
  const said = await open(flip(await logOf(MANY), FIRST, payloadOf(50)), peers);
  assert.equal(said, `1..${MANY} holes 1`);
});

test('[W3] a damaged header with batches behind it is refused', async () => {
  assert.equal(await open(flip(await logOf(2), FIRST, 20)), `refused corrupt ${FIRST}@0`);
  assert.equal(await open(flip(await logOf(MANY), SECOND, 20)), `refused corrupt ${SECOND}@0`);
});

test('[W3] a segment that is missing, swapped or of another log is refused', async () => {
  const swapped = await logOf(MANY);
  const [first, second] = [swapped.get(FIRST), swapped.get(SECOND)];
  assert.ok(first !== undefined && second !== undefined);
  swapped.set(FIRST, second).set(SECOND, first);
  assert.match(await open(swapped), /^refused corrupt/);

  const gap = await logOf(200);
  gap.delete(SECOND);
  assert.equal(await open(gap), `refused missingSegment ${SECOND}@0`);

  const older = await logOf(200);
  older.delete(FIRST);
  assert.equal(await open(older), `refused missingSegment ${SECOND}@0`, '[W8] entries are missing');
});

test('[W3] a prepared segment tells that the one before it is missing', async () => {
  const files = await logOf(MANY);
  const [second, third] = [SECOND, 'wal/0000000003.wal'].map((path) => files.get(path));
  assert.ok((second?.[0] ?? 0) > 0 && third?.every((byte) => byte === 0));
  files.delete(SECOND);
  assert.equal(await open(files), `refused missingSegment ${SECOND}@0`);
  files.delete(FIRST);
  assert.equal(await open(files), `refused missingSegment ${FIRST}@0`, 'no new log is begun');
});

test('a log of a newer version is refused by name', async () => {
  const files = await logOf(1);
  const bytes = files.get(FIRST);
  assert.ok(bytes !== undefined);
  bytes[8] = 2;
  // Its own checksum covers the version: one made by a newer Parley holds.
  const sum = crc32c(bytes, crc32c(bytes, 0, 0, 12), 16, 64);
  new DataView(bytes.buffer).setUint32(12, sum, true);
  assert.equal(await open(files), `refused version ${FIRST}@8`);
});

test('a payload that looks like a later batch is not taken for one', async () => {
  const attempt = async (salt: number): Promise<string> => {
    const disk = new CrashDisk();
    const wal = await mustOpen(disk, new ManualClock());
    const batch = new Batch(salt);
    batch.begin(1, FIRST_BATCH_OFFSET, 99, 1_000);
    batch.add(RECORD.forget, 0, 1, 0, 0, new Uint8Array(0));
    batch.seal(0);
    const entry = { term: 1, index: 1, kind: 'normal', payload: batch.sealed().slice() } as const;
    await appendDurably(wal, [{ shard: 1, entries: [entry] }]);
    // The batch around it is torn: only the one inside could say that it was durable.
    return open(flip(disk.files(), FIRST, FIRST_BATCH_OFFSET));
  };
  const files = await logOf(1);
  const salt = new DataView((files.get(FIRST) as Uint8Array).buffer).getUint32(32, true);
  assert.equal(await attempt(salt ^ 1), '1..0 torn holes 0');
  assert.match(await attempt(salt), /^refused/, 'who knows the salt could');
});

test('rot in a segment that was prepared and not begun costs that file only', async () => {
  const files = await logOf(40);
  const prepared = [...files.keys()].toSorted().at(-1) as string;
  assert.ok(files.get(prepared)?.every((byte) => byte === 0));
  const disk = new CrashDisk(flip(files, prepared, 5_000));
  const wal = await mustOpen(disk, new ManualClock());
  assert.equal(wal.shard(1).lastIndex(), 40);
  assert.equal(disk.files().has(prepared), false);
});
