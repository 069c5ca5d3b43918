// The UDP endpoint against everything that a network and a kernel do to a socket.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { test } from 'node:test';
import { realBench } from '../../../test/contracts/benches.ts';
import type { DatagramSocket } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { Prng } from '../../base/prng.ts';
import { openUdp } from './udp.ts';

const LOOPBACK = '127.0.0.1:0' as SocketAddress;
const { until, wait } = realBench(undefined);

/** An endpoint whose raw sockets the test holds in its hand. */
async function openWatched(listen = LOOPBACK): Promise<{
  endpoint: DatagramSocket;
  sockets: Socket[];
  got: string[];
  troubles: string[];
}> {
  const sockets: Socket[] = [];
  const got: string[] = [];
  const troubles: string[] = [];
  const endpoint = await openUdp(
    listen,
    {
      onDatagram: (bytes) => got.push(Buffer.from(bytes).toString('latin1')),
      onTrouble: (reason) => troubles.push(reason),
    },
    {
      createSocket: ((options: Parameters<typeof createSocket>[0]) => {
        const socket = createSocket(options);
        sockets.push(socket);
        return socket;
      }) as typeof createSocket,
    },
  );
  return { endpoint, sockets, got, troubles };
}

test('a peer whose port is closed answers by ICMP, which changes nothing', async () => {
  const { endpoint, got } = await openWatched();
  const closed = await openWatched();
  await closed.endpoint.close();
  for (let i = 0; i < 20; i++) {
    endpoint.send(Buffer.from('anyone?'), closed.endpoint.address);
    await wait(1);
  }
  endpoint.send(Buffer.from('to myself'), endpoint.address);
  await until(() => got.length === 1, 'the endpoint still sends and receives');
  await endpoint.close();
});

test('no route, no family, no port: each is one lost datagram', async () => {
  const { endpoint, got, troubles } = await openWatched();
  endpoint.send(Buffer.from('x'), '255.255.255.255:9' as SocketAddress);
  endpoint.send(Buffer.from('x'), '[::1]:9' as SocketAddress);
  endpoint.send(Buffer.from('x'), '127.0.0.1:0' as SocketAddress);
  await until(() => troubles.length === 3, 'three words about it');
  assert.deepEqual(troubles.toSorted(), ['EACCES', 'EAFNOSUPPORT', 'EINVAL']);
  assert.equal(endpoint.counters.lost, 3);
  endpoint.send(Buffer.from('fine'), endpoint.address);
  await until(() => got.length === 1, 'the next one passes');
  await endpoint.close();
});

test('a socket that is closed underneath is opened again on the same address', async () => {
  const { endpoint, sockets, got, troubles } = await openWatched();
  const address = endpoint.address;
  sockets[0]?.close();
  for (let i = 0; i < 5; i++) endpoint.send(Buffer.from('into the gap'), address);
  await until(() => endpoint.counters.reopened === 1, 'a new socket');
  assert.equal(endpoint.address, address);
  assert.equal(endpoint.counters.lost, 5);
  assert.ok(troubles.some((reason) => reason.includes('closed by itself')));
  endpoint.send(Buffer.from('again'), address);
  await until(() => got.includes('again'), 'datagrams flow again');
  await endpoint.close();
});

test('an address that is taken meanwhile is tried until it is free', async () => {
  const { endpoint, sockets, troubles } = await openWatched();
  const port = Number(endpoint.address.split(':')[1]);
  const squatter = createSocket('udp4');
  sockets[0]?.close();
  await new Promise<void>((resolve) => {
    squatter.bind({ port, address: '127.0.0.1', exclusive: true }, resolve);
  });
  await until(() => troubles.some((reason) => reason.includes('EADDRINUSE')), 'a failed attempt');
  await new Promise<void>((resolve) => void squatter.close(() => resolve()));
  await until(() => endpoint.counters.reopened === 1, 'success once it is free');
  await endpoint.close();
});

test('single errors are reported, a series of them replaces the socket', async () => {
  const { endpoint, sockets, troubles } = await openWatched();
  sockets[0]?.emit('error', Object.assign(new Error('recvmsg'), { code: 'ECONNREFUSED' }));
  assert.deepEqual(troubles, ['ECONNREFUSED']);
  assert.equal(sockets.length, 1);
  for (let i = 0; i < 10; i++) sockets[0]?.emit('error', new Error('broken'));
  await until(() => endpoint.counters.reopened === 1, 'a new socket');
  assert.equal(sockets.length, 2);
  await endpoint.close();
});

test('closing while a new socket is on its way leaves nothing behind', async () => {
  const { endpoint, sockets } = await openWatched();
  const address = endpoint.address;
  sockets[0]?.close();
  await wait(55);
  await endpoint.close();
  await wait(100);
  const next = await openWatched(address);
  await next.endpoint.close();
});

test('10,000 datagrams of noise, some oversized, while datagrams still pass', async () => {
  const { endpoint, got } = await openWatched();
  const random = Prng.from(1, 'noise');
  const stranger = createSocket('udp4');
  const port = Number(endpoint.address.split(':')[1]);
  const quiet = (): void => {};
  for (let i = 0; i < 10_000; i++) {
    const noise = Buffer.alloc(random.below(1_500), random.u32());
    stranger.send(noise, port, '127.0.0.1', quiet);
    if (i % 1_000 === 0) endpoint.send(new Uint8Array(70_000), endpoint.address);
    if (i % 50 === 0) await wait(0);
  }
  const heard = got.length;
  endpoint.send(Buffer.from('the last word'), endpoint.address);
  await until(() => got.includes('the last word'), 'the endpoint lives');
  assert.ok(heard > 5_000, `most of the noise was read: ${heard}`);
  await new Promise<void>((resolve) => void stranger.close(() => resolve()));
  await endpoint.close();
});

test('a socket of both families names IPv4 peers as IPv4 and reaches them', async (t) => {
  const four = await openWatched();
  const dual = await openWatched('[::]:0' as SocketAddress).catch(() => undefined);
  if (dual === undefined) {
    t.diagnostic('this machine has no IPv6: nothing to check');
    return four.endpoint.close();
  }
  const port = dual.endpoint.address.split(':').at(-1);
  four.endpoint.send(Buffer.from('from four'), `127.0.0.1:${port}` as SocketAddress);
  await until(() => dual.got.includes('from four'), 'six hears four');
  dual.endpoint.send(Buffer.from('from six'), four.endpoint.address);
  await until(() => four.got.includes('from six'), 'four hears six');
  await four.endpoint.close();
  return dual.endpoint.close();
});
