// A datagram socket that outlives every error. Gossip has no other way to reach its peers, and a
// member that dies because one peer's port was closed, or because the machine's network went away
// for a minute, would turn a small trouble into a large one. So:
//
//   - an error of one datagram (ICMP answer, too long, no route, no buffer) loses that datagram;
//   - errors in a row, or a socket that closed by itself, lead to a new socket on the same address,
//     tried again with growing pauses for as long as it takes;
//   - what is sent meanwhile is lost and counted. Datagrams may get lost anyway.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { assert } from '../../base/assert.ts';
import type { DatagramCounters, DatagramHandler, DatagramSocket } from '../../base/capabilities.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { type HostPort, hostPortOf, plainBytes, socketAddressOf } from './addresses.ts';
import { bindFailure, errorCodeOf } from './socket-errors.ts';

/** The kernel holds bursts while a garbage collection or a long turn keeps us from reading. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** One bad datagram is no reason to lose those that wait in the socket; a series is. */
const ERRORS_IN_A_ROW_MAX = 8;
const REOPEN_PAUSE_MS_MIN = 50;
const REOPEN_PAUSE_MS_MAX = 5_000;
/** Destinations are few (the members); the bound is against a forged flood of sources. */
const DESTINATIONS_MAX = 8_192;

export interface UdpOptions {
  /** How raw sockets are made; tests keep hold of them to close them underneath. */
  readonly createSocket?: typeof createSocket;
}

/** A parsed peer address, with the one callback for all datagrams that go there. */
interface Destination extends HostPort {
  readonly onSent: (error: Error | null) => void;
}

export async function openUdp(
  listen: SocketAddress,
  handler: DatagramHandler,
  options: UdpOptions = {},
): Promise<DatagramSocket> {
  const endpoint = new UdpEndpoint(listen, handler, options.createSocket ?? createSocket);
  await endpoint.open();
  return endpoint;
}

