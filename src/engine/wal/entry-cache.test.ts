// What the cache holds, as against what it counts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  appendDurably,
  entriesFrom,
  ManualClock,
  mustOpen,
} from '../../../test/support/wal-scenario.ts';
import type { Entry } from '../../core/raft/index.ts';
import { CacheBudget, EntryCache } from './entry-cache.ts';

const FRAME_BYTES = 256 * 1024;

/** Entries of `bytes` each, one after the other in one frame. */
function entriesIn(frame: ArrayBuffer, first: number, count: number, bytes: number): Entry[] {
  return Array.from({ length: count }, (_, i) => {
    const payload = new Uint8Array(frame, i * bytes, bytes);
    return { term: 1, index: first + i, kind: 'normal', payload };
  });
}

/** The buffers of all that can still be found from `first` to `last`, each once. */
function heldBytes(caches: readonly EntryCache[], first: number, last: number): number {
  const buffers = new Set<ArrayBufferLike>();
  for (const cache of caches) {
    for (let index = first; index <= last; index++) {
      const found = cache.find(index);
      if (found !== undefined) buffers.add((found.entries[found.at] as Entry).payload.buffer);
    }
  }
  return [...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

test('[W20] cold shards hold no frames: one entry each, in a frame of its own', async () => {
  const cacheBytesMax = 1024 * 1024;
  const wal = await mustOpen(new CrashDisk(), new ManualClock(), { cacheBytesMax });
  const shards = 4_000;
  for (let shard = 1; shard <= shards; shard++) {
    wal.append([{ shard, entries: entriesIn(new ArrayBuffer(FRAME_BYTES), 1, 1, 100) }], () => {});
  }
  await appendDurably(wal, []);
  const caches = Array.from({ length: shards }, (_, i) => wal.shard(i + 1).cache);
  const held = heldBytes(caches, 1, 1);
  assert.ok(held >= shards * 100, 'they are all there');
  assert.ok(held <= wal.stats().cachedBytes, `${held} held, ${wal.stats().cachedBytes} counted`);
});

test('[W20] what is counted covers the buffers, however entries come and go', () => {
  const budget = new CacheBudget(3 * FRAME_BYTES);
  const caches = [new EntryCache(budget), new EntryCache(budget)];
  let next = 1;
  for (const [count, bytes] of [
    [1, 1],
    [0, 0],
    [100, 2_000],
    [50, 0],
    [10, 20_000],
    [131, 2_000],
  ]) {
    for (const cache of caches) {
      cache.append(entriesIn(new ArrayBuffer(FRAME_BYTES), next, count ?? 0, bytes ?? 0));
      assert.ok(heldBytes(caches, 1, next + 200) <= budget.bytes, `${count} of ${bytes} bytes`);
    }
    next += count ?? 0;
    budget.trim();
    assert.ok(budget.bytes <= budget.bytesMax);
  }
  // A part of a frame stays when a new leader cuts the log.
  for (const cache of caches) cache.truncateTo(next - 130);
  assert.ok(heldBytes(caches, 1, next) <= budget.bytes);
  for (const cache of caches) cache.clear();
  assert.equal(budget.bytes, 0);
});

test('entries that fill their frame are not copied', () => {
  const cache = new EntryCache(new CacheBudget(FRAME_BYTES * 2));
  const frame = new ArrayBuffer(FRAME_BYTES);
  cache.append(entriesIn(frame, 1, 100, 2_000));
  assert.equal(cache.find(7)?.entries[6]?.payload.buffer, frame);
});

test('[W20] what is fetched for a shard that is forgotten meanwhile costs nothing', async () => {
  const disk = new CrashDisk();
  const before = await mustOpen(disk, new ManualClock());
  await appendDurably(before, [{ shard: 1, entries: entriesFrom(1, 1, 'x'.repeat(2_000)) }]);
  await before.close();
  const wal = await mustOpen(new CrashDisk(disk.files()), new ManualClock());
  const fetching = wal.fetch(1, { low: 1, high: 2, bytesMax: 1e6 });
  wal.forget(1);
  await fetching;
  assert.equal(wal.stats().cachedBytes, 0);
  await wal.close();
});
