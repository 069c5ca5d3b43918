import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SocketAddress } from '../base/ids.ts';
import { Prng } from '../base/prng.ts';
import { defaultNodeId, generationAt } from './identity.ts';

test('a generated name holds the address and two words that differ from start to start', () => {
  const random = Prng.from(1);
  const address = '127.0.0.1:10001' as SocketAddress;
  const names = Array.from({ length: 50 }, () => defaultNodeId(address, random));
  for (const name of names) assert.match(name, /^server:127\.0\.0\.1:10001-[a-z]+-[a-z]+$/);
  assert.ok(new Set(names).size > 40, 'fifty starts get mostly different names');
});

test('a restart within the same second has the higher generation', () => {
  assert.ok(generationAt(1_795_000_000_001.2) > generationAt(1_795_000_000_000.9));
});

test('generations read exactly from JSON until long after anyone cares', () => {
  const inYear9999 = generationAt(Date.UTC(9999, 0, 1));
  assert.ok(inYear9999 < BigInt(Number.MAX_SAFE_INTEGER));
  assert.equal(generationAt(-5), 1n, 'a clock before 1970 still makes a generation');
});
