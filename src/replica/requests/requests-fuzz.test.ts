import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzRequests } from './requests.fuzz.ts';

test('[Q8] thousands of hostile requests and answers are refused, or come back the same', () => {
  const { taken, refused } = fuzzRequests({ runs: 5_000, seed: 4 });
  assert(taken > 500 && refused > 1_000, `${taken} taken, ${refused} refused`);
});
