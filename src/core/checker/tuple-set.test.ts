import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../base/prng.ts';
import { TupleSet } from './tuple-set.ts';

/** By width: small enough that tuples meet again. */
const RANGES: Readonly<Record<number, number>> = { 1: 4_000, 2: 60, 3: 16, 7: 3 };

test('[C6] a tuple set agrees with a set of texts and numbers rows by arrival', () => {
  const random = Prng.from(1, 'tuples');
  for (const width of Object.keys(RANGES).map(Number)) {
    const tuples = new TupleSet(width);
    const rows = new Map<string, number>();
    for (let round = 0; round < 5_000; round++) {
      const tuple = Int32Array.from(
        { length: width },
        () => random.below(RANGES[width] as number) - 4,
      );
      const name = tuple.join(' ');
      const known = rows.get(name);
      const row = tuples.add(tuple);
      assert.equal(row, known === undefined ? rows.size : -1 - known);
      rows.set(name, known ?? row);
    }
    assert.equal(tuples.size, rows.size);
    assert(rows.size > 64, 'it grew');
    assert(rows.size < 5_000, 'it met tuples again');
  }
});
