// An HTTP edge on a real socket, behind a front door of its own.

import type { SocketAddress } from '../../base/ids.ts';
import { SystemClock } from '../../engine/clock/index.ts';
import { openFrontDoor, systemNet } from '../../engine/transport/index.ts';
import type { HttpParts } from './app.ts';
import { httpParts } from './cluster.support.ts';
import { openHttpEdge } from './server.ts';

type Timeouts = NonNullable<Parameters<typeof openHttpEdge>[1]>;

export interface OpenEdge {
  readonly address: SocketAddress;
  close(graceMs: number): Promise<void>;
}

export async function openEdge(
  timeouts?: Timeouts,
  more: Partial<HttpParts> = {},
): Promise<OpenEdge> {
  const clock = new SystemClock();
  const patience = timeouts === undefined ? {} : { silentMs: timeouts.headersMs };
  const any = '127.0.0.1:0' as SocketAddress;
  const door = await openFrontDoor({ clock, net: systemNet }, any, patience);
  const { address } = door;
  const http = openHttpEdge({ ...httpParts(more), clock, address }, timeouts);
  door.serveHttp(http);
  const close = async (graceMs: number): Promise<void> => {
    await door.refuseMore();
    await http.close(graceMs);
    await door.close(0);
  };
  return { address, close };
}
