import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fuzzPeerFrames } from './peer-frames.fuzz.ts';

test('[T8, T12, T17] two thousand hostile chunks do nothing that they must not', async () => {
  const { taken, cut } = await fuzzPeerFrames({ runs: 2_000, seed: 20 });
  assert.ok(taken > 200 && cut > 100, `${taken} taken, ${cut} cut`);
});