class UdpEndpoint implements DatagramSocket {
  readonly counters: DatagramCounters = { sent: 0, received: 0, lost: 0, reopened: 0 };
  /** What the first bind asks for; later ones ask for the port it got. */
  #address: SocketAddress;
  readonly #family: 4 | 6;
  readonly #handler: DatagramHandler;
  readonly #createSocket: typeof createSocket;
  readonly #destinations = new Map<SocketAddress, Destination>();
  #socket: Socket | undefined;
  #errorsInARow = 0;
  #reopenPauseMs = REOPEN_PAUSE_MS_MIN;
  #reopenTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(listen: SocketAddress, handler: DatagramHandler, create: typeof createSocket) {
    this.#address = listen;
    this.#family = hostPortOf(listen).family;
    this.#handler = handler;
    this.#createSocket = create;
  }

  get address(): SocketAddress {
    return this.#address;
  }

  async open(): Promise<void> {
    try {
      await this.#bind();
    } catch (error) {
      throw bindFailure(error, 'UDP', this.#address);
    }
  }

  send(bytes: Uint8Array, to: SocketAddress): void {
    if (this.#closed) return;
    const destination = this.#destination(to);
    if (this.#socket === undefined) {
      this.counters.lost += 1;
      return;
    }
    if (destination.port === 0 || (destination.family === 6 && this.#family === 4)) {
      this.#losesOne(destination.port === 0 ? 'EINVAL' : 'EAFNOSUPPORT', to);
      return;
    }
    this.counters.sent += 1;
    try {
      // The copy: the system may keep the bytes until the socket has room again.
      const copy = Buffer.from(bytes);
      this.#socket.send(
        copy,
        0,
        copy.length,
        destination.port,
        destination.host,
        destination.onSent,
      );
    } catch (error) {
      // The socket closed in this very turn and its event is still on the way.
      destination.onSent(error as Error);
    }
  }

  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#reopenTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      closeQuietly(socket, resolve);
    });
  }

  #destination(to: SocketAddress): Destination {
    const known = this.#destinations.get(to);
    if (known !== undefined) return known;
    const { host, port, family } = hostPortOf(to);
    const destination: Destination = {
      // A socket of both families reaches IPv4 through its mapped form.
      host: family === 4 && this.#family === 6 ? `::ffff:${host}` : host,
      port,
      family,
      onSent: (error) => {
        if (error === null || error === undefined) return;
        this.counters.sent -= 1;
        this.#losesOne(errorCodeOf(error), to);
      },
    };
    if (this.#destinations.size >= DESTINATIONS_MAX) this.#destinations.clear();
    this.#destinations.set(to, destination);
    return destination;
  }

  #losesOne(reason: string, peer: SocketAddress): void {
    this.counters.lost += 1;
    if (!this.#closed) this.#handler.onTrouble(reason, peer);
  }

  #bind(): Promise<void> {
    const { host, port } = hostPortOf(this.#address);
    const socket = this.#createSocket({
      type: this.#family === 4 ? 'udp4' : 'udp6',
      // Hosts are IP addresses already; without this each send would pass through the resolver.
      lookup: (address, _options, found) => found(null, address, this.#family),
    });
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        closeQuietly(socket);
        reject(error);
      };
      socket.once('error', fail);
      socket.bind({ port, address: host, exclusive: true }, () => {
        socket.off('error', fail);
        const local = socket.address();
        this.#address = socketAddressOf(local.address, local.port);
        this.#adopt(socket);
        resolve();
      });
    });
  }

  #adopt(socket: Socket): void {
    if (this.#closed) {
      closeQuietly(socket);
      return;
    }
    this.#socket = socket;
    this.#errorsInARow = 0;
    growReceiveBuffer(socket);
    socket.on('message', (bytes, from) => this.#receive(bytes, from));
    socket.on('error', (error) => this.#suffer(socket, errorCodeOf(error)));
    socket.on('close', () => {
      if (this.#socket === socket) this.#replace('the socket closed by itself');
    });
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#closed) return;
    this.#errorsInARow = 0;
    this.#reopenPauseMs = REOPEN_PAUSE_MS_MIN;
    this.counters.received += 1;
    this.#handler.onDatagram(plainBytes(bytes), socketAddressOf(from.address, from.port));
  }

  #suffer(socket: Socket, reason: string): void {
    if (this.#socket !== socket) return;
    this.#errorsInARow += 1;
    if (this.#errorsInARow > ERRORS_IN_A_ROW_MAX) this.#replace(reason);
    else this.#handler.onTrouble(reason, undefined);
  }

  #replace(reason: string): void {
    const broken = this.#socket;
    this.#socket = undefined;
    if (broken !== undefined) closeQuietly(broken);
    this.#handler.onTrouble(`${reason}; opening it again`, undefined);
    this.#scheduleReopen();
  }

  #scheduleReopen(): void {
    assert(!this.#closed && this.#socket === undefined, 'only a lost socket is opened again');
    this.#reopenTimer = setTimeout(() => void this.#reopen(), this.#reopenPauseMs);
    this.#reopenPauseMs = Math.min(this.#reopenPauseMs * 2, REOPEN_PAUSE_MS_MAX);
  }

  async #reopen(): Promise<void> {
    try {
      await this.#bind();
      this.counters.reopened += 1;
    } catch (error) {
      if (this.#closed) return;
      this.#handler.onTrouble(`opening failed: ${errorCodeOf(error)}`, undefined);
      this.#scheduleReopen();
    }
  }
}

/** Closing a socket that is closed throws; that is the state we want. */
function closeQuietly(socket: Socket, otherwise: () => void = () => {}): void {
  socket.on('error', () => {});
  try {
    socket.close();
  } catch {
    otherwise();
  }
}

/** The system may grant less than asked, or nothing; it works either way, with more loss. */
function growReceiveBuffer(socket: Socket): void {
  try {
    socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  } catch {
    // The default stays.
  }
}
