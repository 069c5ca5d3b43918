// A member as far as its connections go: writes down what it hears, answers what it is asked.

import type { Stream, StreamHandler } from '../../src/base/capabilities.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import {
  type Admission,
  type Hello,
  type IncomingRequest,
  type IncomingStreamHandler,
  type MemberId,
  openPeers,
  type Peers,
  type PeersHandler,
} from '../../src/engine/transport/index.ts';
import type { PeerCapabilities, PeerOptions } from '../../src/engine/transport/peer/options.ts';

export interface HeardFrame {
  readonly from: MemberId;
  readonly kind: number;
  readonly body: Uint8Array;
}

export interface PeerMemberOptions {
  readonly hello?: Partial<Hello>;
  readonly options?: Partial<PeerOptions>;
}

export class PeerMember implements PeersHandler {
  readonly peers: Peers;
  readonly frames: HeardFrame[] = [];
  readonly requests: IncomingRequest[] = [];
  /** `up 2`, `down 2: why`, in their order. */
  readonly changes: string[] = [];
  readonly streams: HeardStream[] = [];
  onChange: (change: string) => void = (change) => void this.changes.push(change);
  address = '' as SocketAddress;
  onAdmit: (hello: Hello) => Admission | Promise<Admission> = () => ({ kind: 'admitted' });
  onAsked: (request: IncomingRequest) => void = (request) => {
    if (request.kind < 100) request.respond(request.body);
  };
  makeStream: (stream: HeardStream) => IncomingStreamHandler | undefined = (stream) => stream;

  constructor(capabilities: PeerCapabilities, member: MemberId, made: PeerMemberOptions = {}) {
    const { hello = {}, options = {} } = made;
    const own = { clusterId: 'c-1', member, incarnation: BigInt(member), features: 0, ...hello };
    this.peers = openPeers(capabilities, { hello: own, options }, this);
  }

  readonly accept = (stream: Stream): StreamHandler => this.peers.accept(stream);

  admit(hello: Hello): Admission | Promise<Admission> {
    return this.onAdmit(hello);
  }

  onUp(member: MemberId): void {
    this.onChange(`up ${member}`);
  }

  onDown(member: MemberId, reason: string): void {
    this.onChange(`down ${member}: ${reason}`);
  }

  onFrame(from: MemberId, kind: number, body: Uint8Array): void {
    this.frames.push({ from, kind, body: body.slice() });
  }

  onRequest(request: IncomingRequest): void {
    this.requests.push(request);
    this.onAsked(request);
  }

  onStream(from: MemberId, kind: number, header: Uint8Array): IncomingStreamHandler | undefined {
    const stream = new HeardStream(from, kind, header);
    this.streams.push(stream);
    return this.makeStream(stream);
  }
}

/** Takes all that comes. */
export class HeardStream implements IncomingStreamHandler {
  readonly from: MemberId;
  readonly kind: number;
  readonly header: Uint8Array;
  readonly chunks: Uint8Array[] = [];
  bytes = 0;
  aborted: string | undefined;
  finished = false;
  onTaken: () => Promise<boolean> = () => Promise.resolve(true);
  consume: (chunk: Uint8Array) => Promise<void> | void = () => {};

  constructor(from: MemberId, kind: number, header: Uint8Array) {
    this.from = from;
    this.kind = kind;
    this.header = header;
  }

  onChunk(chunk: Uint8Array): Promise<void> | void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
    return this.consume(chunk);
  }

  onFinish(): Promise<boolean> {
    this.finished = true;
    return this.onTaken();
  }

  onAbort(reason: string): void {
    this.aborted = reason;
  }
}
