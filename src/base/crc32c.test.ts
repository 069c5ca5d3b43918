import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeText } from './bytes.ts';
import { crc32c } from './crc32c.ts';

/** One bit at a time, straight from the definition. */
function crc32cBitByBit(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const out = (sum ^ (byte >>> bit)) & 1;
      sum = (sum >>> 1) ^ (out === 1 ? 0x82f63b78 : 0);
    }
  }
  return ~sum >>> 0;
}

test('the check value of the standard', () => {
  assert.equal(crc32c(encodeText('123456789')), 0xe3069283);
});

test('the vectors of RFC 3720, which are 32 bytes each', () => {
  const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascending), 0x46dd794e);
  assert.equal(crc32c(ascending.toReversed()), 0x113fdb5c);
});

test('eight bytes at a time gives what one bit at a time gives', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(crc32c(bytes), crc32cBitByBit(bytes));
    }),
    { numRuns: 2_000 },
  );
});

test('many bytes, wherever they begin and end, give what one bit at a time gives', () => {
  const many = fc.uint8Array({ minLength: 480, maxLength: 1_200 });
  fc.assert(
    fc.property(many, fc.nat(40), fc.nat(40), fc.nat(9), (bytes, start, less, offset) => {
      const shifted = new Uint8Array(bytes.length + offset).subarray(offset);
      shifted.set(bytes);
      const end = bytes.length - less;
      assert.equal(crc32c(shifted, 0, start, end), crc32cBitByBit(bytes.subarray(start, end)));
    }),
    { numRuns: 1_000 },
  );
});

test('the sum of pieces is the sum of the whole, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.nat(64), (bytes, cut) => {
      const front = crc32c(bytes.subarray(0, cut));
      assert.equal(crc32c(bytes.subarray(cut), front), crc32c(bytes));
    }),
  );
});

test('every change of one bit changes the sum', () => {
  const bytes = Uint8Array.from({ length: 40 }, (_, i) => i * 7);
  const sum = crc32c(bytes);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >>> 3] = (changed[bit >>> 3] as number) ^ (1 << (bit & 7));
    assert.notEqual(crc32c(changed), sum, `bit ${bit}`);
  }
});

test('no bytes have the sum zero, and leave a sum as it is', () => {
  assert.equal(crc32c(new Uint8Array(0)), 0);
  assert.equal(crc32c(new Uint8Array(0), 0xdeadbeef), 0xdeadbeef);
});

test('a part of the bytes sums up as a copy of it does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), fc.nat(60), (bytes, a, b) => {
      const [start, end] = [Math.min(a, b, bytes.length), Math.min(Math.max(a, b), bytes.length)];
      assert.equal(crc32c(bytes, 7, start, end), crc32c(bytes.slice(start, end), 7));
    }),
  );
});
