import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enumerateCrashes, enumerateSecondLives } from './wal-crash.fuzz.ts';
import { fuzzDamage } from './wal-damage.fuzz.ts';

test('[W4, W5, W7, W10, W21] wherever the power fails, the log is as promised', async () => {
  const result = await enumerateCrashes({ runs: 5_000, seed: 1 });
  assert.ok(result.torn > 100, 'some crashes leave a torn end');
  assert.ok(result.removed > 10, 'segments come and go meanwhile');
  assert.ok(result.ahead > 100, 'changes straddle batches');
  for (const [fate, count] of Object.entries(result.fates)) assert.ok(count > 100, fate);
});

test('[W4, W7] killed first, dark later: what the second process promised is there', async () => {
  const { points } = await enumerateSecondLives({ kills: 400, seed: 1 });
  assert.ok(points > 2_000, `${points} power failures`);
});

test('[W4, W6, W9] a damaged log is refused, or hands out only what was written', async () => {
  const { refused, opened, holes } = await fuzzDamage({ runs: 1_000, seed: 2 });
  assert.ok(refused > 200 && opened > 200 && holes > 5, `${refused}, ${opened}, ${holes}`);
});
