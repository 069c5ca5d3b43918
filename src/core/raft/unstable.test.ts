import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry, Snapshot } from './types.ts';
import { Unstable } from './unstable.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;

/** Entries from `first` on, one per term given. */
function run(first: number, ...terms: readonly number[]): Entry[] {
  const payload = new Uint8Array(0);
  return terms.map((term, i) => ({ term, index: first + i, kind: 'normal', payload }));
}

function describe(unstable: Unstable): string {
  const { length, offset } = unstable;
  const entries = unstable.slice(offset, offset + length, UNLIMITED);
  const next = unstable.nextEntries()[0]?.index ?? 'none';
  return `${offset}: ${entries.map(({ term }) => term).join(' ')} next=${next}`;
}

function holding(first: number, ...terms: readonly number[]): Unstable {
  const unstable = new Unstable(first);
  unstable.truncateAndAppend(run(first, ...terms));
  return unstable;
}

function snapshotAt(index: number, term: number): Snapshot {
  const confState = {
    voters: [1],
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
  return { index, term, confState, data: new Uint8Array(0) };
}

test('[R20] entries are appended behind, in the middle and before what is here', () => {
  const cases = [
    // what is here, being written?, what comes, what is here then
    [[5, 1], false, [6, 1, 1], '5: 1 1 1 next=5'],
    [[5, 1], true, [6, 1, 1], '5: 1 1 1 next=6'],
    [[5, 1], false, [5, 2, 2], '5: 2 2 next=5'],
    [[5, 1], true, [5, 2, 2], '5: 2 2 next=5'],
    [[5, 1], false, [4, 2, 2, 2], '4: 2 2 2 next=4'],
    [[5, 1, 1, 1], false, [6, 2, 2], '5: 1 2 2 next=5'],
    [[5, 1, 1, 1], true, [6, 2, 2], '5: 1 2 2 next=6'],
    [[5, 1, 1, 1], true, [7, 2, 2], '5: 1 1 2 2 next=7'],
  ] as const;
  for (const [[first, ...terms], written, [from, ...more], expected] of cases) {
    const unstable = holding(first, ...terms);
    if (written) unstable.acceptInProgress();
    unstable.truncateAndAppend(run(from, ...more));
    assert.equal(describe(unstable), expected);
  }
});

test('[R20] a hole is a bug', () => {
  assert.throws(() => holding(5, 1).truncateAndAppend(run(7, 1)), /no holes/);
});

test('[R28] only an answer that names an entry that stands makes it durable', () => {
  const cases = [
    // what is here, answered index and term, done, what is here then
    [[5, 1], 5, 1, true, '6:  next=none'],
    [[5, 1, 1], 5, 1, true, '6: 1 next=none'],
    [[5, 2], 5, 1, false, '5: 2 next=none'],
    [[5, 1], 4, 1, false, '5: 1 next=none'],
    [[5, 1], 6, 1, false, '5: 1 next=none'],
    [[5, 1, 2, 2], 6, 2, true, '7: 2 next=none'],
  ] as const;
  for (const [[first, ...terms], index, term, done, expected] of cases) {
    const unstable = holding(first, ...terms);
    unstable.acceptInProgress();
    assert.equal(unstable.stableTo({ index, term }), done);
    assert.equal(describe(unstable), expected);
  }
});

test('[R28] the answer to an overtaken write is not taken for the one that replaced it', () => {
  const unstable = holding(5, 1);
  unstable.acceptInProgress();
  unstable.truncateAndAppend(run(5, 2));
  unstable.acceptInProgress();
  assert.equal(unstable.stableTo({ index: 5, term: 1 }), false);
  assert.equal(unstable.stableTo({ index: 5, term: 2 }), true);
});

test('[R35] a snapshot replaces the entries, is handed out once and leaves when durable', () => {
  const unstable = holding(5, 1, 1);
  unstable.restore(snapshotAt(9, 2));
  assert.equal(unstable.lastIndex(), 9);
  assert.equal(unstable.term(9), 2);
  assert.equal(unstable.term(5), undefined);
  assert.equal(unstable.nextSnapshot()?.index, 9);
  unstable.acceptInProgress();
  assert.equal(unstable.nextSnapshot(), undefined);
  unstable.truncateAndAppend(run(10, 2));
  assert.equal(unstable.stableTo({ index: 9, term: 2 }), false, 'that is the snapshot');
  unstable.stableSnapshotTo(8);
  assert.equal(unstable.snapshot?.index, 9);
  unstable.stableSnapshotTo(9);
  assert.equal(unstable.snapshot, undefined);
  assert.equal(describe(unstable), '10: 2 next=10');
});

test('slices are cut to a size, the first entry always included', () => {
  const unstable = holding(5, 1, 1, 1);
  const lengths = [1, 16, 32, 47, 48].map((bytes) => unstable.slice(5, 8, bytes).length);
  assert.deepEqual(lengths, [1, 1, 2, 2, 3]);
});

test('a slice stays as it is when the log moves on', () => {
  const unstable = holding(5, 1, 1, 1);
  const slice = unstable.slice(5, 8, UNLIMITED);
  unstable.truncateAndAppend(run(6, 2));
  assert.deepEqual(
    slice.map(({ term }) => term),
    [1, 1, 1],
  );
});

test('[R21] the tail behaves as a list of entries, however long it gets', () => {
  const move = fc.record({
    kind: fc.constantFrom('append', 'truncate', 'write', 'durable'),
    count: fc.integer({ min: 1, max: 900 }),
  });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
      const unstable = new Unstable(1);
      let model: Entry[] = [];
      let offset = 1;
      for (const [round, { kind, count }] of moves.entries()) {
        const term = round + 1;
        if (kind === 'append' || kind === 'truncate') {
          const keep = kind === 'append' ? model.length : Math.max(0, model.length - count);
          const entries = run(offset + keep, ...new Array<number>(count).fill(term));
          model = [...model.slice(0, keep), ...entries];
          unstable.truncateAndAppend(entries);
        } else if (kind === 'write') unstable.acceptInProgress();
        else {
          const durable = model[Math.min(count, model.length) - 1];
          if (durable === undefined) continue;
          unstable.stableTo(durable);
          model = model.filter(({ index }) => index > durable.index);
          offset = durable.index + 1;
        }
        assert.equal(unstable.offset, offset);
        assert.deepEqual(unstable.slice(offset, offset + model.length, UNLIMITED), model);
        assert.equal(unstable.term(offset), model[0]?.term);
        assert.equal(unstable.lastIndex(), model.at(-1)?.index);
      }
    }),
    { numRuns: 60 },
  );
});
