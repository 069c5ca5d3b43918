import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SocketAddress } from '../../base/ids.ts';
import { hostPortOf, socketAddressOf } from './addresses.ts';

test('addresses from Node become canonical: mapped IPv4 plain, zones dropped, IPv6 short', () => {
  assert.equal(socketAddressOf('127.0.0.1', 80), '127.0.0.1:80');
  assert.equal(socketAddressOf('::ffff:10.0.0.7', 80), '10.0.0.7:80');
  assert.equal(socketAddressOf('::1', 80), '[::1]:80');
  assert.equal(socketAddressOf('fe80:0:0:0:0:0:0:1%eth0', 80), '[fe80::1]:80');
  // Only ::ffff:0:0/96 is mapped; an address that merely ends alike stays IPv6.
  assert.equal(socketAddressOf('1::ffff:a00:7', 80), '[1::ffff:a00:7]:80');
});

test('canonical addresses become what Node takes', () => {
  const six = hostPortOf('[2001:db8::1]:443' as SocketAddress);
  assert.deepEqual(six, { host: '2001:db8::1', port: 443, family: 6 });
  const four = hostPortOf('10.0.0.1:1' as SocketAddress);
  assert.deepEqual(four, { host: '10.0.0.1', port: 1, family: 4 });
});
