// The one TCP port of a member. The door accepts connections, listens to their first bytes, and
// hands them to whoever speaks that protocol: raw sockets to an HTTP server, which takes them as
// `connection` events as if it had accepted them itself, streams to the members' protocol.

import type { Socket } from 'node:net';
import type { Stream, StreamHandler } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
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
  readonly silentMax?: number;
  readonly httpMax?: number;
}

export interface FrontDoor {
  readonly address: SocketAddress;
  /** Connections that are open now. */
  readonly open: number;
  /** Accepts no more; connections that are open live on. */
  refuseMore(): Promise<void>;
  /** Accepts no more. Then gives open connections `graceMs` to finish, and cuts the rest. */
  close(graceMs: number): Promise<void>;
}

/** As patient as the HTTP server is with headers. */
const SILENT_MS = 10_000;

export async function openFrontDoor(
  listen: SocketAddress,
  consumers: DoorConsumers,
): Promise<FrontDoor> {
  const open = new Set<Socket>();
  const visitors: Visitors = { consumers, silent: new Set(), http: new Set() };
  const { server, address } = await listenTcp(listen, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    hearFirstBytes(socket, visitors);
  });
  server.maxConnections = LIMITS.door.connectionsMax;
  // An HTTP server starts to watch for slow clients when it begins to listen, which this one never
  // does by itself: without this event its header and request timeouts would not work.
  consumers.http.emit('listening');
  return {
    address,
    get open() {
      return open.size;
    },
    refuseMore: () => closeServer(server),
    close: async (graceMs) => {
      await closeServer(server);
      await allClosed(open, graceMs);
      for (const socket of open) socket.destroy();
    },
  };
}

interface Visitors {
  readonly consumers: DoorConsumers;
  /** Have not said what they speak, the oldest first. */
  readonly silent: Set<Socket>;
  readonly http: Set<Socket>;
}

/**
 * [T1] A and B stand, C starts again. Whoever opens connections to A and says nothing would have
 * taken all places when C calls. C says at once what it speaks: the oldest of those who did not had
 * its time.
 */
function enter(socket: Socket, { silent, consumers }: Visitors): void {
  silent.add(socket);
  if (silent.size <= (consumers.silentMax ?? LIMITS.door.silentMax)) return;
  for (const oldest of silent) {
    oldest.destroy();
    silent.delete(oldest);
    return;
  }
}

/** Hands the socket over as soon as it is clear what it speaks. */
function hearFirstBytes(socket: Socket, visitors: Visitors): void {
  const { consumers, silent } = visitors;
  // A client may reset the connection before anyone else listens for errors.
  socket.on('error', () => {});
  const impatience = setTimeout(() => {
    consumers.refuseSilent?.(socket);
    socket.destroySoon();
  }, consumers.silentMs ?? SILENT_MS);
  let heard: Buffer = Buffer.alloc(0);
  const onEnd = (): void => void socket.destroy();
  const onClose = (): void => {
    clearTimeout(impatience);
    silent.delete(socket);
  };
  const onData = (chunk: Buffer): void => {
    heard = heard.length === 0 ? chunk : Buffer.concat([heard, chunk]);
    const spoken = spokenIn(heard);
    if (spoken === undefined) return;
    onClose();
    socket.off('data', onData).off('end', onEnd).off('close', onClose);
    // Nothing was read as far as the next one can tell.
    socket.pause();
    socket.unshift(heard);
    handOver(socket, spoken, visitors);
    socket.resume();
  };
  socket.on('data', onData).on('end', onEnd).on('close', onClose);
  enter(socket, visitors);
}

function handOver(socket: Socket, spoken: Spoken, { consumers, http }: Visitors): void {
  const { frames, httpMax } = consumers;
  if (spoken === 'http' && http.size < (httpMax ?? LIMITS.door.httpMax)) {
    http.add(socket);
    socket.once('close', () => http.delete(socket));
    consumers.http.emit('connection', socket);
  } else if (spoken === 'frames' && frames !== undefined) streamOver(socket, frames);
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
