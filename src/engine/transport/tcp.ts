// Streams over node:net. Both sides keep their own half open until they end it themselves, so that
// a reader who says "no more" still receives its answer.

import { connect, createServer, type Socket } from 'node:net';
import type { Stream, StreamHandler, StreamListener } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { hostPortOf, plainBytes, socketAddressOf } from './addresses.ts';
import { bindFailure, connectFailure, errorCodeOf } from './socket-errors.ts';

/** First probe of an idle connection: finds peers whose machine vanished without a word. */
const KEEP_ALIVE_AFTER_MS = 10_000;
/** Connections that wait in the kernel to be accepted. */
const BACKLOG = 511;

class TcpStream implements Stream {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly #socket: Socket;
  #detach: (() => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.local = socketAddressOf(socket.localAddress ?? '0.0.0.0', socket.localPort ?? 0);
    this.remote = socketAddressOf(socket.remoteAddress ?? '0.0.0.0', socket.remotePort ?? 0);
  }

  write(bytes: Uint8Array): boolean {
    return this.#socket.writable ? this.#socket.write(bytes) : true;
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  attach(handler: StreamHandler): void {
    const socket = this.#socket;
    let reason: string | undefined;
    const onDrain = (): void => handler.onDrain();
    const onEnd = (): void => handler.onEnd();
    const onData = (bytes: Uint8Array): void => handler.onData(plainBytes(bytes));
    socket.on('error', (error) => {
      reason = errorCodeOf(error);
    });
    socket.on('drain', onDrain).on('end', onEnd).on('data', onData);
    socket.on('close', () => handler.onClose(reason));
    this.#detach = () => socket.off('drain', onDrain).off('end', onEnd).off('data', onData);
  }

  release(): Socket {
    this.#detach?.();
    return this.#socket;
  }
}

/**
 * The socket beneath a stream, for libraries that want one. From now on the stream's handler hears
 * of its end only. Undefined where the stream is none of this machine's.
 */
export function takeSocket(stream: Stream): Socket | undefined {
  return stream instanceof TcpStream ? stream.release() : undefined;
}

/** Listens and resolves once bound. Troubles of later accepts must not end the process. */
export function listenStreams(
  listen: SocketAddress,
  onStream: (stream: Stream) => StreamHandler,
): Promise<StreamListener> {
  const { host, port } = hostPortOf(listen);
  const server = createServer(
    {
      allowHalfOpen: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
    },
    (socket) => {
      const stream = new TcpStream(socket);
      stream.attach(onStream(stream));
    },
  );
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(bindFailure(error, 'TCP', listen));
    server.once('error', fail);
    server.listen({ host, port, backlog: BACKLOG, exclusive: true }, () => {
      server.off('error', fail);
      // Out of file descriptors, most likely: the connection is refused, the listener goes on.
      server.on('error', () => {});
      const bound = server.address();
      const boundPort = bound !== null && typeof bound === 'object' ? bound.port : port;
      resolve({
        address: socketAddressOf(host, boundPort),
        // `server.close` calls back only when the last stream is gone: not awaited.
        close: async () => {
          server.close();
        },
      });
    });
  });
}

export function connectStream(
  to: SocketAddress,
  handler: StreamHandler,
  timeoutMs: number,
): Promise<Stream> {
  const { host, port } = hostPortOf(to);
  const socket = connect({
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_AFTER_MS,
  });
  return new Promise((resolve, reject) => {
    const fail = (code: string): void => {
      clearTimeout(deadline);
      socket.destroy();
      reject(connectFailure(code, to));
    };
    const onError = (error: Error): void => fail(errorCodeOf(error));
    const deadline = setTimeout(() => fail('ETIMEDOUT'), timeoutMs);
    socket.once('error', onError);
    socket.once('connect', () => {
      clearTimeout(deadline);
      socket.off('error', onError);
      const stream = new TcpStream(socket);
      stream.attach(handler);
      resolve(stream);
    });
  });
}
