// Clients that send requests without reading the answers, on real sockets.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { splitHostPort } from '../../base/address.ts';
import { must } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { recordingCluster } from './cluster.support.ts';
import { openEdge } from './edge.support.ts';

const MIB = 1024 * 1024;
/** What one read of a socket hands to Node: 2,400 requests and more. */
const ALL_AT_ONCE = 2_000;

const cluster = recordingCluster();
for (let i = 0; i < 4; i++) cluster.gossip.set(`key-${i}`, 'x'.repeat(1_500), 0);
const edge = await openEdge(undefined, { cluster });
const sockets: Socket[] = [];
after(async () => {
  for (const socket of sockets) socket.destroy();
  await edge.close(0);
});

function dial(): Socket {
  const { host, port } = must(splitHostPort(edge.address), 'the edge is bound');
  const socket = connect(port, host);
  sockets.push(socket);
  socket.on('error', () => {});
  return socket;
}

function requestFor(path: string, more = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
}

async function answersTo(requests: string): Promise<string> {
  const socket = dial();
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.write(requests);
  await new Promise((resolve) => socket.on('close', resolve));
  return text;
}

test('requests sent together are answered in their order', async () => {
  const before = cluster.calls.length;
  const writes = Array.from({ length: LIMITS.http.waitingPerConnectionMax }, (_, i) =>
    requestFor(`/set_kv?key=k&value=${i}`),
  );
  const answer = await answersTo(writes.join('') + requestFor('/health', 'Connection: close\r\n'));
  assert.equal(answer.match(/HTTP\/1\.1 200 OK/g)?.length, writes.length + 1);
  assert.deepEqual(
    cluster.calls.slice(before),
    writes.map((_, i) => `set k=${i}`),
  );
});

test('more requests than may wait are refused with a problem document', async () => {
  const answer = await answersTo(requestFor('/health').repeat(ALL_AT_ONCE));
  const last = answer.slice(answer.lastIndexOf('HTTP/1.1 '));
  assert.match(last, /^HTTP\/1\.1 503 [^]*problem\+json[^]*Retry-After: 1[^]*E_BUSY/);
  assert.match(last, /Read the answers before you send more/);
});

test('30 that send much and read nothing make the member hold little', async () => {
  const url = `http://${edge.address}`;
  const whole = (await (await fetch(url)).arrayBuffer()).byteLength;
  assert.ok(whole > 8 * 1_500 && whole < LIMITS.http.chunkBytes);
  const before = process.memoryUsage.rss();
  for (let i = 0; i < 30; i++) {
    const socket = dial();
    socket.pause();
    socket.write(requestFor('/').repeat(ALL_AT_ONCE));
  }
  await sleep(200);
  for (let i = 0; i < 10; i++) assert.equal((await fetch(`${url}/health`)).status, 200);
  const more = process.memoryUsage.rss() - before;
  const wanted = 30 * ALL_AT_ONCE * whole;
  assert.ok(more < wanted / 8, `${Math.round(more / MIB)} MiB of ${Math.round(wanted / MIB)}`);
});
