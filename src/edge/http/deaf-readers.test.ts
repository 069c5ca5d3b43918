// Clients that ask for everything and read nothing take little memory, and nobody else's time.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { splitHostPort } from '../../base/address.ts';
import { must } from '../../base/assert.ts';
import { recordingCluster } from './cluster.support.ts';
import { openEdge } from './edge.support.ts';

const DEAF = 150;
const KEYS = 2_000;
const VALUE = 'x'.repeat(10_000);
const MIB = 1024 * 1024;

const cluster = recordingCluster();
for (let i = 0; i < KEYS; i++) cluster.gossip.set(`key-${i}`, VALUE, 0);
const edge = await openEdge(undefined, { cluster });
const sockets: Socket[] = [];
after(async () => {
  for (const socket of sockets) socket.destroy();
  await edge.close(0);
});

function askAndLookAway(): void {
  const { host, port } = must(splitHostPort(edge.address), 'the edge is bound');
  const socket = connect(port, host);
  sockets.push(socket);
  socket.on('error', () => {});
  socket.pause();
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
}

test('150 that do not read leave memory and time to the others', async () => {
  const url = `http://${edge.address}`;
  const whole = (await (await fetch(url)).arrayBuffer()).byteLength;
  assert.ok(whole > 2 * KEYS * VALUE.length);
  const before = process.memoryUsage.rss();
  for (let i = 0; i < DEAF; i++) askAndLookAway();
  let writes = 0;
  let settled = 0;
  // The kernel takes some megabytes for each of them first.
  for (let quiet = 0; quiet < 10; ) {
    const answer = await fetch(`${url}/set_kv?key=probe&value=${writes}`);
    assert.equal(answer.status, 200);
    writes += 1;
    await sleep(10);
    const rss = process.memoryUsage.rss();
    quiet = Math.abs(rss - settled) < MIB ? quiet + 1 : 0;
    settled = rss;
  }
  const more = settled - before;
  assert.ok(more < (whole * DEAF) / 50, `${Math.round(more / MIB)} MiB for ${DEAF} of them`);
  assert.equal((await (await fetch(url)).arrayBuffer()).byteLength > whole, true);
});
