// The words of the transport between members, and between a client and a member.
//
// A member dials each peer and sends over that connection; what the peer sends comes over the one
// the peer dialled. A request is answered over the connection that it came by.

import type { Stream, StreamHandler } from '../../../base/capabilities.ts';
import type { SocketAddress } from '../../../base/ids.ts';

/** Given by the cluster, never reused. 0 is nobody: a client has no member id. */
export type MemberId = number;

/** What both sides of a connection say before anything else. */
export interface Hello {
  /** A uuid in its canonical spelling. */
  readonly clusterId: string;
  /** 0: a client. */
  readonly member: MemberId;
  /** Of the data directory, from its log. A member whose disk was wiped comes with another one. */
  readonly incarnation: bigint;
  /** Whom the caller believes to call; 0 when it does not matter. */
  readonly callee: MemberId;
  /** Bits of what the sender understands beyond the first version; see the host. */
  readonly features: number;
}

export type HelloRefusal =
  | 'version'
  | 'cluster'
  /** The address belongs to another member than the caller believes. */
  | 'callee'
  /** The member id is known with another incarnation: its disk was wiped or copied. */
  | 'incarnation'
  | 'unknownMember'
  /** Two processes with the same identity. */
  | 'duplicate'
  | 'overloaded';

export type Admission =
  | { readonly kind: 'admitted' }
  | { readonly kind: 'refused'; readonly reason: HelloRefusal; readonly message: string };

/** A peer that was dialled did not let this member in, or is not whom this member lets in. */
export interface PeerEvent {
  readonly kind: 'peerRefused';
  readonly peer: MemberId;
  readonly reason: HelloRefusal;
}

/** Which goes first when a connection has more to send than it takes. */
export type Lane = 'urgent' | 'ordinary' | 'bulk';

/** `full` and `down` lose the frame: the caller's protocol must make up for it. */
export type SendOutcome = 'queued' | 'full' | 'down';

/** Definite: the request had no effect. Unknown: it may have had. */
export type RequestOutcome =
  /** `body` is a view into what arrived with it: what is kept for long should be a copy. */
  | { readonly kind: 'answered'; readonly body: Uint8Array }
  | { readonly kind: 'refused'; readonly reason: 'down' | 'full' | 'noHandler' }
  | { readonly kind: 'unknown'; readonly reason: 'timeout' | 'connectionLost' | 'cancelled' };

export interface IncomingRequest {
  /** 0: a client. */
  readonly from: MemberId;
  readonly kind: number;
  /** Of the receiver, who keeps what it needs when `onRequest` returns: the request does not. */
  readonly body: Uint8Array;
  /** When the caller gives up, by this member's monotonic clock. */
  readonly deadlineMs: number;
  /** The caller does not wait any more: it cancelled, or its connection is gone. */
  readonly isAbandoned: boolean;
  /** Once, or `refuse`. Copies `body`. */
  respond(body: Uint8Array): void;
  /** It had no effect and will have none: the caller hears `refused`. */
  refuse(reason: 'full' | 'noHandler'): void;
}

export interface OutgoingStream {
  /** Takes ownership. False: wait for `onDrain`. */
  write(chunk: Uint8Array): boolean;
  /** All is written; `onEnd` tells whether the receiver took it. */
  finish(): void;
  abort(reason: string): void;
}

export interface OutgoingStreamHandler {
  onDrain(): void;
  /** Once. `accepted`: the receiver has all of it and said so. */
  onEnd(outcome: { readonly kind: 'accepted' } | { readonly kind: 'failed'; why: string }): void;
}

export interface IncomingStreamHandler {
  /** The chunk is whole (its checksum held) and belongs to the handler. */
  onChunk(chunk: Uint8Array): Promise<void> | void;
  /** True once it is taken for good. */
  onFinish(): Promise<boolean>;
  onAbort(reason: string): void;
}

export interface PeersHandler {
  /**
   * Decides on whom a member talks to, for both directions, before any frame passes. Clients ask
   * too. Cluster, callee and version are right already.
   */
  admit(hello: Hello): Admission | Promise<Admission>;
  /** The connection that this member dialled stands: frames can be sent. */
  onUp(member: MemberId, hello: Hello): void;
  onDown(member: MemberId, reason: string): void;
  /** `body` is the handler's for the length of the call only. */
  onFrame(from: MemberId, kind: number, body: Uint8Array): void;
  onRequest(request: IncomingRequest): void;
  /** Undefined refuses the stream. */
  onStream(from: MemberId, kind: number, header: Uint8Array): IncomingStreamHandler | undefined;
}

export interface Peers {
  /** Takes a stream that began with the magic of Parley's frames. */
  accept(stream: Stream): StreamHandler;
  /** Keeps a connection to `member` from now on, and dials again after each loss. */
  setPeer(member: MemberId, address: SocketAddress): void;
  /** Ends the connections of both sides. Whether the peer may come back is for `admit` to say. */
  dropPeer(member: MemberId): void;
  isUp(member: MemberId): boolean;
  /** Features that the peer named in its hello; 0 while down. */
  featuresOf(member: MemberId): number;
  /** When anything last came from `member`, by the monotonic clock; idle members ping. */
  lastHeardMs(member: MemberId): number;

  /** Frames of one turn leave together at its end. Copies `body`. */
  send(member: MemberId, lane: Lane, kind: number, body: Uint8Array): SendOutcome;
  /** Answers exactly once, never within this call. The number cancels it. */
  request(
    member: MemberId,
    kind: number,
    body: Uint8Array,
    timeoutMs: number,
    done: (outcome: RequestOutcome) => void,
  ): number;
  cancel(request: number): void;
  openStream(
    member: MemberId,
    kind: number,
    header: Uint8Array,
    handler: OutgoingStreamHandler,
  ): OutgoingStream | undefined;

  /** Ends the turn for what was sent so far, for a caller that works at the end of the turn. */
  flush(): void;
  close(): Promise<void>;
}

/** A client's one connection to a member. */
export interface PeerClient {
  request(
    kind: number,
    body: Uint8Array,
    timeoutMs: number,
    done: (outcome: RequestOutcome) => void,
  ): number;
  cancel(request: number): void;
  /** Something will be asked for at the end of this turn: it leaves with it. */
  expect(): void;
  readonly isUp: boolean;
  close(): void;
}
