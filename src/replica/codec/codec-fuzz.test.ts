import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzCodec } from './raft-codec.fuzz.ts';

test('[B4][B5] thousands of hostile frames are refused, or are plausible messages', () => {
  const { taken, refused } = fuzzCodec({ runs: 5_000, seed: 3 });
  assert(taken > 300 && refused > 1_000, `${taken} taken, ${refused} refused`);
});
