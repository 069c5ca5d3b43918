// The HTTP edge on real sockets: what never gets as far as the application.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { splitHostPort } from '../../base/address.ts';
import { must } from '../../base/assert.ts';
import { NO_ROOM } from './connection-refusal.ts';
import { openEdge } from './edge.support.ts';

const timeouts = { headersMs: 300, requestMs: 400, checkMs: 50, idleMs: 600 };

const edge = await openEdge(timeouts);
after(() => edge.close(0));

function dial(): { socket: Socket; answer: Promise<string> } {
  const { host, port } = must(splitHostPort(edge.address), 'the edge is bound');
  const socket = connect(port, host);
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  // A server that closes while we still write resets the connection: what it said stands.
  socket.on('error', () => {});
  const answer = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(text));
  });
  return { socket, answer };
}

async function say(bytes: string): Promise<string> {
  const { socket, answer } = dial();
  socket.write(bytes, 'latin1');
  return answer;
}

test('a request that comes before the application has loaded is answered', async () => {
  const fresh = await openEdge();
  const answer = await fetch(`http://${fresh.address}/`, { headers: { connection: 'close' } });
  assert.equal(answer.status, 200);
  await fresh.close(0);
});

test('what is not HTTP is refused with a problem document', async () => {
  const answer = await say('hello, who is there?\r\n\r\n');
  assert.match(answer, /^HTTP\/1\.1 400 /);
  assert.match(answer, /application\/problem\+json/);
  assert.match(answer, /E_MALFORMED/);
});

for (const [title, request, status, says] of [
  ['a URL with raw UTF-8', 'GET /set_kv?key=gr\xc3\xbcn HTTP/1.1', 400, /outside ASCII[^]*UTF-8/],
  ['a URL with a control character', 'GET /\x01 HTTP/1.1', 400, /percent-encoded/],
  ['a URL with a space', 'GET /set_kv?value=a b HTTP/1.1', 400, /%20/],
  ['a method in small letters', 'get / HTTP/1.1', 400, /capitals/],
  ['a version of the future', 'GET / HTTP/9.9', 400, /version/],
  ['a header with a space', 'GET / HTTP/1.1\r\nA B: c', 400, /header/],
  ['an expectation', 'GET / HTTP/1.1\r\nExpect: 200-ok', 417, /200-ok/],
  ['a wish for a tunnel', 'CONNECT there:443 HTTP/1.1', 405, /no proxy/],
] as const) {
  test(`${title} is refused with a problem document`, async () => {
    const answer = await say(`${request}\r\nHost: localhost\r\n\r\n`);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assert.match(answer, /content-type: application\/problem\+json/i);
    const problem = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1));
    assert.equal((problem as { status: number }).status, status);
    assert.match((problem as { detail: string }).detail, says);
  });
}

test('what a full member says is a problem document', () => {
  const [head, body] = String(NO_ROOM).split('\r\n\r\n');
  assert.match(String(head), /^HTTP\/1\.1 503 [^]*problem\+json[^]*Retry-After: 1/);
  const { code, retry } = JSON.parse(String(body)) as { code: string; retry: string };
  assert.deepEqual([code, retry], ['E_BUSY', 'after']);
});

for (const [version, hosts, status] of [
  ['1.1', [], 400],
  ['1.1', ['localhost', 'localhost'], 400],
  ['1.0', ['localhost', 'localhost'], 400],
  ['1.0', [], 200],
  ['1.1', ['localhost'], 200],
] as const) {
  test(`HTTP/${version} with ${hosts.length} Host headers is ${status}`, async () => {
    const headers = hosts.map((host) => `Host: ${host}\r\n`).join('');
    const answer = await say(`GET / HTTP/${version}\r\n${headers}Connection: close\r\n\r\n`);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    if (status === 400) assert.match(answer, /problem\+json[^]*E_MALFORMED/);
  });
}

for (const [url, status] of [
  ['http://localhost/', 200],
  ['http://evil/', 403],
  ['http://localhost@evil.example/', 403],
] as const) {
  test(`GET ${url} with Host localhost is ${status}`, async () => {
    const answer = await say(`GET ${url} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assert.equal(answer.includes('E_CROSS_SITE'), status === 403);
  });
}

test('headers beyond their limit are 431', async () => {
  const answer = await say(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'y'.repeat(90_000)}\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 431 /);
  assert.match(answer, /E_TOO_LARGE/);
});

test('the largest key and value fit a URL, percent-encoded', async () => {
  const key = encodeURIComponent(`k${'ü'.repeat(511)}`);
  const value = encodeURIComponent('日'.repeat(5_000));
  const headers = 'Host: localhost\r\nConnection: close\r\n\r\n';
  const answer = await say(`GET /set_kv?key=${key}&value=${value} HTTP/1.1\r\n${headers}`);
  assert.match(answer, /^HTTP\/1\.1 200 /);
});

test('a client that sends nothing is told so and cut off', async () => {
  const { answer } = dial();
  assert.match(await answer, /^HTTP\/1\.1 408 [^]*E_TIMEOUT/);
});

test('a client that sends its headers byte by byte is cut off', async () => {
  const { socket, answer } = dial();
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
  const drip = setInterval(() => socket.write('a'), 40);
  const text = await answer;
  clearInterval(drip);
  assert.match(text, /^HTTP\/1\.1 408 /);
});

test('closing ends idle connections at once and takes no new ones', async () => {
  const fresh = await openEdge();
  await (await fetch(`http://${fresh.address}/`)).text();
  // The idle connection of fetch would hold it up for longer than the test may take.
  await fresh.close(600_000);
  await assert.rejects(fetch(`http://${fresh.address}/`));
});
