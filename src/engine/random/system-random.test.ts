import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realBench } from '../../../test/contracts/benches.ts';
import { randomContract } from '../../../test/contracts/random.ts';
import { randomFromSystem } from './system-random.ts';

randomContract('system random', async () => realBench(randomFromSystem()));

test('two generators differ', () => {
  const [a, b] = [randomFromSystem(), randomFromSystem()];
  assert.notDeepEqual([a.u32(), a.u32(), a.u32()], [b.u32(), b.u32(), b.u32()]);
});
