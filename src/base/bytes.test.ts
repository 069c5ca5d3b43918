import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { AssertionError } from './assert.ts';
import {
  ByteReader,
  ByteSlab,
  ByteWriter,
  compareBytes,
  compareText,
  copyTogether,
  decodeText,
  encodeText,
  equalBytes,
  ownBytes,
  readU64le,
  SAFE_MAX,
  textByteLength,
  writeU64le,
} from './bytes.ts';

/** A field of a format: how it is written, read, and made up. */
type Field =
  | { kind: 'u8' | 'u16le' | 'u32le' | 'u64le'; value: number }
  | { kind: 'big64le'; value: bigint }
  | { kind: 'bytes'; value: Uint8Array }
  | { kind: 'text16le'; value: string };

const wellFormed = fc.string({ unit: 'binary', maxLength: 40 });
const field: fc.Arbitrary<Field> = fc.oneof<fc.Arbitrary<Field>[]>(
  fc.record({ kind: fc.constant('u8'), value: fc.nat(0xff) }),
  fc.record({ kind: fc.constant('u16le'), value: fc.nat(0xffff) }),
  fc.record({ kind: fc.constant('u32le'), value: fc.nat(0xffffffff) }),
  fc.record({ kind: fc.constant('u64le'), value: fc.maxSafeNat() }),
  fc.record({ kind: fc.constant('big64le'), value: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }) }),
  fc.record({ kind: fc.constant('bytes'), value: fc.uint8Array({ maxLength: 40 }) }),
  fc.record({ kind: fc.constant('text16le'), value: wellFormed }),
);

function write(writer: ByteWriter, { kind, value }: Field): void {
  if (kind === 'big64le') writer.big64le(value);
  else if (kind === 'bytes') writer.append(value);
  else if (kind === 'text16le') writer.text16le(value);
  else writer[kind](value);
}

function read(reader: ByteReader, { kind, value }: Field): unknown {
  if (kind === 'bytes') return reader.take(value.length).slice();
  if (kind === 'text16le') return reader.text(reader.u16le());
  return reader[kind]();
}

function written(fields: readonly Field[]): Uint8Array {
  const writer = new ByteWriter(1 << 20, 1);
  for (const each of fields) write(writer, each);
  return writer.copy();
}

test('what is written is what is read, to the last byte', () => {
  fc.assert(
    fc.property(fc.array(field), (fields) => {
      const reader = new ByteReader(written(fields));
      for (const each of fields) assert.deepEqual(read(reader, each), each.value);
      assert.equal(reader.failed, false);
      assert.equal(reader.remaining, 0);
    }),
  );
});

test('a cut input fails at the field that is cut and yields nothing from then on', () => {
  fc.assert(
    fc.property(fc.array(field, { minLength: 1 }), fc.nat(), (fields, drop) => {
      const whole = written(fields);
      if (whole.length === 0) return;
      const reader = new ByteReader(whole.subarray(0, drop % whole.length));
      let good = 0;
      for (const each of fields) {
        const value = read(reader, each);
        if (reader.failed) assert.equal(Number((value as { length?: number }).length ?? value), 0);
        else {
          assert.deepEqual(value, each.value);
          good += 1;
        }
      }
      assert.ok(good < fields.length || whole.length === 0, 'a cut must be noticed');
      assert.equal(reader.remaining, 0);
    }),
  );
});

test('hostile bytes never throw and never lead outside the given range', () => {
  const program = fc.array(fc.tuple(field, fc.nat(50)), { maxLength: 30 });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(60), program, (bytes, from, steps) => {
      const start = Math.min(from, bytes.length);
      const end = start + Math.floor((bytes.length - start) / 2);
      const reader = new ByteReader(bytes, start, end);
      for (const [each, count] of steps) {
        if (each.kind === 'bytes') assert.ok(reader.take(count).length <= end - start);
        else read(reader, each);
        assert.ok(reader.offset >= start && reader.offset <= end);
      }
    }),
    { numRuns: 2_000 },
  );
});

test('a reader that failed stays failed, also by the word of its caller', () => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3));
  assert.equal(reader.u8(), 1);
  reader.fail();
  assert.deepEqual([reader.u8(), reader.u16le(), reader.big64le(), reader.text(1)], [0, 0, 0n, '']);
  assert.equal(reader.failed, true);
});

test('counters of 2^53 and more saturate instead of losing digits', () => {
  const read64 = (value: bigint): number => {
    const writer = new ByteWriter(8);
    writer.big64le(value);
    return new ByteReader(writer.view()).u64le();
  };
  assert.equal(read64(2n ** 53n - 1n), SAFE_MAX);
  assert.equal(read64(2n ** 53n - 2n), SAFE_MAX - 1);
  assert.equal(read64(2n ** 53n), SAFE_MAX);
  assert.equal(read64(2n ** 64n - 1n), SAFE_MAX);
});

test('take answers a view, not a copy', () => {
  const bytes = Uint8Array.of(1, 2, 3);
  const view = new ByteReader(bytes).take(2);
  bytes[0] = 9;
  assert.deepEqual([...view], [9, 2]);
});

test('text is strict UTF-8, the same as the platform decodes, short or long', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const expected = (bytes: Uint8Array): string | undefined => {
    try {
      return strict.decode(bytes);
    } catch {
      return undefined;
    }
  };
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    wellFormed.map((text) => new TextEncoder().encode(text)),
  );
  fc.assert(
    fc.property(bytes, (input) => {
      assert.equal(decodeText(input, 0, input.length), expected(input));
      const reader = new ByteReader(input);
      assert.equal(reader.text(input.length), expected(input) ?? '');
      assert.equal(reader.failed, expected(input) === undefined);
    }),
    { numRuns: 2_000 },
  );
});

