// Whole members under all that can go wrong: a few seeds of the many that `npm run sim` runs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { addReport, newSummary } from '../range.ts';
import { noCounts } from './counters.ts';
import { FAULT_CLASSES } from './fault-classes.ts';
import { runSeed } from './run.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SEEDS = 8;

test('a few clusters stay safe, recover and serve, whatever their seeds bring', async () => {
  const summary = newSummary(noCounts());
  for (let seed = 1; seed <= SEEDS; seed++) addReport(summary, await runSeed(seed));
  const failures = summary.failures.map(({ seed, failure }) => `seed ${seed}: ${failure}`);
  assert.deepEqual(failures, []);
  // Else the run would prove nothing.
  const { counters, operations } = summary;
  assert.ok(operations > 1_000, `${operations} operations`);
  for (const name of ['processCrashed', 'powerLost', 'snapshotsReceived', 'swaps'] as const) {
    assert.ok(counters[name] > 0, name);
  }
});

test('without faults nothing gets lost, and shards that nobody uses fall quiet', async () => {
  const { counters, failure } = await runSeed(9, {
    overrides: { without: FAULT_CLASSES, safetyMs: 5_000 },
  });
  assert.equal(failure, undefined);
  assert.equal(counters.writesUnknown, 0);
  assert.ok(counters.writesApplied > 100 && counters.shardsQuiet > 0);
});

test('a seed gives the same trace again, and in another process', async () => {
  const overrides = { safetyMs: 3_000 };
  const { events, hash } = await runSeed(7, { overrides });
  assert.equal((await runSeed(7, { overrides })).hash, hash);
  const args = [MAIN, '--seed', '7', '--seconds', '3', '--hash'];
  const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(printed.trim(), `${hash} after ${events} events`);
  assert.notEqual((await runSeed(8, { overrides })).hash, hash);
});
