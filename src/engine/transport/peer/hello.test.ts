import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { crc32c } from '../../../base/crc32c.ts';
import { LIMITS } from '../../../base/limits.ts';
import { decodeGreeting, encodeHello, encodeRefusal, GreetingReader } from './hello.ts';
import type { Hello } from './types.ts';

const HELLO: Hello = {
  clusterId: 'c-1',
  member: 3,
  incarnation: 0x0102030405060708n,
  callee: 7,
  features: 5,
};

/** The same record with other contents and a checksum that fits them. */
function altered(bytes: Uint8Array, change: (copy: Uint8Array) => void): Uint8Array {
  const copy = bytes.slice();
  change(copy);
  const end = copy.length - 4;
  new DataView(copy.buffer).setUint32(end, crc32c(copy, 0, 0, end), true);
  return copy;
}

function kindOf(bytes: Uint8Array): string {
  const read = decodeGreeting(bytes);
  return read.kind === 'read' ? read.greeting.kind : read.kind;
}

test('[T2] the bytes of a hello are those of version 1', () => {
  assert.equal(
    Buffer.from(encodeHello(HELLO)).toString('hex'),
    [
      '8f5061726c65790a',
      '0101',
      '1a00',
      '01',
      '03000000',
      '07000000',
      '0807060504030201',
      '05000000',
      '0300632d31',
      '0ea04359',
    ].join(''),
  );
});

test('[T2] greetings come back as they were, with what follows them', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 }).map((word) => word.toWellFormed());
  const hellos = fc.record({
    clusterId: text,
    member: fc.nat(2 ** 32 - 1),
    incarnation: fc.bigInt(0n, 2n ** 64n - 1n),
    callee: fc.nat(2 ** 32 - 1),
    features: fc.nat(2 ** 32 - 1),
  });
  fc.assert(
    fc.property(hellos, fc.uint8Array({ maxLength: 20 }), (hello, rest) => {
      const bytes = Buffer.concat([encodeHello(hello), rest]);
      const read = new GreetingReader().push(bytes);
      assert.ok(read.kind === 'read' && read.greeting.kind === 'hello');
      assert.deepEqual(read.greeting.hello, { ...hello });
      assert.deepEqual(Buffer.from(read.rest), Buffer.from(rest));
    }),
  );
});

test('[T2] a greeting may come byte by byte', () => {
  const reader = new GreetingReader();
  const bytes = encodeRefusal({ reason: 'duplicate', message: 'grüß dich' });
  for (const [at, byte] of bytes.entries()) {
    const read = reader.push(Uint8Array.of(byte));
    assert.equal(read.kind, at < bytes.length - 1 ? 'more' : 'read');
    if (read.kind !== 'read') continue;
    assert.deepEqual(read.greeting, {
      kind: 'refused',
      reason: 'duplicate',
      message: 'grüß dich',
    });
  }
});

test('[T2] a flipped bit anywhere makes it no greeting', () => {
  const bytes = encodeHello(HELLO);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const copy = bytes.slice();
    copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
    // A longer length makes it wait for bytes; the time for a greeting ends that.
    assert.match(kindOf(copy), /^(malformed|more)$/, `bit ${bit}`);
  }
});

test('[T2] a length beyond the limit is no greeting, before any byte of it has come', () => {
  const head = encodeHello(HELLO).slice(0, 12);
  new DataView(head.buffer).setUint16(10, LIMITS.peer.helloBytesMax - 16, true);
  assert.equal(kindOf(head), 'more');
  new DataView(head.buffer).setUint16(10, LIMITS.peer.helloBytesMax - 15, true);
  assert.equal(kindOf(head), 'malformed');
});

test('[T3] a version that this side does not speak is refused by its numbers', () => {
  const later = altered(encodeHello(HELLO), (copy) => copy.set([2, 4], 8));
  const read = decodeGreeting(later);
  assert.ok(read.kind === 'read' && read.greeting.kind === 'refused');
  assert.equal(read.greeting.reason, 'version');
  assert.match(read.greeting.message, /speaks version 1 .* the other 2 to 4$/);
  const both = altered(encodeHello(HELLO), (copy) => copy.set([1, 4], 8));
  assert.equal(kindOf(both), 'hello', 'a later version that still speaks this one is fine');
});

test('[T3] a refusal is read whatever versions its sender speaks, and whatever its reason', () => {
  const bytes = encodeRefusal({ reason: 'cluster', message: 'no' });
  const later = altered(bytes, (copy) => {
    copy.set([2, 4], 8);
    copy[13] = 99;
  });
  const read = decodeGreeting(later);
  assert.ok(read.kind === 'read' && read.greeting.kind === 'refused');
  assert.deepEqual([read.greeting.reason, read.greeting.message], ['version', 'no']);
});

test('[T2] fields behind those of this version are skipped', () => {
  const bytes = encodeHello(HELLO);
  const longer = new Uint8Array(bytes.length + 3);
  longer.set(bytes.subarray(0, -4));
  const grown = altered(longer, (copy) => {
    new DataView(copy.buffer).setUint16(10, bytes.length - 16 + 3, true);
  });
  const read = decodeGreeting(grown);
  assert.ok(read.kind === 'read' && read.greeting.kind === 'hello');
  assert.deepEqual(read.greeting.hello, HELLO);
});

test('[T2] the longest message fits in any script', () => {
  for (const message of ['\u{1F600}'.repeat(300), '\uFFFF'.repeat(300), 'x'.repeat(5_000)]) {
    const bytes = encodeRefusal({ reason: 'overloaded', message });
    assert.ok(bytes.length <= LIMITS.peer.helloBytesMax);
    assert.equal(kindOf(bytes), 'refused');
  }
});
