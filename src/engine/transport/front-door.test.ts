import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { must } from '../../base/assert.ts';
import type { StreamHandler } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { SystemClock } from '../clock/index.ts';
import {
  type DoorOptions,
  type FrontDoor,
  type HttpTaker,
  openFrontDoor,
  type StreamTaker,
} from './front-door.ts';
import { systemNet } from './net.ts';
import { takeSocket } from './tcp.ts';

const LOOPBACK = '127.0.0.1:0' as SocketAddress;
const capabilities = { clock: new SystemClock(), net: systemNet };

function takerFor(server: Server, tooSlow: string): HttpTaker {
  return {
    take: (stream) => {
      const socket = must(takeSocket(stream), 'it came by the network of this machine');
      return {
        onData: (first) => {
          socket.pause().unshift(first);
          server.emit('connection', socket);
          socket.resume();
        },
        onDrain: () => assert.fail('the stream has been given away'),
        onEnd: () => assert.fail('the stream has been given away'),
        onClose: () => {},
      };
    },
    tooSlow: Buffer.from(tooSlow),
  };
}

interface HttpOptions extends DoorOptions {
  readonly server?: Parameters<typeof createServer>[0];
  readonly frames?: StreamTaker;
  readonly tooSlow?: string;
}

async function openHttp(options: HttpOptions = {}): Promise<{ door: FrontDoor; server: Server }> {
  const server = createServer(options.server ?? {}, (request, response) => {
    if (request.url === '/slow') return;
    response.end(`you asked for ${request.url}`);
  });
  server.emit('listening');
  const door = await openFrontDoor(capabilities, LOOPBACK, options);
  door.serveHttp(takerFor(server, options.tooSlow ?? ''));
  if (options.frames !== undefined) door.serveFrames(options.frames);
  return { door, server };
}

/** Sends `text` and answers all that comes back until the other side closes. */
function converse(address: SocketAddress, ...texts: (string | Uint8Array)[]): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const say = (): void => {
      const text = texts.shift();
      if (text === undefined) return;
      socket.write(text);
      setTimeout(say, 5);
    };
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1', say);
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
    server: { headersTimeout: 100, requestTimeout: 100, connectionsCheckingInterval: 20 },
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
  // Longer than the test may take.
  await door.close(600_000);
  assert.match(await polite, /you asked for/);
});

test('two doors cannot share an address', async () => {
  const { door } = await openHttp();
  await assert.rejects(
    openFrontDoor(capabilities, door.address),
    (error) =>
      error instanceof ParleyError &&
      error.code === 'E_ADDRESS_IN_USE' &&
      error.line.startsWith(`Another process has TCP ${door.address}. Stop that process`),
  );
  await door.close(0);
});

/** Sends back what it hears with one bit turned in each byte, and ends when the other side does. */
const echo: StreamTaker = (stream): StreamHandler => ({
  onData: (bytes) => void stream.write(Buffer.from(bytes.map((byte) => byte ^ 0x20))),
  onDrain: () => {},
  onEnd: () => stream.end(),
  onClose: () => {},
});

const POLITE = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const FRAMES_BEGIN = Buffer.from([0x8f, 0x50, 0x61]);

test('[T1] HTTP and frames come by one port, and none of their bytes is lost', async () => {
  const { door } = await openHttp({ frames: echo });
  const port = Number(door.address.split(':')[1]);
  const heard = await new Promise<Buffer>((resolve) => {
    const parts: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(FRAMES_BEGIN));
    socket.on('data', (chunk) => {
      parts.push(chunk);
      if (parts.length === 1) socket.end(Buffer.from('and more'));
    });
    socket.on('close', () => resolve(Buffer.concat(parts)));
  });
  const expected = Buffer.concat([FRAMES_BEGIN, Buffer.from('and more')]);
  assert.deepEqual(
    heard,
    expected.map((byte) => byte ^ 0x20),
  );
  const answer = await fetch(`http://${door.address}/beside`, { method: 'POST', body: 'x' });
  assert.equal(await answer.text(), 'you asked for /beside');
  await door.close(0);
});

test('[T1] a method that comes byte by byte, and begins like a preface, is HTTP', async () => {
  const { door } = await openHttp();
  const answer = await converse(
    door.address,
    'P',
    'R',
    'OPFIND /there HTTP/1.1\r\nHost: x\r\n',
    'Connection: close\r\n\r\n',
  );
  assert.match(answer, /you asked for \/there$/);
  await door.close(0);
});

