import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RaftLog } from './log.ts';
import { MemoryLog } from './memory-log.ts';
import type { Entry } from './types.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;
/** Bytes of an entry without payload: see entries.ts. */
const ENTRY_BYTES = 16;

/** Entries from `first` on, one per term given. */
function run(first: number, ...terms: readonly number[]): Entry[] {
  const payload = new Uint8Array(0);
  return terms.map((term, i) => ({ term, index: first + i, kind: 'normal', payload }));
}

/** A log with `durable` on disk from index 1 and `tail` behind it. */
function logOf(durable: readonly number[], tail: readonly number[], applyBytesMax = UNLIMITED) {
  const source = new MemoryLog();
  source.append(run(1, ...durable));
  const log = new RaftLog(source, applyBytesMax);
  log.append(run(durable.length + 1, ...tail));
  return { log, source };
}

function indexes(entries: unknown): number[] {
  assert.ok(Array.isArray(entries), 'entries are at hand');
  return (entries as Entry[]).map(({ index }) => index);
}

test('[R23] terms are known on disk, in the tail and at both borders, and nowhere else', () => {
  const { log, source } = logOf([1, 1, 2, 2], [3, 3]);
  source.compact(2);
  const terms = [0, 1, 2, 3, 4, 5, 6, 7].map((index) => log.term(index));
  assert.deepEqual(terms, ['compacted', 'compacted', 1, 2, 2, 3, 3, 'unavailable']);
  assert.deepEqual(log.lastId(), { index: 6, term: 3 });
});

test('[R7] a log is up to date by its last term, then by its length', () => {
  const { log } = logOf([1, 2, 3], []);
  const cases = [
    [2, 4, true],
    [3, 4, true],
    [4, 4, true],
    [9, 2, false],
    [2, 3, false],
    [3, 3, true],
    [4, 3, true],
  ] as const;
  for (const [index, term, expected] of cases) {
    assert.equal(log.isUpToDate({ index, term }), expected, `${index} of term ${term}`);
  }
});

test('entries come from disk, from the tail or from both, cut to a size', () => {
  const { log } = logOf([1, 1, 1], [2, 2]);
  assert.deepEqual(indexes(log.entries(2, 6, UNLIMITED)), [2, 3, 4, 5]);
  assert.deepEqual(indexes(log.entries(1, 3, UNLIMITED)), [1, 2]);
  assert.deepEqual(indexes(log.entries(4, 6, UNLIMITED)), [4, 5]);
  assert.deepEqual(indexes(log.entries(2, 6, 0)), [2], 'the first always');
  assert.deepEqual(indexes(log.entries(2, 6, ENTRY_BYTES * 2)), [2, 3], 'up to the border');
  assert.deepEqual(indexes(log.entries(2, 6, ENTRY_BYTES * 2 + 1)), [2, 3]);
  assert.deepEqual(indexes(log.entries(2, 6, ENTRY_BYTES * 3)), [2, 3, 4], 'over the border');
  assert.deepEqual(indexes(log.entries(3, 3, UNLIMITED)), []);
});

test('[R26] entries that are gone are compacted, entries on disk only are pending', () => {
  const { log, source } = logOf([1, 1, 1, 1], [2]);
  source.compact(1);
  source.evictBelow(4);
  assert.equal(log.entries(1, 3, UNLIMITED), 'compacted');
  assert.equal(log.entries(2, 6, UNLIMITED), 'pending');
  assert.deepEqual(indexes(log.entries(4, 6, UNLIMITED)), [4, 5]);
});

test('[R24] committed entries are not replaced', () => {
  const { log } = logOf([1, 1], [1, 1]);
  log.commitTo(3);
  assert.throws(() => log.append(run(3, 2)), /never replaced/);
  log.append(run(4, 2));
  assert.equal(log.term(4), 2);
});

