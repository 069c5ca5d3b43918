import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorityOf, isLoopback, refuseAsker } from './guard.ts';

interface Case {
  readonly title: string;
  readonly host?: string;
  readonly authority?: string;
  readonly origin?: string;
  readonly site?: string;
  readonly read: boolean;
  readonly write: boolean;
}

const ON_LOOPBACK: readonly Case[] = [
  { title: 'curl', host: '127.0.0.1:10001', read: true, write: true },
  { title: 'curl by name', host: 'localhost:10001', read: true, write: true },
  { title: 'curl by the full name', host: 'LocalHost.:10001', read: true, write: true },
  { title: 'curl over IPv6', host: '[::1]:10001', read: true, write: true },
  { title: 'a program without Host', read: true, write: true },
  { title: 'an alias of the hosts file', host: 'devbox:10001', read: true, write: true },
  { title: 'the address bar', host: '127.0.0.1:1', site: 'none', read: true, write: true },
  {
    title: 'our own page',
    host: 'localhost:1',
    origin: 'http://localhost:1',
    site: 'same-origin',
    read: true,
    write: true,
  },
  {
    title: 'an image on a page elsewhere',
    host: '127.0.0.1:1',
    site: 'cross-site',
    read: true,
    write: false,
  },
  {
    title: 'a page on another port of this machine',
    host: '127.0.0.1:1',
    site: 'same-site',
    read: true,
    write: false,
  },
  {
    title: 'a script elsewhere, in a browser without Sec-Fetch',
    host: '127.0.0.1:1',
    origin: 'http://evil.example',
    read: true,
    write: false,
  },
  {
    title: 'a sandboxed page, whose origin is null',
    host: '127.0.0.1:1',
    origin: 'null',
    read: true,
    write: false,
  },
  {
    title: 'a page whose name was rebound to 127.0.0.1',
    host: 'evil.example:10001',
    site: 'same-origin',
    read: false,
    write: false,
  },
  {
    title: 'a program that asks as a proxy is asked',
    host: 'localhost:1',
    authority: 'LOCALHOST:1',
    read: true,
    write: true,
  },
  {
    title: 'a URL of a host elsewhere with a Host of ours',
    host: '127.0.0.1:1',
    authority: 'evil.example',
    read: false,
    write: false,
  },
  {
    title: 'a URL of an alias with another Host',
    host: '127.0.0.1:1',
    authority: 'evil',
    read: false,
    write: false,
  },
  {
    title: 'a URL of a host elsewhere without Host',
    authority: 'evil.example',
    read: false,
    write: false,
  },
];

for (const { title, host, authority, origin, site, read, write } of ON_LOOPBACK) {
  test(`${title} may ${read ? '' : 'not '}read and may ${write ? '' : 'not '}write`, () => {
    const asker = { host, authority, origin, secFetchSite: site };
    assert.equal(refuseAsker(asker, false, true) === undefined, read);
    assert.equal(refuseAsker(asker, true, true) === undefined, write);
  });
}

test('a member that listens beyond loopback answers to any name', () => {
  const asker = {
    host: 'n1.cluster.example:80',
    authority: undefined,
    origin: undefined,
    secFetchSite: undefined,
  };
  assert.equal(refuseAsker(asker, true, false), undefined);
});

test('loopback is 127.0.0.0/8 and ::1', () => {
  for (const address of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1']) assert.ok(isLoopback(address));
  for (const address of ['0.0.0.0:1', '10.0.0.1:1', '[::]:1', '127.0.0.1', '']) {
    assert.ok(!isLoopback(address), address);
  }
});

test('a URL names its host after the scheme, and after a user', () => {
  assert.equal(authorityOf('/docs?at=http://evil/'), undefined);
  assert.equal(authorityOf('http://evil/'), 'evil');
  assert.equal(authorityOf('HTTPS://evil.example:1?key=a'), 'evil.example:1');
  assert.equal(authorityOf('http://127.0.0.1@evil.example/'), 'evil.example');
});
