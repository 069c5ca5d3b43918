// The one TCP port of a member. The door accepts connections and hands the raw sockets to a
// consumer that speaks a protocol: an HTTP server takes them as `connection` events, as if it had
// accepted them itself. Later several protocols will share the port, told apart by the first bytes.

import type { Socket } from 'node:net';
import type { SocketAddress } from '../../base/ids.ts';
import { closeServer, listenTcp } from './tcp.ts';

/** An `http.Server` that never listens is one. */
interface SocketConsumer {
  emit(event: 'connection', socket: Socket): boolean;
  emit(event: 'listening'): boolean;
}

export interface FrontDoor {
  readonly address: SocketAddress;
  /** Connections that are open now. */
  readonly open: number;
  /** Accepts no more. Then gives open connections `graceMs` to finish, and cuts the rest. */
  close(graceMs: number): Promise<void>;
}

/** A member talks to its peers and a few clients; each connection costs some 20 kB. */
const CONNECTIONS_MAX = 4_096;

export async function openFrontDoor(
  listen: SocketAddress,
  consumer: SocketConsumer,
): Promise<FrontDoor> {
  const open = new Set<Socket>();
  const { server, address } = await listenTcp(listen, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    consumer.emit('connection', socket);
  });
  server.maxConnections = CONNECTIONS_MAX;
  // An HTTP server starts to watch for slow clients when it begins to listen, which this one never
  // does by itself: without this event its header and request timeouts would not work.
  consumer.emit('listening');
  return {
    address,
    get open() {
      return open.size;
    },
    close: async (graceMs) => {
      await closeServer(server);
      await allClosed(open, graceMs);
      for (const socket of open) socket.destroy();
    },
  };
}

/** Resolves when the last socket is gone, or after `graceMs`. */
function allClosed(open: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  if (open.size === 0) return Promise.resolve();
  return new Promise((resolve) => {
    const deadline = setTimeout(resolve, graceMs);
    for (const socket of open) {
      socket.once('close', () => {
        if (open.size > 0) return;
        clearTimeout(deadline);
        resolve();
      });
    }
  });
}
