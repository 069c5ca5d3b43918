import assert from 'node:assert/strict';
import { test } from 'node:test';
import { extend, missing, type Run } from './runs.ts';

function runs(...triples: readonly (readonly [number, number, number])[]): Run[] {
  return triples.map(([from, to, cycle]) => ({ from, to, cycle }));
}

test('a log that grows makes one run of each cycle', () => {
  const log: Run[] = [];
  for (const [to, cycle] of [
    [3, 1],
    [3, 1],
    [7, 1],
    [9, 2],
  ] as const) {
    extend(log, to, cycle);
  }
  assert.deepEqual(log, runs([1, 7, 1], [8, 9, 2]));
});

test('what another cycle wrote in its place is missing', () => {
  assert.equal(missing(runs([1, 10, 1]), runs([1, 6, 1], [7, 20, 2]), 0), 4);
});

test('an end that is cut off is missing, and so is a hole', () => {
  assert.equal(missing(runs([1, 10, 1]), runs([1, 3, 1], [5, 8, 1]), 0), 3);
  assert.equal(missing(runs([1, 10, 1]), [], 0), 10);
});

test('what was purged, or written and never acknowledged, is not missed', () => {
  assert.equal(missing(runs([1, 10, 1]), runs([6, 12, 1]), 5), 0);
  assert.equal(missing(runs([1, 10, 1]), runs([7, 12, 1]), 5), 1);
  assert.equal(missing(runs([1, 4, 1], [5, 9, 2]), runs([8, 9, 2]), 7), 0);
});
