import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzGossip } from './gossip.fuzz.ts';

test('[G1][G12][G19] a thousand hostile datagrams change nothing that must not change', () => {
  const { handled, refused } = fuzzGossip({ runs: 1_000, seed: 20 });
  assert(handled > 200 && refused > 200, `${handled} taken, ${refused} refused`);
});
