// Seeds that found something in the product once, and find it again if it is put back. What they
// found is pinned by a test beside the code as well, where that could be done.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeed } from './run.ts';

const FINDINGS = [
  { seed: 2, title: 'a timer that is a rounding short of its beat does not stop the world' },
  { seed: 67, title: 'after a failed sync and a restart, what the log tells is on the disk' },
];

for (const { seed, title } of FINDINGS) {
  test(`seed ${seed}: ${title}`, async () => {
    assert.equal((await runSeed(seed)).failure, undefined);
  });
}
