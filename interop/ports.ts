// Loopback addresses whose port is free for TCP and UDP alike: a member listens on both.

import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

const handedOut = new Set<number>();

export async function freeAddress(host: '127.0.0.1' | '::1' = '127.0.0.1'): Promise<string> {
  for (;;) {
    const server = createServer().listen(0, host);
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const free = !handedOut.has(port) && (await isFreeForDatagrams(host, port));
    server.close();
    await once(server, 'close');
    if (!free) continue;
    handedOut.add(port);
    return host === '::1' ? `[::1]:${port}` : `${host}:${port}`;
  }
}

/** False on machines whose loopback speaks IPv4 only. */
export async function hasIpv6Loopback(): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer().listen(0, '::1');
    server.once('listening', () => server.close(() => resolve(true)));
    server.once('error', () => resolve(false));
  });
}

async function isFreeForDatagrams(host: string, port: number): Promise<boolean> {
  const socket = createSocket(host === '::1' ? 'udp6' : 'udp4');
  const bound = await new Promise<boolean>((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(port, host, () => resolve(true));
  });
  socket.close();
  return bound;
}
