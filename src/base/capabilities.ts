// Everything that touches the world passes through one narrow object. The composition root hands
// it to a member; the simulator hands the same member another one. Real versions live in
// src/engine, simulated ones in sim/; both pass the contract suites in test/contracts.

import type { SocketAddress } from './ids.ts';

export interface Capabilities {
  readonly clock: Clock;
  readonly random: Random;
  readonly disk: Disk;
  readonly net: Net;
  readonly log: Log;
}

// --- time ---------------------------------------------------------------------------------------

export interface Clock {
  /** Milliseconds since an arbitrary start, fractions included. Never goes back. */
  monotonicMs(): number;
  /** Milliseconds since the Unix epoch, as the machine believes. May jump either way. */
  wallMs(): number;
  /**
   * Calls `callback` once, at least `delayMs` of monotonic time from now, never within this call.
   * Timers of equal deadline fire in the order they were set.
   */
  setTimer(delayMs: number, callback: () => void): Timer;
  /**
   * Calls `callback` once, soon: when everything that has arrived by now was handled. Work that
   * gathers during a turn is done together there. Never within this call; in the order of calls.
   */
  afterTurn(callback: () => void): void;
}

export interface Timer {
  /** After this the callback does not run. Harmless when it already ran or was cancelled. */
  cancel(): void;
}

// --- chance -------------------------------------------------------------------------------------

export interface Random {
  /** Uniform in [0, 2^32). */
  u32(): number;
  /** Uniform in [0, 1), 53 bits. */
  unit(): number;
  /** Uniform integer in [0, bound), 1 <= bound <= 2^32. */
  below(bound: number): number;
}

// --- network ------------------------------------------------------------------------------------

export interface Net {
  /**
   * Binds a datagram socket. Rejects with `E_ADDRESS_IN_USE` or `E_ADDRESS_UNUSABLE`. Once open it
   * stays open until closed, whatever errors the socket meets on the way: they reach `onTrouble`.
   */
  openDatagrams(listen: SocketAddress, handler: DatagramHandler): Promise<DatagramSocket>;
  /** Accepts streams. `onStream` returns the handler of the new stream. Rejects as above. */
  listenStreams(
    listen: SocketAddress,
    onStream: (stream: Stream) => StreamHandler,
  ): Promise<StreamListener>;
  /** Rejects with `E_UNREACHABLE` when refused or not answered within `timeoutMs`. */
  connectStream(to: SocketAddress, handler: StreamHandler, timeoutMs: number): Promise<Stream>;
  /** The IP addresses of a host name. Rejects with `E_UNRESOLVABLE`. */
  resolve(hostname: string): Promise<readonly string[]>;
}

export interface DatagramHandler {
  /** `bytes` is the handler's for the length of the call only: the socket may reuse them. */
  onDatagram(bytes: Uint8Array, from: SocketAddress): void;
  /** A send or receive failed, perhaps the send that is just being called. The socket goes on. */
  onTrouble(reason: string, peer: SocketAddress | undefined): void;
}

export interface DatagramSocket {
  /** The address bound, with the port the system chose where 0 was asked. */
  readonly address: SocketAddress;
  /** Fire and forget: the datagram may be lost, an error reaches `onTrouble`. Copies `bytes`. */
  send(bytes: Uint8Array, to: SocketAddress): void;
  /** After this nothing is sent and no handler is called. */
  close(): Promise<void>;
  readonly counters: Readonly<DatagramCounters>;
}

/** Since the socket was opened. Lost is what this machine knows to be lost. */
export interface DatagramCounters {
  sent: number;
  received: number;
  lost: number;
  /** Times that the socket broke and was bound again. */
  reopened: number;
}

export interface Stream {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Takes ownership of `bytes`. False asks the caller to wait for `onDrain`. */
  write(bytes: Uint8Array): boolean;
  /** Sends what is written, then closes the sending side. */
  end(): void;
  /** Closes at once; unsent bytes are lost. */
  destroy(): void;
  /** Stops and restarts reading: backpressure towards the sender. */
  pause(): void;
  resume(): void;
}