test('[R22] the commit index grows within the log', () => {
  const { log } = logOf([1, 1], [1]);
  assert.equal(log.commitTo(2), true);
  assert.equal(log.commitTo(1), false);
  assert.equal(log.committed, 2);
  assert.throws(() => log.commitTo(4), /what exists/);
});

test('[R18] the place of a conflict is found by whole terms', () => {
  const { log, source } = logOf([1, 1, 1, 4, 4], [5, 5]);
  const hint = (index: number, term: number): string => {
    const found = log.conflictByTerm(index, term);
    return `${found.term}/${found.index}`;
  };
  assert.equal(hint(7, 5), '5/7');
  assert.equal(hint(7, 4), '4/5');
  assert.equal(hint(7, 3), '1/3');
  assert.equal(hint(4, 2), '1/3');
  assert.equal(hint(2, 0), '0/0');
  assert.equal(hint(9, 3), '0/9', 'nothing is known beyond the end: a guess');
  source.compact(5);
  assert.equal(hint(7, 3), '0/4', 'nor before the beginning');
});

test('[R27] what is not durable is handed out only if the host makes it durable first', () => {
  const { log } = logOf([1, 1], [1, 1]);
  log.commitTo(4);
  assert.deepEqual(indexes(log.nextCommitted(true)), [1, 2, 3, 4]);
  assert.deepEqual(indexes(log.nextCommitted(false)), [1, 2]);
  log.unstable.acceptInProgress();
  log.unstable.stableTo({ index: 3, term: 1 });
  assert.equal(log.hasNextCommitted(false), true);
});

test('[R25] entries that are being applied count against the limit until they are', () => {
  const { log } = logOf([1, 1, 1, 1, 1], [], ENTRY_BYTES * 2);
  log.commitTo(5);
  const first = log.nextCommitted(false);
  assert.deepEqual(indexes(first), [1, 2]);
  log.acceptApplying(first as readonly Entry[], false);
  assert.equal(log.hasNextCommitted(false), false, 'the machine is busy');
  log.appliedTo(1, ENTRY_BYTES);
  assert.deepEqual(indexes(log.nextCommitted(false)), [3]);
  log.appliedTo(2, ENTRY_BYTES);
  assert.deepEqual(indexes(log.nextCommitted(false)), [3, 4]);
});

test('[R25] an entry above the limit is handed out alone', () => {
  const { log } = logOf([1, 1], [], 1);
  log.commitTo(2);
  const first = log.nextCommitted(false);
  assert.deepEqual(indexes(first), [1]);
  log.acceptApplying(first as readonly Entry[], false);
  log.appliedTo(1, ENTRY_BYTES);
  assert.deepEqual(indexes(log.nextCommitted(false)), [2]);
});

test('[R26] entries to apply are fetched once, then handed out', () => {
  const { log, source } = logOf([1, 1, 1], []);
  source.evictBelow(3);
  log.commitTo(3);
  const fetch = log.nextCommitted(false);
  assert.ok('purpose' in fetch && fetch.purpose === 'apply' && fetch.low === 1);
  log.acceptApplyFetch();
  assert.equal(log.hasNextCommitted(false), false);
  source.load(fetch);
  log.applyFetched();
  assert.deepEqual(indexes(log.nextCommitted(false)), [1, 2, 3]);
});

test('[R35] behind a snapshot that is being installed nothing is applied', () => {
  const { log } = logOf([1, 1], [1]);
  const confState = {
    voters: [1],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  log.restore({ index: 9, term: 2, confState, data: new Uint8Array(0) });
  log.append(run(10, 2));
  log.commitTo(10);
  assert.deepEqual([log.firstIndex(), log.lastIndex()], [10, 10]);
  assert.equal(log.hasNextCommitted(true), false);
  log.unstable.stableSnapshotTo(9);
  log.appliedTo(9, 0);
  assert.deepEqual(indexes(log.nextCommitted(true)), [10]);
});
