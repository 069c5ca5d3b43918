// Which shards wait while the store is behind.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StoreBurden } from './store-burden.ts';

const shard = (bytes: number) => ({ unwrittenBytes: () => bytes });

/** Which of the shards with so many bytes are held back. */
function heldBack(waiting: readonly number[], isBehind = true): readonly boolean[] {
  const shards = waiting.map(shard);
  const burden = new StoreBurden({ isBehind }, { nowMs: 5 }, () => shards);
  return shards.map((each) => burden.holdsBack(each));
}

test('[H21] nobody waits for a store that keeps up', () => {
  assert.deepEqual(heldBack([1_000_000, 1], false), [false, false]);
});

test('[H21] a store that is behind holds back who burdens it, and nobody else', () => {
  assert.deepEqual(heldBack([1_000_000]), [true], 'alone');
  assert.deepEqual(heldBack([1_000_000, 300, 0]), [true, false, false]);
  assert.deepEqual(heldBack([500, 500, 500, 500]), [true, true, true, true], 'all alike');
  assert.deepEqual(heldBack([0]), [false], 'it waits for something else');
});

test('[H21] those that go on add no more than those that wait have', () => {
  // Every shard adds as long as it may, the smallest first.
  const waiting = [900_000, 100, 100, 50_000, 0, 0, 0, 0];
  const before = waiting.reduce((sum, bytes) => sum + bytes, 0);
  for (let round = 0; round < 10_000; round++) {
    const held = heldBack(waiting);
    for (const [at, isHeld] of held.entries()) if (!isHeld) waiting[at] = (waiting[at] ?? 0) + 100;
  }
  const after = waiting.reduce((sum, bytes) => sum + bytes, 0);
  assert.ok(
    heldBack(waiting).every((isHeld) => isHeld),
    'all of them wait in the end',
  );
  assert.ok(after <= 2 * before + 100 * waiting.length, `${after} of ${before} bytes`);
});
