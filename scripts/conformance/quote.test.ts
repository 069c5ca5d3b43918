import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quoteBytes } from './quote.ts';

const CASES: readonly (readonly [string, readonly number[], string])[] = [
  ['nothing', [], '""'],
  ['plain text', [0x66, 0x6f, 0x6f, 0x20, 0x31], '"foo 1"'],
  ['quotes and backslashes', [0x22, 0x5c], String.raw`"\"\\"`],
  ['control bytes with a name', [7, 8, 9, 10, 11, 12, 13], String.raw`"\a\b\t\n\v\f\r"`],
  ['control bytes without a name', [0, 0x1f, 0x7f], String.raw`"\x00\x1f\x7f"`],
  ['letters beyond ASCII', [0xc3, 0xbc, 0xe2, 0x82, 0xac], '"ü€"'],
  ['a character of four bytes', [0xf0, 0x9f, 0x98, 0x80], '"😀"'],
  ['a blank that is not a space', [0xc2, 0xa0], String.raw`"\u00a0"`],
  ['a private character', [0xee, 0x80, 0x80], String.raw`"\ue000"`],
  ['a private character beyond 16 bits', [0xf3, 0xb0, 0x80, 0x80], String.raw`"\U000f0000"`],
  ['bytes that are no text', [0xff, 0x41, 0x80], String.raw`"\xffA\x80"`],
  ['a sequence cut short', [0xe2, 0x82], String.raw`"\xe2\x82"`],
  ['an overlong form', [0xc0, 0x80], String.raw`"\xc0\x80"`],
  ['half of a surrogate pair', [0xed, 0xa0, 0x80], String.raw`"\xed\xa0\x80"`],
];

for (const [what, bytes, quoted] of CASES) {
  test(`quoting ${what}`, () => assert.equal(quoteBytes(Uint8Array.from(bytes)), quoted));
}
