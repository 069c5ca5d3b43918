// The one TCP port of a member. The door accepts connections, listens to their first bytes, and
// hands them to whoever speaks that protocol: raw sockets to an HTTP server, which takes them as
// `connection` events as if it had accepted them itself, streams to the members' protocol.

import type { Socket } from 'node:net';
import type { Stream, StreamHandler } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { lastWord, type Spoken, spokenIn } from './first-bytes.ts';
import { closeServer, listenTcp, streamOver } from './tcp.ts';

/** An `http.Server` that never listens is one. */
interface SocketConsumer {
  emit(event: 'connection', socket: Socket): boolean;
  emit(event: 'listening'): boolean;
}

export interface DoorConsumers {
  readonly http: SocketConsumer;
  /** Takes connections that began with the magic of Parley's frames. */
  readonly frames?: ((stream: Stream) => StreamHandler) | undefined;
  /** How long a connection may say nothing, and what it hears then; it is closed in any case. */
  readonly silentMs?: number;
  readonly refuseSilent?: (socket: Socket) => void;
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
/** As patient as the HTTP server is with headers. */
const SILENT_MS = 10_000;

export async function openFrontDoor(
  listen: SocketAddress,
  consumers: DoorConsumers,
): Promise<FrontDoor> {
  const open = new Set<Socket>();
  const { server, address } = await listenTcp(listen, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    hearFirstBytes(socket, consumers);
  });
  server.maxConnections = CONNECTIONS_MAX;
  // An HTTP server starts to watch for slow clients when it begins to listen, which this one never
  // does by itself: without this event its header and request timeouts would not work.
  consumers.http.emit('listening');
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

/** Hands the socket over as soon as it is clear what it speaks. */
function hearFirstBytes(socket: Socket, consumers: DoorConsumers): void {
  // A client may reset the connection before anyone else listens for errors.
  socket.on('error', () => {});
  const impatience = setTimeout(() => {
    consumers.refuseSilent?.(socket);
    socket.destroySoon();
  }, consumers.silentMs ?? SILENT_MS);
  let heard: Buffer = Buffer.alloc(0);
  const onEnd = (): void => void socket.destroy();
  const onClose = (): void => clearTimeout(impatience);
  const onData = (chunk: Buffer): void => {
    heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
    const spoken = spokenIn(heard);
    if (spoken === undefined) return;
    clearTimeout(impatience);
    socket.off('data', onData).off('end', onEnd).off('close', onClose);
    // Nothing was read as far as the next one can tell.
    socket.pause();
    socket.unshift(heard);
    handOver(socket, spoken, consumers);
    socket.resume();
  };
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
}

function handOver(socket: Socket, spoken: Spoken, { http, frames }: DoorConsumers): void {
  if (spoken === 'http') http.emit('connection', socket);
  else if (spoken === 'frames' && frames !== undefined) streamOver(socket, frames);
  else socket.end(lastWord(spoken), () => socket.destroySoon());
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
