// The connections of a member: those it dials to its peers, and those that peers and clients dial.
// SPEC.md has the rules.

import { assert } from '../../../base/assert.ts';
import type { Clock, Stream, StreamHandler, Timer } from '../../../base/capabilities.ts';
import type { SocketAddress } from '../../../base/ids.ts';
import { LIMITS } from '../../../base/limits.ts';
import { type Acceptance, Accepted } from './accepted.ts';
import { FRAME, KIND_MAX } from './frame.ts';
import type { Refusal } from './hello.ts';
import { Link, type LinkParts } from './link.ts';
import { PEER_DEFAULTS, type PeerCapabilities, type PeerOptions } from './options.ts';
import { Requests } from './requests.ts';
import { StreamRate, StreamSlots } from './stream-parts.ts';
import { TurnEnd } from './turn-end.ts';
import type {
  Hello,
  Lane,
  MemberId,
  OutgoingStream,
  OutgoingStreamHandler,
  Peers,
  PeersHandler,
  RequestOutcome,
  SendOutcome,
} from './types.ts';
import { Vigil } from './vigil.ts';
import type { Wire, WireParts } from './wire.ts';

export interface PeerIdentity {
  readonly hello: Omit<Hello, 'callee'>;
  readonly options?: Partial<PeerOptions>;
}

export function openPeers(
  capabilities: PeerCapabilities,
  identity: PeerIdentity,
  handler: PeersHandler,
): Peers {
  return new MemberPeers(capabilities, identity, handler);
}

const NOTHING = new Uint8Array(0);

class MemberPeers implements Peers, Acceptance {
  readonly options: PeerOptions;
  readonly handler: PeersHandler;
  readonly hello: Hello;
  readonly wireParts: WireParts;
  readonly streamSlots: StreamSlots;
  readonly #clock: Clock;
  readonly #turnEnd: TurnEnd;
  readonly #requests: Requests;
  readonly #linkParts: LinkParts;
  readonly #links = new Map<MemberId, Link>();
  /** Dialled by others: those who have not said who they are, clients, and peers by their id. */
  readonly #strangers = new Set<Accepted>();
  readonly #clients = new Set<Accepted>();
  readonly #peers = new Map<MemberId, Accepted>();
  /** Of peers that may be down now. */
  readonly #heardMs = new Map<MemberId, number>();
  #timer: Timer | undefined;
  readonly #vigil: Vigil;
  #isClosed = false;

  constructor(capabilities: PeerCapabilities, identity: PeerIdentity, handler: PeersHandler) {
    const { clock, net, random, log } = capabilities;
    this.#clock = clock;
    this.options = { ...PEER_DEFAULTS, ...identity.options };
    this.handler = handler;
    this.hello = { ...identity.hello, callee: 0 };
    assert(this.hello.member > 0, 'a member has an id');
    this.#turnEnd = new TurnEnd(clock);
    this.#requests = new Requests(clock, this.#turnEnd, this.options.requestsMax);
    const { ordinaryBytesMax, dialTimeoutMs } = this.options;
    this.wireParts = { clock, turnEnd: this.#turnEnd, ordinaryBytesMax };
    this.streamSlots = new StreamSlots(this.options.streamsMax);
    this.#linkParts = {
      dial: {
        net,
        wireParts: this.wireParts,
        requests: this.#requests,
        hello: this.hello,
        dialTimeoutMs,
      },
      options: this.options,
      handler,
      random,
      log,
      events: capabilities.events,
      streams: {
        clock,
        turnEnd: this.#turnEnd,
        rate: new StreamRate(clock, this.options.streamBytesPerSecond),
        slots: new StreamSlots(this.options.streamsMax),
        stallMs: this.options.streamStallMs,
      },
    };
    this.#vigil = new Vigil(this.options, clock.monotonicMs());
    this.#timer = clock.setTimer(this.options.pingMs, this.#tick);
  }

  // --- connections ------------------------------------------------------------------------------

