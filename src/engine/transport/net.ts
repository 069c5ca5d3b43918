// The machine's network as the Net capability.

import { lookup } from 'node:dns/promises';
import { parseIp } from '../../base/address.ts';
import type { Net } from '../../base/capabilities.ts';
import { resolveFailure } from './socket-errors.ts';
import { connectStream, listenStreams } from './tcp.ts';
import { openUdp } from './udp.ts';

export const systemNet: Net = {
  openDatagrams: (listen, handler) => openUdp(listen, handler),
  listenStreams,
  connectStream,
  resolve: resolveName,
};

async function resolveName(hostname: string): Promise<readonly string[]> {
  if (parseIp(hostname) !== undefined) return [hostname];
  try {
    const found = await lookup(hostname, { all: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    throw resolveFailure(error, hostname);
  }
}
