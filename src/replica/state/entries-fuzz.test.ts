import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzEntries } from './entries.fuzz.ts';

test('hostile entries have one effect, however they are batched or copied', async () => {
  const { done, malformed, states } = await fuzzEntries({ runs: 6_000, seed: 2 });
  assert.ok(done > 1_000 && malformed > 100 && states > 500, `${done} ${malformed} ${states}`);
});
