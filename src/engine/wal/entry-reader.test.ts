// Reads that something overtakes: while bytes come from the disk, the log goes on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  allEntries,
  appendDurably,
  entriesFrom,
  lastOf,
  ManualClock,
  mustOpen,
  snapshotAt,
  turn,
} from '../../../test/support/wal-scenario.ts';
import type { DiskFile } from '../../base/capabilities.ts';
import type { FetchOutcome, Wal } from './index.ts';

const READ = 1;
const OTHER = 2;
const LETTERS = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(100));
const COMPACTED: FetchOutcome = { kind: 'compacted' };

/** Reads of the first segment wait while `isHeld`. */
class SlowDisk extends CrashDisk {
  readonly #gates: (() => void)[] = [];
  isHeld = false;

  override async open(path: string, mode: 'read' | 'readWrite' | 'create'): Promise<DiskFile> {
    const file = await super.open(path, mode);
    if (path !== 'wal/0000000001.wal') return file;
    const read: DiskFile['read'] = async (offset, into) => {
      if (this.isHeld) await new Promise<void>((resolve) => this.#gates.push(resolve));
      return file.read(offset, into);
    };
    return { ...file, read };
  }

  release(): void {
    this.isHeld = false;
    for (const open of this.#gates.splice(0)) open();
  }
}

async function fillOther(wal: Wal, untilSegments: number): Promise<void> {
  while (wal.stats().segments < untilSegments) {
    const entries = entriesFrom(wal.shard(OTHER).lastIndex() + 1, 1, 'n'.repeat(500));
    await appendDurably(wal, [{ shard: OTHER, entries }]);
  }
}

/** What a fetch of all entries answers if `meanwhile` happens before the disk does. */
async function overtaken(
  disk: SlowDisk,
  wal: Wal,
  meanwhile: () => Promise<void>,
): Promise<FetchOutcome> {
  disk.isHeld = true;
  const high = wal.shard(READ).lastIndex() + 1;
  const fetching = wal.fetch(READ, { low: 1, high, bytesMax: 1024 * 1024 });
  await turn();
  await meanwhile();
  disk.release();
  return fetching;
}

test('[W19] a rewrite overtakes a read: nothing is lost, wherever the copy is', async () => {
  // Behind the old one, in the segment after it, and there at a lower offset.
  for (const [before, behind] of [
    ['', ''],
    ['n'.repeat(500), 'n'.repeat(1_900)],
    ['n'.repeat(1_900), 'n'.repeat(1_000)],
  ] as const) {
    const disk = new SlowDisk();
    const wal = await mustOpen(disk, new ManualClock());
    await appendDurably(wal, [{ shard: OTHER, entries: entriesFrom(1, 1, before) }]);
    await appendDurably(wal, [{ shard: READ, entries: entriesFrom(1, 1, ...LETTERS) }]);
    await appendDurably(wal, [{ shard: OTHER, entries: entriesFrom(2, 1, behind) }]);
    const place = wal.shard(READ).index.offsetOf(1);
    const outcome = await overtaken(disk, wal, async () => {
      assert.equal(await wal.rewrite(READ), 'rewritten');
    });
    assert.notEqual(wal.shard(READ).index.offsetOf(1), place);
    assert.deepEqual(outcome, COMPACTED);
    assert.equal(wal.shard(READ).isWhole(), true);
    wal.shard(READ).cache.clear();
    assert.equal((await allEntries(wal, READ)).length, 4);
  }
});

test('[W19] a refill in the middle overtakes a read: no other entry is lost', async () => {
  const disk = new SlowDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: READ, entries: entriesFrom(1, 1, 'a', 'b', 'c', 'd') }]);
  const outcome = await overtaken(disk, wal, async () => {
    wal.shard(READ).holes.set(3, 1);
    assert.equal(wal.refill(READ, lastOf(entriesFrom(1, 1, 'a', 'b', 'c'))), true);
    await appendDurably(wal, []);
  });
  assert.deepEqual(outcome, COMPACTED);
  assert.deepEqual([...wal.shard(READ).holes], []);
});

test('[W19] what is read is overwritten, and its segment goes: the log goes on', async () => {
  const disk = new SlowDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: READ, entries: entriesFrom(1, 1, 'a', 'b', 'c', 'd') }]);
  await fillOther(wal, 2);
  const outcome = await overtaken(disk, wal, async () => {
    await appendDurably(wal, [{ shard: READ, entries: entriesFrom(1, 2, 'w', 'x', 'y', 'z') }]);
    const index = wal.shard(OTHER).lastIndex();
    await appendDurably(wal, [{ shard: OTHER, save: snapshotAt(index, 1) }]);
    assert.equal(wal.purge(OTHER, index), true);
    await appendDurably(wal, []);
    for (let i = 0; i < 10; i++) await turn();
    assert.equal(disk.files().has('wal/0000000001.wal'), false);
  });
  assert.deepEqual(outcome, COMPACTED);
});

test('[W19] appends that overtake a read do not make it begin anew', async () => {
  const disk = new SlowDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: READ, entries: entriesFrom(1, 1, 'a', 'b') }]);
  const outcome = await overtaken(disk, wal, () => {
    return appendDurably(wal, [{ shard: READ, entries: entriesFrom(3, 1, 'c') }]);
  });
  assert.deepEqual(outcome, { kind: 'fetched' });
});

test('[W14] what was never written is not taken for lost when the log has stopped', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: READ, entries: entriesFrom(1, 1, 'a') }]);
  disk.failNext = (kind) => (kind === 'write' ? 'io' : undefined);
  const appending = appendDurably(wal, [{ shard: READ, entries: entriesFrom(2, 1, 'b') }]);
  wal.shard(READ).cache.clear();
  const fetching = wal.fetch(READ, { low: 2, high: 3, bytesMax: 1024 });
  await assert.rejects(appending);
  assert.equal((await fetching).kind, 'failed');
  assert.deepEqual([...wal.shard(READ).holes], []);
});

test('[W9] a peer may fill a hole, and replace nothing that is sound', async () => {
  const wal = await mustOpen(new CrashDisk(), new ManualClock());
  await appendDurably(wal, [{ shard: READ, entries: entriesFrom(1, 1, 'good') }]);
  const other = lastOf(entriesFrom(1, 1, 'evil'));
  assert.equal(wal.refill(READ, other), false);
  wal.shard(READ).holes.set(1, 1);
  assert.equal(wal.refill(READ, other), true);
});

test('[W20] what many shards fetch stays within the budget, and each gets its own', async () => {
  const [shards, entries, bytes, cacheBytesMax] = [30, 5, 1_000, 10_000];
  const wal = await mustOpen(new CrashDisk(), new ManualClock(), { cacheBytesMax });
  for (let shard = 1; shard <= shards; shard++) {
    for (let index = 1; index <= entries; index++) {
      await appendDurably(wal, [{ shard, entries: entriesFrom(index, 1, 'x'.repeat(bytes)) }]);
    }
  }
  const want = { low: 1, high: entries + 1, bytesMax: 1024 * 1024 };
  for (let shard = 1; shard <= shards; shard++) {
    assert.deepEqual(await wal.fetch(shard, want), { kind: 'fetched' });
    assert.equal(wal.shard(shard).entries(1, entries + 1, 1e6).length, entries);
    assert.ok(wal.stats().cachedBytes <= cacheBytesMax, `${shard} shards`);
  }
  await Promise.all([1, 2, 3].map((shard) => wal.fetch(shard, want)));
  assert.ok(wal.stats().cachedBytes <= cacheBytesMax, 'at once, too');
});