test('overlong forms, surrogates and what is beyond the last code point are refused', () => {
  for (const hostile of [
    [0xc0, 0x80],
    [0xe0, 0x80, 0x80],
    [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80],
    [0xe2, 0x82],
    [0x80],
  ]) {
    assert.equal(decodeText(Uint8Array.from(hostile), 0, hostile.length), undefined);
  }
  assert.equal(decodeText(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), 0, 4), '\ufeffa');
});

test('the length of a text is counted as it would be encoded', () => {
  fc.assert(
    fc.property(wellFormed, (text) => {
      assert.equal(textByteLength(text), encodeText(text).length);
    }),
  );
  assert.throws(() => encodeText('\ud800'), AssertionError);
});

test('a writer keeps its limit and refuses numbers that do not fit their field', () => {
  const writer = new ByteWriter(4, 1);
  writer.u32le(7);
  assert.throws(() => writer.u8(1), AssertionError);
  const roomy = new ByteWriter(64);
  for (const wrong of [
    () => roomy.u16le(-1),
    () => roomy.u16le(65_536),
    () => roomy.u64le(-1),
    () => roomy.u64le(2 ** 53),
    () => roomy.big64le(-1n),
    () => roomy.big64le(1n << 64n),
    () => roomy.text16le('x'.repeat(65_536)),
  ]) {
    assert.throws(wrong, AssertionError);
  }
});

test('a writer can go back, start over, drop its front and write over a length', () => {
  const writer = new ByteWriter(64, 1);
  writer.u16le(0);
  writer.append(Uint8Array.of(1, 2, 3));
  const mark = writer.length;
  writer.u32le(99);
  writer.rewind(mark);
  writer.patchU16le(0, 3);
  assert.deepEqual([...writer.copy()], [3, 0, 1, 2, 3]);
  writer.discardFront(2);
  assert.deepEqual([...writer.view(1)], [2, 3]);
  assert.throws(() => writer.rewind(4), AssertionError);
  assert.throws(() => writer.patchU16le(2, 0), AssertionError);
  writer.reset();
  assert.equal(writer.length, 0);
});

test('a copy is its own, a view is overwritten by what comes next', () => {
  const writer = new ByteWriter(16);
  writer.u8(1);
  const [copy, view] = [writer.copy(), writer.view()];
  writer.reset();
  writer.u8(2);
  assert.deepEqual([copy[0], view[0]], [1, 2]);
});

test('byte strings are ordered and compared as the platform does', () => {
  const short = fc.uint8Array({ maxLength: 4, max: 3 });
  fc.assert(
    fc.property(short, short, (a, b) => {
      assert.equal(Math.sign(compareBytes(a, b)), Buffer.compare(a, b));
      assert.equal(equalBytes(a, b), Buffer.compare(a, b) === 0);
    }),
    { numRuns: 2_000 },
  );
});

test('texts are ordered as their UTF-8 bytes, also around the surrogates', () => {
  const corner = fc.constantFrom('a', '\u07ff', '\ud7ff', '\ue000', '\uffff', '\u{10000}', '😀');
  const text = fc.array(corner, { maxLength: 3 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(text, text, (a, b) => {
      const bytes = Math.sign(compareBytes(encodeText(a), encodeText(b)));
      assert.equal(Math.sign(compareText(a, b)), bytes, JSON.stringify([a, b]));
    }),
    { numRuns: 5_000 },
  );
});

test('a counter in the middle of things is written and read as a reader would', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(5), (value, at) => {
      const bytes = new Uint8Array(at + 8);
      writeU64le(bytes, at, value);
      assert.equal(readU64le(bytes, at), value);
      assert.equal(new ByteReader(bytes, at).u64le(), value);
    }),
  );
  assert.equal(readU64le(new Uint8Array(8).fill(0xff), 0), SAFE_MAX, 'beyond 2^53 it saturates');
  assert.throws(() => readU64le(new Uint8Array(8), 1), AssertionError);
  assert.throws(() => writeU64le(new Uint8Array(8), 1, 0), AssertionError);
  assert.throws(() => writeU64le(new Uint8Array(8), 0, -1), AssertionError);
});

test('what is cut from a slab is zero, of its length, and nobody else has it', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(40), { maxLength: 60 }), (lengths) => {
      const slab = new ByteSlab(256);
      const cuts = lengths.map((length) => slab.cut(length));
      for (const [at, cut] of cuts.entries()) {
        assert.equal(cut.length, lengths[at]);
        assert.ok(cut.every((byte) => byte === 0));
        cut.fill(at + 1);
      }
      for (const [at, cut] of cuts.entries()) assert.ok(cut.every((byte) => byte === at + 1));
    }),
  );
});

test('a small part of a buffer gets one of its own, most of a buffer stays', () => {
  const buffer = Uint8Array.from({ length: 1_000 }, (_, at) => at);
  const [small, most] = [buffer.subarray(900, 910), buffer.subarray(100)];
  assert.deepEqual(ownBytes(small), small);
  assert.equal(ownBytes(small).buffer.byteLength, 10);
  assert.equal(ownBytes(Buffer.from(buffer.buffer, 900, 10)).buffer.byteLength, 10);
  assert.equal(ownBytes(most), most);
});

test('copies in one piece are those bytes in that order', () => {
  const parts = [Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)];
  const copies = copyTogether(parts);
  assert.deepEqual(copies, parts);
  assert.deepEqual([...new Set(copies.map(({ buffer }) => buffer.byteLength))], [3]);
  parts[0]?.fill(9);
  assert.deepEqual(copies[0], Uint8Array.of(1, 2));
});