test('[T1] HTTP/2, TLS and frames that nobody takes are told so in a word', async () => {
  const { door } = await openHttp();
  const session = connectHttp2(`http://${door.address}`);
  session.on('error', () => {});
  const [code, , word] = await new Promise<[number, number, Buffer]>((resolve) => {
    session.on('goaway', (...said: [number, number, Buffer]) => resolve(said));
  });
  assert.deepEqual([code, word.toString()], [0xd, 'HTTP/2 is not spoken here: use HTTP/1.1']);
  session.destroy();

  const port = Number(door.address.split(':')[1]);
  const failure = await new Promise<Error>((resolve) => {
    connectTls({ port, host: '127.0.0.1' }).on('error', resolve);
  });
  assert.match(failure.message, /wrong version number/i);
  const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00]);
  assert.equal(await converse(door.address, hello), 'TLS is not spoken here: call without it\n');
  assert.equal(await converse(door.address, FRAMES_BEGIN), 'no member answers here\n');
  await door.close(0);
});

function hold(address: SocketAddress): Promise<{ socket: Socket; whenClosed: Promise<void> }> {
  return new Promise((resolve) => {
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1', () =>
      resolve({ socket, whenClosed }),
    );
    const whenClosed = new Promise<void>((closed) => {
      socket.on('close', () => closed()).resume();
    });
    socket.on('error', () => {});
  });
}

test('[T1] those who say nothing keep nobody out: of many the oldest goes', async () => {
  const { door } = await openHttp({ frames: echo, silentMax: 3 });
  const first = await hold(door.address);
  const others = [await hold(door.address), await hold(door.address)];
  assert.equal(await speakFrames(door.address), FRAMES_BEGIN.length);
  await first.whenClosed;
  assert.equal(door.open, 2, 'and only the oldest');
  for (const { socket } of others) socket.destroy();
  await door.close(0);
});

test('[T1] clients of HTTP have so many places, and members come in beside them', async () => {
  const { door } = await openHttp({ frames: echo, httpMax: 1 });
  const slow = await hold(door.address);
  slow.socket.write('GET /slow HTTP/1.1\r\nHost: x\r\n\r\n');
  // It may be read later than those that come after it.
  while (!/^HTTP\/1.1 503 /.test(await converse(door.address, POLITE)));
  assert.equal(await speakFrames(door.address), FRAMES_BEGIN.length);
  slow.socket.destroy();
  await slow.whenClosed;
  while (!/you asked for/.test(await converse(door.address, POLITE)));
  await door.close(0);
});

test('a door that accepts no more lets those who are inside finish', async () => {
  const { door } = await openHttp();
  const inside = await hold(door.address);
  while (door.open === 0) await new Promise((resolve) => setImmediate(resolve));
  await door.refuseMore();
  await assert.rejects(fetch(`http://${door.address}/`), /fetch failed/);
  const heard = new Promise<string>((resolve) => {
    inside.socket.on('data', (bytes) => resolve(bytes.toString()));
  });
  inside.socket.write(POLITE);
  assert.match(await heard, /^HTTP\/1.1 200/);
  await inside.whenClosed;
  await door.close(0);
});

/** How many bytes come back to a member that says hello. */
function speakFrames(address: SocketAddress): Promise<number> {
  return new Promise((resolve) => {
    let heard = 0;
    const socket = connect(Number(address.split(':')[1]), '127.0.0.1', () => {
      socket.end(FRAMES_BEGIN);
    });
    socket.on('data', ({ length }) => {
      heard += length;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(heard));
  });
}

test('[T1] a connection that says nothing, or too little to tell, is closed', async () => {
  const { door } = await openHttp({ silentMs: 50, tooSlow: '?' });
  assert.equal(await converse(door.address, ''), '?');
  assert.equal(await converse(door.address, 'PRI'), '?');
  await door.close(0);
});

test('[T1] before anybody speaks HTTP or frames those who call are told so', async () => {
  const door = await openFrontDoor(capabilities, LOOPBACK);
  assert.match(await converse(door.address, POLITE), /^HTTP\/1.1 503 [^]*Retry-After: 1/);
  assert.equal(await converse(door.address, FRAMES_BEGIN), 'no member answers here\n');
  await door.close(0);
});

test('[T1] beyond its connections a door lets nobody in until one has gone', async () => {
  const { door } = await openHttp({ connectionsMax: 1 });
  const first = await hold(door.address);
  while (door.open === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await converse(door.address, POLITE), '');
  first.socket.destroy();
  while (door.open > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.match(await converse(door.address, POLITE), /you asked for/);
  await door.close(0);
});
