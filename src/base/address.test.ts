import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  formatAddress,
  isUnspecified,
  parseAddress,
  parseIp,
  parseSocketAddress,
  splitHostPort,
} from './address.ts';

const octets4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
// Zeros are what the short form of an address is about, so most octets are zero.
const zeros = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(255));
const octets16 = fc
  .array(zeros, { minLength: 16, maxLength: 16 })
  .map((all) => Uint8Array.from(all));
const port = fc.nat(65_535);

test('every address is read back from its text, and its text is canonical', () => {
  fc.assert(
    fc.property(fc.oneof(octets4, octets16), port, (octets, number) => {
      const text = formatAddress(octets, number);
      const parsed = parseAddress(text);
      assert.deepEqual(parsed?.octets, octets);
      assert.equal(parsed?.port, number);
      assert.equal(parsed?.family, octets.length === 4 ? 4 : 6);
      assert.equal(parseSocketAddress(text), text);
    }),
    { numRuns: 2_000 },
  );
});

test('IPv6 text agrees with the URL standard, which spells it the same way', () => {
  fc.assert(
    fc.property(octets16, (octets) => {
      const groups: string[] = [];
      for (let i = 0; i < 16; i += 2) {
        groups.push((((octets[i] as number) << 8) | (octets[i + 1] as number)).toString(16));
      }
      const expected = new URL(`http://[${groups.join(':')}]:81/`).host;
      assert.equal(formatAddress(octets, 81), expected);
    }),
    { numRuns: 2_000 },
  );
});

test('the spellings that RFC 5952 gives up are read and made canonical', () => {
  for (const [text, canonical] of [
    ['[2001:DB8::1]:1', '[2001:db8::1]:1'],
    ['[2001:0db8:0000:0000:0000:0000:0000:0001]:1', '[2001:db8::1]:1'],
    ['[2001:db8:0:0:1:0:0:1]:1', '[2001:db8::1:0:0:1]:1'],
    ['[2001:db8:0:1:1:1:1:1]:1', '[2001:db8:0:1:1:1:1:1]:1'],
    ['[2001:db8::0:1]:1', '[2001:db8::1]:1'],
    ['[1:0:0:2:0:0:0:3]:1', '[1:0:0:2::3]:1'],
    ['[0:0:0:0:0:0:0:0]:1', '[::]:1'],
    ['[0:0:0:0:0:0:0:1]:1', '[::1]:1'],
    ['[1::]:1', '[1::]:1'],
    ['[::ffff:192.0.2.1]:1', '[::ffff:c000:201]:1'],
  ] as const) {
    assert.equal(parseSocketAddress(text), canonical, text);
  }
});

test('what is no address is refused, and so is what only some systems would read', () => {
  for (const text of [
    '',
    ':1',
    '127.0.0.1',
    '127.0.0.1:',
    '127.0.0.1:65536',
    '127.0.0.1:-1',
    '127.0.0.1:01',
    '127.0.0.1: 1',
    '127.0.0.1:1 ',
    '127.1:1',
    '0127.0.0.1:1',
    '256.0.0.1:1',
    '1.2.3.4.5:1',
    'localhost:1',
    '[127.0.0.1]:1',
    '[::1:1',
    '::1:1',
    '[]:1',
    '[:::]:1',
    '[1::2::3]:1',
    '[1:2:3:4:5:6:7]:1',
    '[1:2:3:4:5:6:7:8:9]:1',
    '[1:2:3:4::5:6:7:8]:1',
    '[12345::]:1',
    '[g::]:1',
    '[::1.2.3]:1',
    '[1.2.3.4::]:1',
    '[fe80::1%eth0]:1',
  ]) {
    assert.equal(parseSocketAddress(text), undefined, JSON.stringify(text));
  }
});

test('no text makes the parser throw', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'0123456789abf:.[]%x'.split('')),
    maxLength: 30,
  });
  fc.assert(
    fc.property(text, (input) => {
      const parsed = parseSocketAddress(input);
      if (parsed !== undefined) assert.equal(parseSocketAddress(parsed), parsed);
    }),
    { numRuns: 5_000 },
  );
});

test('a host may be a name when it is only split off', () => {
  assert.deepEqual(splitHostPort('seed.example:10001'), { host: 'seed.example', port: 10_001 });
  assert.deepEqual(splitHostPort('[::1]:0'), { host: '::1', port: 0 });
  assert.equal(splitHostPort('a:b:1'), undefined);
  assert.equal(splitHostPort('seed.example'), undefined);
  assert.equal(splitHostPort('[]:1'), undefined);
});

test('an address without a port is read by itself', () => {
  assert.deepEqual(parseIp('192.0.2.7'), Uint8Array.of(192, 0, 2, 7));
  assert.equal(parseIp('::1')?.length, 16);
  assert.equal(parseIp('localhost'), undefined);
});

test('an address that can be bound but not reached is known as such', () => {
  const unspecified = (text: string): boolean => {
    const address = parseSocketAddress(text);
    assert.ok(address !== undefined);
    return isUnspecified(address);
  };
  assert.equal(unspecified('0.0.0.0:1'), true);
  assert.equal(unspecified('[::]:1'), true);
  assert.equal(unspecified('127.0.0.1:1'), false);
  assert.equal(unspecified('[::1]:1'), false);
});
