import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runChaos } from './chaos.ts';

const DURATION_MS = 6_000;

test('a seed gives the same trace again, and in another process', async () => {
  const first = await runChaos(7, DURATION_MS);
  const second = await runChaos(7, DURATION_MS);
  assert.deepEqual(first, second);
  const script = fileURLToPath(new URL('./chaos.ts', import.meta.url));
  const printed = execFileSync(process.execPath, [script, '7'], { encoding: 'utf8' });
  assert.equal(printed.split('\n')[0], `${first.hash} after ${first.events} events`);
});

test('worlds that run at the same time do not touch each other', async () => {
  const alone = await runChaos(3, 2_000);
  const [a, b] = await Promise.all([runChaos(3, 2_000), runChaos(4, 2_000)]);
  assert.equal(a.hash, alone.hash);
  assert.notEqual(b.hash, alone.hash);
});

test('in a few seeds every class of fault happens', async () => {
  const never = new Set<string>();
  const totals = new Map<string, number>();
  for (let seed = 1; seed <= 4; seed++) {
    const { faults } = await runChaos(seed, DURATION_MS);
    for (const [name, count] of Object.entries(faults)) {
      totals.set(name, (totals.get(name) ?? 0) + count);
    }
  }
  for (const [name, count] of totals) if (count === 0) never.add(name);
  assert.deepEqual([...never], []);
});
