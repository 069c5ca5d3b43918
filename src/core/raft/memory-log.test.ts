import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryLog } from './memory-log.ts';
import type { Entry, Snapshot } from './types.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;
const CONF_STATE = {
  voters: [1],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

function run(first: number, ...terms: readonly number[]): Entry[] {
  const payload = new Uint8Array(0);
  return terms.map((term, i) => ({ term, index: first + i, kind: 'normal', payload }));
}

function snapshotAt(index: number, term: number): Snapshot {
  return { index, term, confState: CONF_STATE, data: new Uint8Array(0) };
}

function termsOf(log: MemoryLog): unknown[] {
  const entries = log.entries(log.firstIndex(), log.lastIndex() + 1, UNLIMITED);
  return typeof entries === 'string' ? [entries] : entries.map(({ term }) => term);
}

test('appending replaces what stands there and beyond', () => {
  const log = new MemoryLog();
  log.append(run(1, 1, 1, 1));
  log.append(run(2, 2));
  assert.deepEqual(termsOf(log), [1, 2]);
  log.append(run(3, 2, 3));
  assert.deepEqual(termsOf(log), [1, 2, 2, 3]);
  assert.throws(() => log.append(run(6, 3)), /no holes/);
});

test('truncating keeps what is covered by a snapshot', () => {
  const log = new MemoryLog();
  log.append(run(1, 1, 1, 1));
  log.truncate(3);
  assert.deepEqual(termsOf(log), [1, 1, 1]);
  log.saveSnapshot(snapshotAt(1, 1));
  assert.equal(log.compact(1), true);
  log.truncate(2);
  assert.deepEqual(termsOf(log), [1]);
  log.truncate(0);
  assert.deepEqual([log.firstIndex(), log.lastIndex()], [2, 1]);
});

test('compacting keeps the term of the last entry that goes', () => {
  const log = new MemoryLog();
  log.append(run(1, 1, 2, 3));
  assert.equal(log.compact(2), true);
  assert.equal(log.firstIndex(), 3);
  assert.deepEqual(
    [1, 2, 3, 4].map((index) => log.term(index)),
    ['compacted', 2, 3, 'unavailable'],
  );
  assert.equal(log.entries(2, 4, UNLIMITED), 'compacted');
  assert.equal(log.compact(2), false);
  assert.equal(log.compact(9), false);
});

test('entries that a compaction overtook are skipped when they are appended', () => {
  const log = new MemoryLog();
  log.append(run(1, 1, 1, 1));
  log.compact(2);
  log.append(run(2, 1, 4));
  assert.deepEqual(termsOf(log), [4]);
});

test('a snapshot replaces the log, an older one does nothing', () => {
  const log = new MemoryLog();
  log.append(run(1, 1, 1, 1));
  assert.equal(log.applySnapshot(snapshotAt(7, 2)), true);
  assert.deepEqual([log.firstIndex(), log.lastIndex(), log.term(7)], [8, 7, 2]);
  assert.equal(log.applySnapshot(snapshotAt(5, 2)), false);
  assert.equal(log.initialState().confState, CONF_STATE);
});

test('a saved snapshot is handed out, the log stays', () => {
  const log = new MemoryLog();
  log.append(run(1, 1, 1, 1));
  log.saveSnapshot(snapshotAt(2, 1));
  assert.deepEqual(log.snapshot(), snapshotAt(2, 1));
  assert.deepEqual(termsOf(log), [1, 1, 1]);
  log.snapshotOverride = () => 'pending';
  assert.equal(log.snapshot(), 'pending');
});
