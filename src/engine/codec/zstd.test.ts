import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { Prng } from '../../base/prng.ts';
import { zstdBlocks } from './zstd.ts';

function text(length: number): Uint8Array {
  return Buffer.from('gossip says who is there. '.repeat(length / 26 + 1)).subarray(0, length);
}

function noise(length: number): Uint8Array {
  const random = Prng.from(length);
  return Uint8Array.from({ length }, () => random.below(256));
}

/** What a frame holds; nothing when it is refused. */
function unpacked(frame: Uint8Array, sizeExact: number): Uint8Array {
  return zstdBlocks.decompress(frame, sizeExact) ?? new Uint8Array(0);
}

test('blocks of text come back as they were, and shorter in between', () => {
  for (const length of [200, 4_096, 16_384, 65_535]) {
    const frame = zstdBlocks.compress(text(length));
    assert.ok(frame !== undefined && frame.length < length);
    assert.ok(Buffer.from(text(length)).equals(unpacked(frame, length)));
  }
});

test('a frame names its magic and its content size, as peers require', () => {
  const frame = zstdBlocks.compress(text(900));
  // Single segment, two bytes of content size, which is stored less 256.
  assert.equal(
    Buffer.from(frame ?? [])
      .subarray(0, 7)
      .toString('hex'),
    '28b52ffd608402',
  );
});

test('what does not get shorter is not compressed', () => {
  assert.equal(zstdBlocks.compress(noise(1_000)), undefined);
  assert.equal(zstdBlocks.compress(new Uint8Array(0)), undefined);
});

test('a frame that holds more or less than stated, or is damaged, is no block', () => {
  const frame = zstdBlocks.compress(text(5_000)) ?? new Uint8Array(0);
  assert.equal(unpacked(frame, 5_000).length, 5_000);
  assert.equal(unpacked(frame, 4_999).length, 0);
  assert.equal(unpacked(frame, 5_001).length, 0);
  assert.equal(unpacked(frame.subarray(0, frame.length - 1), 5_000).length, 0);
  assert.equal(zstdBlocks.decompress(new Uint8Array(0), 0), undefined);
  for (let i = 0; i < frame.length; i++) {
    const damaged = Uint8Array.from(frame);
    damaged[i] = (damaged[i] as number) ^ 0x10;
    const { length } = unpacked(damaged, 5_000);
    assert.ok(length === 0 || length === 5_000);
  }
});

test('one frame is one block: neither a second frame nor junk may follow', () => {
  const frame = zstdBlocks.compress(new Uint8Array(65_535)) ?? new Uint8Array(0);
  assert.equal(unpacked(frame, 65_535).length, 65_535);
  assert.equal(unpacked(Buffer.concat([frame, frame]), 65_535).length, 0);
  assert.equal(unpacked(Buffer.concat([frame, Buffer.of(0)]), 65_535).length, 0);
});

test('a few bytes that unpack to a lot stop at what was stated', () => {
  const bomb = zstdCompressSync(new Uint8Array(64 * 1024 * 1024));
  assert.ok(bomb.length < 10_000);
  assert.equal(unpacked(bomb, 65_535).length, 0);
});
