import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crashInstallations } from './install-crash.fuzz.ts';
import { fuzzSnapshotWire } from './snapshot-wire.fuzz.ts';

test('[N8] wherever the power fails, an installation leaves the old or the new state', async () => {
  const { fates, outcomes } = await crashInstallations({ runs: 1_000, seed: 1 });
  assert.ok((outcomes['finished'] ?? 0) > 50, 'some starts finish what was begun');
  assert.ok((outcomes['current'] ?? 0) > 300, 'most find all of it done, or none');
  assert.equal(outcomes['missing'], undefined, 'none is left without a state');
  for (const [fate, count] of Object.entries(fates)) assert.ok(count > 50, fate);
});

test('[N2, N3] strange bytes of a peer are refused, and nothing comes of them', async () => {
  const { readable, streams } = await fuzzSnapshotWire({ runs: 3_000, seed: 2 });
  assert.ok(readable > 100 && readable < 2_900, `${readable} are readable`);
  assert.equal(streams, 60);
});
