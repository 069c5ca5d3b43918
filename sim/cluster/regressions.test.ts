// Seeds that found something in the product once, and find it again if it is put back: mutants of
// whole members do that. What they found is pinned by a test beside the code as well, where that
// could be done.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeed } from './run.ts';

interface Finding {
  readonly seed: number;
  readonly title: string;
}

const FINDINGS: readonly Finding[] = [
  { seed: 2, title: 'a timer that is a rounding short of its beat does not stop the world' },
  { seed: 67, title: 'after a failed sync and a restart, what the log tells is on the disk' },
  { seed: 125, title: 'a member whose last sync fails while it stops has stopped all the same' },
  { seed: 64, title: 'a store opened after a kill has its name synced' },
  { seed: 114, title: 'segments that a killed process named stay when the power fails' },
  { seed: 56, title: 'an append is answered once though the next segment fails' },
  { seed: 1, title: 'a segment that could not be removed leaves no gap' },
  { seed: 5, title: 'a log whose file does not close lets go of everything' },
  { seed: 189, title: 'a commit index is never durable before the entries that it came with' },
  { seed: 111, title: 'an old tail is not applied after a crash between two batches of a turn' },
  { seed: 33, title: 'news of the living do not wait behind what a forgotten member had' },
];

for (const { seed, title } of FINDINGS) {
  test(`seed ${seed}: ${title}`, async () => {
    assert.equal((await runSeed(seed)).failure, undefined);
  });
}
