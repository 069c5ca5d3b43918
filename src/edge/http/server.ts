// Gives the HTTP application its connections. The server never listens by itself: the member's one
// TCP port belongs to the front door, which hands over sockets. It answers as soon as the port is
// open; the application is loaded behind it, so that gossip does not wait for fastify, and
// requests that come meanwhile wait for the application.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { must } from '../../base/assert.ts';
import type { Stream, StreamHandler } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { openFrontDoor } from '../../engine/transport/index.ts';
import type { HttpParts } from './app.ts';
import { renderJson } from './json.ts';
import { PROBLEM_TYPE, problemDocument, problemStatus } from './problem.ts';

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

/** Beside a URL of full length there is room for headers, cookies of other local pages included. */
const HEADER_BYTES_MAX = LIMITS.http.urlBytesMax + 16 * 1024;

/** Node's name for a client that is too slow. */
const REQUEST_TIMEOUT = 'ERR_HTTP_REQUEST_TIMEOUT';

type Listener = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpEdge {
  readonly address: SocketAddress;
  /** Takes no more requests, lets running ones finish for `graceMs`. */
  close(graceMs: number): Promise<void>;
}

export interface HttpEdgeParts extends Omit<HttpParts, 'address'> {
  /** Takes the other members' connections, which come by the same port. */
  readonly frames?: ((stream: Stream) => StreamHandler) | undefined;
}

/** Rejects with `E_ADDRESS_IN_USE` or `E_ADDRESS_UNUSABLE` when the TCP port cannot be had. */
export async function openHttpEdge(
  listen: SocketAddress,
  { frames, ...parts }: HttpEdgeParts,
  timeouts: Timeouts = TIMEOUTS,
): Promise<HttpEdge> {
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
  const { promise, resolve, reject } = Promise.withResolvers<Listener>();
  serveWhenLoaded(server, promise);
  const door = await openFrontDoor(listen, {
    http: server,
    frames,
    silentMs: timeouts.headersMs,
    refuseSilent: (socket) => refuseConnection({ code: REQUEST_TIMEOUT }, socket),
  });
  loadApp(server, { ...parts, address: door.address }).then(resolve, reject);
  return {
    address: door.address,
    close: async (graceMs) => {
      server.closeIdleConnections();
      await door.close(graceMs);
    },
  };
}

function serveWhenLoaded(server: Server, loading: Promise<Listener>): void {
  const waiting: Listener = (request, response) => {
    loading.then(
      (listener) => listener(request, response),
      () => response.destroy(),
    );
  };
  server.on('request', waiting);
  loading.then(
    (listener) => {
      server.off('request', waiting);
      server.on('request', listener);
    },
    // The failure is a bug of ours: it must end the process, not only this promise.
    (error: unknown) => {
      throw error;
    },
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

/** What is not HTTP, too long or too slow never reaches the application. */
function refuseConnection(error: { readonly code?: string | undefined }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [refusal, status] = refusalOf(error.code);
  const context = { instance: '', requestId: '', ...(status === undefined ? {} : { status }) };
  const body = renderJson(problemDocument(refusal, context));
  socket.end(
    `HTTP/1.1 ${problemStatus(refusal, context)} Refused\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Connection: close\r\n\r\n${body}`,
  );
}

function refusalOf(code: string | undefined): [ParleyError, number?] {
  if (code === REQUEST_TIMEOUT) {
    return [new ParleyError('E_TIMEOUT', 'the request took too long to arrive.')];
  }
  if (code === 'HPE_HEADER_OVERFLOW') {
    const what = `URL and headers have more than ${HEADER_BYTES_MAX} bytes.`;
    return [new ParleyError('E_TOO_LARGE', what), 431];
  }
  return [new ParleyError('E_MALFORMED', 'what arrived is not HTTP/1.1.')];
}
