import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from './limits.ts';

/** `gossip.keyBytesMax` and the like, with their values. */
function entries(): [string, number][] {
  return Object.entries(LIMITS).flatMap(([area, limits]) =>
    Object.entries(limits).map(([name, value]): [string, number] => [`${area}.${name}`, value]),
  );
}

test('every limit is a positive whole number whose name ends in its unit', () => {
  for (const [name, value] of entries()) {
    assert.ok(Number.isSafeInteger(value) && value > 0, name);
    assert.match(name, /(Bytes|Max|Ms)$/, name);
  }
});

test('what the protocol fixes is as the protocol fixes it', () => {
  assert.equal(LIMITS.gossip.datagramBytesMax, 65_535 - 20 - 8);
  assert.equal(LIMITS.gossip.blockBytes, 16_384);
  assert.equal(LIMITS.gossip.blockUnpackedBytesMax, 65_535);
});
