import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { ParleyError } from '../../base/errors.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { type FrontDoor, openFrontDoor } from './front-door.ts';

const LOOPBACK = '127.0.0.1:0' as SocketAddress;

async function openHttp(
  options: Parameters<typeof createServer>[0] = {},
): Promise<{ door: FrontDoor; server: Server }> {
  const server = createServer(options, (request, response) => {
    if (request.url === '/slow') return;
    response.end(`you asked for ${request.url}`);
  });
  return { door: await openFrontDoor(LOOPBACK, server), server };
}

/** Sends `text` and answers all that comes back until the other side closes. */
function converse(address: SocketAddress, text: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1', () => socket.write(text));
    socket.on('data', (chunk) => {
      heard += chunk.toString();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

test('an HTTP server that never listens answers through the door', async () => {
  const { door, server } = await openHttp();
  const answer = await fetch(`http://${door.address}/here`);
  assert.equal(await answer.text(), 'you asked for /here');
  assert.equal(server.listening, false);
  await door.close(0);
});

test('the server watches for clients that never finish their request', async () => {
  const { door } = await openHttp({
    headersTimeout: 100,
    requestTimeout: 100,
    connectionsCheckingInterval: 20,
  });
  assert.match(await converse(door.address, 'GET / HTTP/1.1\r\nHost:'), /^HTTP\/1.1 408/);
  await door.close(0);
});

test('closing the door gives open connections their time, then cuts them', async () => {
  const { door } = await openHttp();
  const cut = converse(door.address, 'GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  while (door.open === 0) await new Promise((resolve) => setImmediate(resolve));
  const started = performance.now();
  await door.close(50);
  assert.ok(performance.now() - started >= 49);
  assert.equal(await cut, '');
  await assert.rejects(fetch(`http://${door.address}/`), /fetch failed/);
});

test('closing the door does not wait longer than it must', async () => {
  const { door } = await openHttp();
  const polite = converse(door.address, 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  while (door.open === 0) await new Promise((resolve) => setImmediate(resolve));
  const started = performance.now();
  await door.close(10_000);
  assert.ok(performance.now() - started < 5_000);
  assert.match(await polite, /you asked for/);
});

test('two doors cannot share an address', async () => {
  const { door } = await openHttp();
  await assert.rejects(
    openFrontDoor(door.address, createServer()),
    (error) =>
      error instanceof ParleyError &&
      error.code === 'E_ADDRESS_IN_USE' &&
      error.line.startsWith(`Another process has TCP ${door.address}. Stop that process`),
  );
  await door.close(0);
});
