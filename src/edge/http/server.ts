// Gives the HTTP application its connections. The server never listens by itself: the member's one
// TCP port belongs to the front door, which hands over connections. It takes them at once; the
// application is loaded behind it when the first request comes, and requests that come meanwhile
// wait for it.

import type * as NodeHttp from 'node:http';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import { assert, must } from '../../base/assert.ts';
import type { Clock, Stream, StreamHandler } from '../../base/capabilities.ts';
import { type HttpTaker, takeSocket } from '../../engine/transport/index.ts';
import type { HttpParts } from './app.ts';
import {
  HEADER_BYTES_MAX,
  NO_ROOM,
  refuseConnection,
  refuseExpectation,
  refuseTunnel,
  TOO_SLOW,
} from './connection-refusal.ts';
import { type Listener, oneByOne } from './one-by-one.ts';

/** How patient the server is with slow clients. */
interface Timeouts {
  /** A client that sends a byte a second holds a connection no longer than this. */
  readonly headersMs: number;
  readonly requestMs: number;
  /** How late a slow client may be noticed. */
  readonly checkMs: number;
  /** A reader that takes nothing for this long is gone. */
  readonly idleMs: number;
}

const TIMEOUTS: Timeouts = { headersMs: 10_000, requestMs: 15_000, checkMs: 2_000, idleMs: 30_000 };

// An import statement would ask node:http for all its exports, the WebSocket and fetch of a browser
// among them: 12 MB that no member uses.
const { createServer } = createRequire(import.meta.url)('node:http') as typeof NodeHttp;

export interface HttpEdge extends HttpTaker {
  /** Takes no more requests, lets running ones finish for `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export interface HttpEdgeParts extends HttpParts {
  readonly clock: Clock;
}

export function openHttpEdge(parts: HttpEdgeParts, timeouts: Timeouts = TIMEOUTS): HttpEdge {
  const server = createServer({
    maxHeaderSize: HEADER_BYTES_MAX,
    // The application refuses what has none, as it refuses all else.
    requireHostHeader: false,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    connectionsCheckingInterval: timeouts.checkMs,
  });
  server.setTimeout(timeouts.idleMs);
  server.on('clientError', refuseConnection);
  server.on('checkExpectation', refuseExpectation);
  server.on('connect', refuseTunnel);
  serveOnceLoaded(server, () => loadApp(server, parts));
  // An HTTP server starts to watch for slow clients when it begins to listen, which this one never
  // does by itself: without this event its header and request timeouts would not work.
  server.emit('listening');
  const connections = new Connections(server, parts.clock);
  return {
    take: (stream) => connections.take(stream),
    noRoom: NO_ROOM,
    tooSlow: TOO_SLOW,
    close: (graceMs) => connections.close(graceMs),
  };
}

/** The connections that the server has been given, as long as they are open. */
class Connections {
  readonly #server: Server;
  readonly #clock: Clock;
  #open = 0;
  #onNoneOpen: (() => void) | undefined;

  constructor(server: Server, clock: Clock) {
    this.#server = server;
    this.#clock = clock;
  }

  take(stream: Stream): StreamHandler {
    const socket = takeSocket(stream);
    assert(socket !== undefined, "Node's HTTP server needs sockets of this machine");
    this.#open += 1;
    return {
      // Only what told it apart comes here: the server reads all that follows from the socket.
      onData: (first) => {
        socket.pause();
        socket.unshift(first);
        this.#server.emit('connection', socket);
        socket.resume();
      },
      onDrain: () => {},
      onEnd: () => {},
      onClose: () => {
        this.#open -= 1;
        if (this.#open === 0) this.#onNoneOpen?.();
      },
    };
  }

  async close(graceMs: number): Promise<void> {
    this.#server.closeIdleConnections();
    if (this.#open === 0) return;
    await new Promise<void>((resolve) => {
      const deadline = this.#clock.setTimer(graceMs, resolve);
      this.#onNoneOpen = () => {
        deadline.cancel();
        resolve();
      };
    });
    this.#server.closeAllConnections();
  }
}

/** The first request loads the application: 12 MB and 0.2 s that many members never need. */
function serveOnceLoaded(server: Server, load: () => Promise<Listener>): void {
  let loading: Promise<Listener> | undefined;
  const waiting: Listener = (request, response) => {
    loading ??= load().then((loaded) => {
      listener = loaded;
      return loaded;
    });
    // A failure is a bug of ours: it must end the process, not only this promise.
    void loading.then((loaded) => loaded(request, response));
  };
  let listener = waiting;
  server.on(
    'request',
    oneByOne((request, response) => listener(request, response)),
  );
}

async function loadApp(server: Server, parts: HttpParts): Promise<Listener> {
  const { createApp } = await import('./app.ts');
  let listener: Listener | undefined;
  await createApp(parts, (handler) => {
    listener = handler;
    return server;
  });
  return must(listener, 'fastify makes its handler before it is ready');
}
