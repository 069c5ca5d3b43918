import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rankOf, VersionClock } from './versions.ts';

const EPOCH_MS = Date.UTC(2020);

test('[G20] versions go with the wall clock once it is told, and count from 1 before', () => {
  const clock = new VersionClock();
  clock.advanceTo(5_000);
  assert.equal(clock.present, 0);
  clock.noteWall(EPOCH_MS + 1_000);
  assert.equal(clock.present, 256_000);
  clock.advanceTo(5_002);
  assert.equal(clock.present, 256_512);
  clock.noteWall(Date.UTC(2300));
  assert(clock.present < Number.MAX_SAFE_INTEGER);
});

test('[G4] the bound is ten years ahead of the clock, one that is not set judges nothing', () => {
  const clock = new VersionClock();
  clock.noteWall(Date.UTC(2026));
  const yearsAhead = (clock.bound - clock.present) / 256 / 86_400_000 / 365;
  assert(yearsAhead > 10 && yearsAhead < 10.1, `${yearsAhead}`);
  const before = clock.bound;
  clock.advanceTo(10);
  assert.equal(clock.bound - before, 2_560);
  clock.noteWall(0);
  assert.equal(clock.present, 0);
  assert(clock.bound > Date.UTC(2026) * 256);
});

test('[G39] a tombstone ranks by what it follows, everything else by its version', () => {
  const version = 500;
  assert.equal(rankOf({ value: '100', version, status: 'deleted' }), 100);
  assert.equal(rankOf({ value: '', version, status: 'deleted' }), 500);
  assert.equal(rankOf({ value: '100', version, status: 'set' }), 500);
  // What others write there does not lift it, and need not be a number.
  for (const value of ['501', '9'.repeat(16), '1e2', '-1', '0', '٣', 'x']) {
    assert.equal(rankOf({ value, version, status: 'deleted' }), 500, value);
  }
});