export interface StreamHandler {
  /** `bytes` belongs to the handler. */
  onData(bytes: Uint8Array): void;
  onDrain(): void;
  /** The peer will send no more. */
  onEnd(): void;
  /** The stream is gone; nothing follows. `reason` is undefined for an orderly close. */
  onClose(reason: string | undefined): void;
}

export interface StreamListener {
  readonly address: SocketAddress;
  /** Stops accepting; streams already accepted live on. */
  close(): Promise<void>;
}

// --- disk ---------------------------------------------------------------------------------------

/**
 * Paths are relative to the member's data directory, with `/` between the parts; '' is the
 * directory itself. A path that would leave it (`..`, a leading `/`) is refused as `badPath`.
 */
export interface Disk {
  /** `create` makes the file, not its directory, if missing. Rejects with a `DiskError`. */
  open(path: string, mode: 'read' | 'readWrite' | 'create'): Promise<DiskFile>;
  /** Names of a directory's entries in ascending order. Empty when the directory is missing. */
  list(directory: string): Promise<readonly string[]>;
  /** Makes the directories above it as well; one that exists is fine. */
  makeDirectory(directory: string): Promise<void>;
  /**
   * Moves a file, over another one if need be. Atomic for readers; durable only after
   * `syncDirectory` of both directories.
   */
  rename(from: string, to: string): Promise<void>;
  /** A file or an empty directory. */
  remove(path: string): Promise<void>;
  /** Makes creations, renames and removals in `directory` durable. */
  syncDirectory(directory: string): Promise<void>;
  /** Bytes that may still be written. */
  freeBytes(): Promise<number>;
  /**
   * Takes what `path` stands for: an empty file in a directory that is there, which nobody opens.
   * Rejects as `held` while somebody has it, this process or another one. It is let go of when the
   * process ends, however it ends; a file that is left behind holds nothing.
   */
  lock(path: string): Promise<DiskLock>;
}

export interface DiskLock {
  /** The next one may have it. Harmless when called again. */
  release(): Promise<void>;
}

export interface DiskFile {
  readonly path: string;
  size(): Promise<number>;
  /** Fills `into` from `offset`; answers how many bytes there were, fewer only at the end. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /**
   * Writes all of it or rejects. Not durable before `sync` answers. The caller leaves `bytes`
   * alone until then.
   */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Data and the size needed to read it are durable once this answers (fdatasync). */
  sync(): Promise<void>;
  /**
   * `write` and `sync` in one call, where the disk has one: these bytes are durable once it
   * answers. Of bytes written otherwise it promises nothing. The file keeps its name meanwhile. A
   * disk without it, as the simulated one, is written to and then synced.
   */
  writeDurably?(offset: number, bytes: Uint8Array): Promise<void>;
  truncate(size: number): Promise<void>;
  close(): Promise<void>;
}

export type DiskErrorCode = 'notFound' | 'noSpace' | 'io' | 'closed' | 'badPath' | 'held';

/** Names what failed so that the caller can tell a full disk from a broken one. */
export class DiskError extends Error {
  override readonly name = 'DiskError';
  readonly code: DiskErrorCode;

  constructor(code: DiskErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

// --- log ----------------------------------------------------------------------------------------

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

export type LogFields = Readonly<Record<string, string | number | bigint | boolean | undefined>>;

/** An event is a short constant text; what varies goes into the fields. */
export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** True when `level` is written: guards fields that are costly to make. */
  writes(level: LogLevel): boolean;
  /** The same log with `fields` on every line. */
  with(fields: LogFields): Log;
}

// --- events -------------------------------------------------------------------------------------

/**
 * Hears what befalls a member, in types where the log has text: [H96] says what may be told and
 * what a listener may do. Each module declares the events that it tells. Most of the time there is
 * no listener, and `events?.tell({ ... })` makes no object then.
 */
export interface Events<Event> {
  tell(event: Event): void;
}