  accept(stream: Stream): StreamHandler {
    const connection = new Accepted(this);
    connection.wire.attach(stream);
    this.#strangers.add(connection);
    if (this.#isClosed) connection.wire.cut('this member has stopped');
    else if (this.#strangers.size > LIMITS.peer.strangersMax) this.#makeRoom();
    return connection.wire;
  }

  /** [T2] The oldest that has not greeted had its time; the newest may be a peer that just will. */
  #makeRoom(): void {
    for (const { hello, wire } of this.#strangers) {
      if (hello === undefined) return wire.cut('too many connections');
    }
  }

  refuse({ clusterId, callee, member }: Hello): Refusal | undefined {
    const own = this.hello;
    if (clusterId !== own.clusterId && !(member === 0 && clusterId === '')) {
      return refusal('cluster', `the cluster here is ${own.clusterId}, yours is ${clusterId}`);
    }
    if (member === own.member) {
      return refusal('duplicate', `this is member ${member}, and so are you, you say`);
    }
    if (callee !== 0 && callee !== own.member) {
      return refusal('callee', `this is member ${own.member}, not member ${callee}`);
    }
    return undefined;
  }

  settle(connection: Accepted): Refusal | undefined {
    const { hello } = connection;
    assert(hello !== undefined, 'a connection settles after its greeting');
    this.#strangers.delete(connection);
    if (hello.member === 0) {
      if (this.#clients.size >= this.options.clientsMax) {
        return refusal('overloaded', `this member has ${this.#clients.size} clients already`);
      }
      this.#clients.add(connection);
      return undefined;
    }
    const former = this.#peers.get(hello.member);
    if (former !== undefined) {
      if (former.hello?.incarnation !== hello.incarnation) {
        return refusal('duplicate', `another member ${hello.member} is connected`);
      }
      // A member keeps one connection: it gave up the former one, we have not noticed yet.
      former.wire.cut('replaced by a newer connection');
    }
    this.#peers.set(hello.member, connection);
    this.#links.get(hello.member)?.hurry();
    return undefined;
  }

  onGone(connection: Accepted): void {
    this.#strangers.delete(connection);
    this.#clients.delete(connection);
    const member = connection.hello?.member ?? 0;
    if (this.#peers.get(member) !== connection) return;
    this.#noteHeard(member, connection.wire);
    this.#peers.delete(member);
  }

  setPeer(member: MemberId, address: SocketAddress): void {
    assert(member !== this.hello.member && member > 0, 'a member is no peer of its own');
    assert(!this.#isClosed, 'closed peers stay closed');
    const known = this.#links.get(member);
    if (known?.address === address) return;
    const wasUp = known?.wire !== undefined;
    known?.drop(NOTHING);
    this.#links.set(member, new Link(this.#linkParts, member, address));
    if (wasUp) this.handler.onDown(member, 'its address changed');
  }

  dropPeer(member: MemberId): void {
    this.#links.get(member)?.drop(NOTHING);
    this.#links.delete(member);
    this.#peers.get(member)?.wire.bid(NOTHING, 'this peer is dropped');
    // [T4] One that the handler is still deciding on was asked about before.
    for (const { hello, wire } of this.#strangers) {
      if (hello?.member === member) wire.bid(NOTHING, 'this peer is dropped');
    }
    this.#heardMs.delete(member);
  }

  isUp(member: MemberId): boolean {
    return this.#links.get(member)?.wire !== undefined;
  }

  featuresOf(member: MemberId): number {
    return this.#links.get(member)?.features ?? 0;
  }

  lastHeardMs(member: MemberId): number {
    return Math.max(
      this.#links.get(member)?.wire?.heardMs ?? Number.NEGATIVE_INFINITY,
      this.#peers.get(member)?.wire.heardMs ?? Number.NEGATIVE_INFINITY,
      this.#heardMs.get(member) ?? Number.NEGATIVE_INFINITY,
    );
  }

  #noteHeard(member: MemberId, wire: Wire): void {
    const before = this.#heardMs.get(member) ?? Number.NEGATIVE_INFINITY;
    this.#heardMs.set(member, Math.max(before, wire.heardMs));
  }

  // --- sending ----------------------------------------------------------------------------------

  send(member: MemberId, lane: Lane, kind: number, body: Uint8Array): SendOutcome {
    assert(kind <= KIND_MAX, 'a kind is a u16');
    assert(body.length <= LIMITS.peer.frameBytesMax, 'what is sent fits a frame');
    const wire = this.#links.get(member)?.wire;
    return wire === undefined ? 'down' : wire.send(lane, FRAME.message, kind, 0, body);
  }

  request(
    member: MemberId,
    kind: number,
    body: Uint8Array,
    timeoutMs: number,
    done: (outcome: RequestOutcome) => void,
  ): number {
    assert(body.length + 4 <= LIMITS.peer.frameBytesMax, 'what is asked fits a frame');
    return this.#requests.ask(this.#links.get(member)?.wire, kind, body, timeoutMs, done);
  }

  cancel(request: number): void {
    this.#requests.cancel(request);
  }

  openStream(
    member: MemberId,
    kind: number,
    header: Uint8Array,
    handler: OutgoingStreamHandler,
  ): OutgoingStream | undefined {
    assert(kind <= KIND_MAX, 'a kind is a u16');
    assert(header.length <= LIMITS.peer.chunkBytesMax, 'a header is no larger than a chunk');
    return this.#links.get(member)?.streams?.open(kind, header, handler);
  }

  flush(): void {
    this.#turnEnd.flush();
  }

  // --- time -------------------------------------------------------------------------------------

  readonly #tick = (): void => {
    const nowMs = this.#clock.monotonicMs();
    const vigil = this.#vigil;
    this.#timer = this.#clock.setTimer(this.options.pingMs, this.#tick);
    vigil.tick(nowMs);
    for (const link of this.#links.values()) {
      const wire = link.connection?.wire;
      if (wire === undefined) continue;
      if (wire.isOpen) this.#noteHeard(link.member, wire);
      link.streams?.tick(nowMs);
      vigil.watch(wire, nowMs, true);
    }
    for (const { wire } of this.#strangers) vigil.watch(wire, nowMs, false);
    for (const { wire } of this.#clients) vigil.watch(wire, nowMs, false);
    this.#boundClients();
    for (const peer of this.#peers.values()) {
      peer.tick(nowMs);
      vigil.watch(peer.wire, nowMs, false);
    }
  };

  /** [T23] Whoever takes the most goes first. */
  #boundClients(): void {
    let bytes = 0;
    for (const { wire } of this.#clients) bytes += wire.heldBytes;
    while (bytes > this.options.clientsBytesMax) {
      const wires = [...this.#clients].map(({ wire }) => wire);
      const largest = wires.reduce((a, b) => (a.heldBytes < b.heldBytes ? b : a));
      bytes -= largest.heldBytes;
      largest.cut('clients take too much memory');
    }
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const member of this.#links.keys()) this.dropPeer(member);
    const accepted = [...this.#strangers, ...this.#clients, ...this.#peers.values()];
    for (const { wire } of accepted) wire.bid(NOTHING, 'this member stops');
    this.#requests.close();
    return Promise.resolve();
  }
}

function refusal(reason: Refusal['reason'], message: string): Refusal {
  return { kind: 'refused', reason, message };
}
