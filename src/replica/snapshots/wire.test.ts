// What a peer may name, and how long: a receiver reads its own store with it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteWriter } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import { NO_PROGRESS, SNAPSHOT_NAME_BYTES } from '../state/index.ts';
import { DIGEST_BYTES, decodeChunk, encodePairs, encodeSame, pairBytes } from './chunks.ts';
import { decodeComparison, decodeVerdict, encodeVerdict } from './wire.ts';

const KEY_BYTES_MAX = LIMITS.state.keyBytesMax + 1;
const DIGEST = new Uint8Array(DIGEST_BYTES);

function keyOf(length: number): Uint8Array {
  return new Uint8Array(length).fill(1);
}

/** As `encodeComparison` would write it, if it wrote what nobody reads. */
function askedWith(after: Uint8Array, ...lastKeys: Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(1024 * 1024);
  writer.u32le(1);
  writer.append(new Uint8Array(SNAPSHOT_NAME_BYTES));
  writer.u16le(after.length);
  writer.append(after);
  for (const lastKey of lastKeys) {
    writer.u32le(100);
    writer.append(DIGEST);
    writer.u16le(lastKey.length);
    writer.append(lastKey);
  }
  return writer.copy();
}

/** Each way in which a peer names a key. */
const NAMED: readonly (readonly [what: string, isRead: (key: Uint8Array) => boolean])[] = [
  ['a pair', (key) => isPairRead(key)],
  ['the end of a part that is here', (key) => isChunk(encodeSame(100, DIGEST, key))],
  ['the place behind which it asks', (key) => isComparison(askedWith(key, keyOf(4)))],
  ['the end of a part it asks about', (key) => isComparison(askedWith(keyOf(4), keyOf(4), key))],
  ['where a receiver stands', (key) => isVerdict(key)],
];

function isPairRead(key: Uint8Array): boolean {
  const pair = { key, value: new Uint8Array(1) };
  return isChunk(encodePairs([pair], pairBytes(pair)));
}

function isChunk(bytes: Uint8Array): boolean {
  return decodeChunk(bytes) !== undefined;
}

function isComparison(bytes: Uint8Array): boolean {
  return decodeComparison(bytes) !== undefined;
}

function isVerdict(lastKey: Uint8Array): boolean {
  const wanted = encodeVerdict({ kind: 'wanted', progress: NO_PROGRESS, compares: true });
  return decodeVerdict(Buffer.concat([wanted, lastKey])) !== undefined;
}

for (const [what, isRead] of NAMED) {
  test(`[N14] ${what}: no key is longer than any key`, () => {
    assert.equal(isRead(keyOf(KEY_BYTES_MAX)), true);
    for (const moreBytes of [1, 1_000, 60_000]) {
      assert.equal(isRead(keyOf(KEY_BYTES_MAX + moreBytes)), false, `${moreBytes} more`);
    }
  });
}

test('[N14] nobody asks about more chunks at once than a sender reads ahead', () => {
  const { comparedChunksMax } = LIMITS.snapshots;
  const lastKeys = Array.from({ length: comparedChunksMax + 1 }, () => keyOf(4));
  assert.equal(isComparison(askedWith(keyOf(4), ...lastKeys.slice(1))), true);
  assert.equal(isComparison(askedWith(keyOf(4), ...lastKeys)), false);
});

test('[N14] what is said to be here already is no longer than a chunk', () => {
  const { chunkBytesMax } = LIMITS.peer;
  assert.equal(isChunk(encodeSame(chunkBytesMax, DIGEST, keyOf(4))), true);
  assert.equal(isChunk(encodeSame(chunkBytesMax + 1, DIGEST, keyOf(4))), false);
});
