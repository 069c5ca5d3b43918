import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { neverHappened } from '../counts.ts';
import { addReport, newSummary } from '../range.ts';
import { noCounts } from './counters.ts';
import { runSeed } from './run.ts';
import { traceSeed } from './trace-seed.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const SEEDS = 300;

test('three hundred groups stay safe and recover, and every class of fault happens', () => {
  const summary = newSummary(noCounts());
  for (let seed = 1; seed <= SEEDS; seed++) addReport(summary, runSeed(seed));
  const failures = summary.failures.map(({ seed, failure }) => `seed ${seed}: ${failure}`);
  assert.deepEqual(failures, []);
  assert.deepEqual(neverHappened(summary.counters), []);
});

/** Seeds that found something in the core once, and find it again if it is put back. */
const FINDINGS = [
  { seed: 295, title: 'a transfer that fails does not keep an idle group in its joint config' },
  { seed: 1310, title: 'priority does not refuse a log whose last term is newer' },
];

for (const { seed, title } of FINDINGS) {
  test(`seed ${seed}: ${title}`, () => {
    assert.equal(runSeed(seed).failure, undefined);
  });
}

test('a seed gives the same trace again, and in another process', () => {
  for (const seed of [7, 8, 11]) {
    const { events, hash } = traceSeed(seed);
    assert.equal(traceSeed(seed).hash, hash);
    const args = [MAIN, 'raft', '--seed', String(seed), '--hash'];
    const printed = execFileSync(process.execPath, args, { encoding: 'utf8' });
    assert.equal(printed.trim(), `${hash} after ${events} events`);
  }
  assert.notEqual(traceSeed(7).hash, traceSeed(8).hash);
});
