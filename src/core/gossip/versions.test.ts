import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Entry, EntryTable } from './entry-table.ts';
import { OUTBID_KEY, Ranks, VersionClock } from './versions.ts';

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

function ranksWith(step: string | undefined): Ranks {
  const table = new EntryTable({ bytes: 0 });
  if (step !== undefined) table.put(new Entry(OUTBID_KEY, step, 1_000, 'set', 0));
  return new Ranks(table);
}

test('[G39] a tombstone ranks by what it follows, everything else by its version', () => {
  const version = 500;
  const ranks = ranksWith(undefined);
  assert.equal(ranks.of({ value: '100', version, status: 'deleted' }), 100);
  assert.equal(ranks.of({ value: '', version, status: 'deleted' }), 500);
  assert.equal(ranks.of({ value: '100', version, status: 'set' }), 500);
  // What others write there does not lift it, and need not be a number.
  for (const value of ['501', '9'.repeat(16), '1e2', '-1', '0', '٣', 'x']) {
    assert.equal(ranks.of({ value, version, status: 'deleted' }), 500, value);
  }
});

test('[G43] from the version of the outbid key on, versions count from its value', () => {
  const ranks = ranksWith('300');
  assert.equal(ranks.shift, 700);
  assert.deepEqual(
    [500, 999, 1_000, 1_001].map((version) => ranks.ofVersion(version)),
    [500, 999, 300, 301],
  );
  assert.equal(ranks.of({ value: '200', version: 1_005, status: 'deleted' }), 200);
  // One that was moved there can be of a time ahead of the clock.
  assert.equal(ranks.of({ value: '999', version: 1_005, status: 'deleted' }), 999);
  // It never lifts them, and need not be a number.
  for (const step of [undefined, '', '1000', '1001', '0', '-1', 'x', '9'.repeat(17)]) {
    assert.equal(ranksWith(step).ofVersion(1_005), 1_005, step);
    assert.equal(ranksWith(step).shift, 0, step);
  }
});
