// One end of a simulated stream.

import { assert, must } from '../src/base/assert.ts';
import type { Stream, StreamHandler } from '../src/base/capabilities.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import type { PostPorts } from './datagrams.ts';
import { Action, LABEL, type Process, SimEvent } from './scheduler.ts';
import { fingerprintOf } from './trace.ts';

/** Bytes that may be on the way or unread before `write` asks to wait. */
const WINDOW_BYTES = 256 * 1024;
/** A read hands out no more than this at once. */
const CHUNK_BYTES_MAX = 64 * 1024;
/** One write in so many arrives in two pieces: a stream has no message boundaries. */
const SPLIT_ONE_IN = 8;
const RETRANSMIT_MS = 200;
/** A sender whose bytes do not arrive, or whose answers do not, gives up after this. */
const STALL_MS = 15_000;

type Item = Uint8Array | 'end';

/** Makes two ends one stream. */
export function linkPair(a: StreamEnd, b: StreamEnd): void {
  a.pair(b);
  b.pair(a);
}

export class StreamEnd implements Stream {
  readonly process: Process;
  readonly local: SocketAddress;
  readonly #ports: PostPorts;
  /** All ends that are not closed, ours among them. */
  readonly #registry: Set<StreamEnd>;
  #peer: StreamEnd | undefined;
  #handler: StreamHandler | undefined;
  /** Arrived and not handed out: the reader pauses, or has not accepted yet. */
  readonly #inbox: Item[] = [];
  /** Written while the link was cut. */
  #held: Item[] = [];
  #drainHeld = false;
  #peerLost = false;
  #lastArrivalMs = 0;
  #unreadBytes = 0;
  #wantsDrain = false;
  #paused = false;
  #sentEnd = false;
  #gotEnd = false;
  #closed = false;

  constructor(process: Process, local: SocketAddress, ports: PostPorts, registry: Set<StreamEnd>) {
    this.process = process;
    this.local = local;
    this.#ports = ports;
    this.#registry = registry;
    registry.add(this);
  }

  get remote(): SocketAddress {
    return this.#other.local;
  }

  get #other(): StreamEnd {
    return must(this.#peer, 'a stream has two ends');
  }

  pair(peer: StreamEnd): void {
    assert(this.#peer === undefined, 'a stream has two ends');
    this.#peer = peer;
  }

  /** What this end sends arrives no earlier than `delayMs` from now. */
  notBefore(delayMs: number): void {
    this.#lastArrivalMs = this.#ports.scheduler.nowMs + delayMs;
  }

  start(handler: StreamHandler): void {
    this.#handler = handler;
    this.#scheduleFlush();
  }

  write(bytes: Uint8Array): boolean {
    if (this.#closed || this.#sentEnd || !this.process.alive) return true;
    this.#unreadBytes += bytes.length;
    for (const piece of this.#pieces(bytes)) this.#transmit(piece);
    this.#wantsDrain = this.#unreadBytes > WINDOW_BYTES;
    return !this.#wantsDrain;
  }

  end(): void {
    if (this.#closed || this.#sentEnd || !this.process.alive) return;
    this.#sentEnd = true;
    this.#transmit('end');
    this.#maybeClose();
  }

  destroy(): void {
    if (this.#closed || !this.process.alive) return;
    const unread = this.#inbox.length > 0;
    const saidEnd = this.#sentEnd;
    this.#close(undefined);
    if (unread) this.#resetPeer();
    else if (!saidEnd) this.#transmit('end');
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#scheduleFlush();
  }

  /** The machine that the other end is on. */
  get peerIndex(): number {
    return this.#other.process.index;
  }

  /** Both ends learn that the stream is broken. */
  reset(): void {
    this.#close('ECONNRESET');
    this.#other.#close('ECONNRESET');
  }

  /** The process is gone. Its machine tells the peer, unless it is gone as well. */
  abandon(silently: boolean): void {
    this.#closed = true;
    this.#registry.delete(this);
    if (silently) this.#other.#losesPeer();
    else this.#resetPeer();
  }

  /** Nobody will ever answer. TCP finds out when something it sent stays unanswered. */
  #losesPeer(): void {
    this.#peerLost = true;
    if (this.#unreadBytes > 0) this.#watchStall(() => true);
  }

  /** The link may be mended: what waited goes on its way. */
  releaseHeld(): void {
    const { links } = this.#ports;
    const [here, there] = [this.process.index, this.#other.process.index];
    if (!links.isCut(here, there)) {
      for (const item of this.#held.splice(0)) this.#transmit(item);
    }
    if (this.#drainHeld && !links.isCut(there, here)) {
      this.#drainHeld = false;
      this.#scheduleDrain();
    }
    if (this.#closed) this.#forget();
  }

  /** An item from the peer is here. */
  arrive(item: Item): void {
    if (this.#closed) {
      if (item !== 'end') this.#resetPeer();
      return;
    }
    this.#inbox.push(item);
    this.#flush();
  }

  #pieces(bytes: Uint8Array): Uint8Array[] {
    const { links } = this.#ports;
    const pieces: Uint8Array[] = [];
    let at = 0;
    while (at < bytes.length) {
      let size = Math.min(CHUNK_BYTES_MAX, bytes.length - at);
      if (size > 1 && links.upTo(SPLIT_ONE_IN) === 1) size = links.upTo(size - 1);
      pieces.push(new Uint8Array(bytes.buffer, bytes.byteOffset + at, size));
      at += size;
    }
    return pieces;
  }

  #transmit(item: Item): void {
    const { links, faults, scheduler } = this.#ports;
    const peer = this.#other;
    const [here, there] = [this.process.index, peer.process.index];
    if (this.#peerLost) {
      this.#watchStall(() => true);
      return;
    }
    if (this.#held.length > 0 || links.isCut(here, there)) {
      faults.streamHeld += 1;
      if (this.#held.length === 0) this.#watchStall(() => this.#held.length > 0);
      this.#held.push(item);
      return;
    }
    const rules = links.rules(here, there);
    let delayMs = links.delayMs(rules);
    for (let again = RETRANSMIT_MS; links.happens(rules.lossRate); again *= 2) {
      delayMs += again;
      faults.streamRetransmitted += 1;
    }
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, scheduler.nowMs + delayMs);
    scheduler.schedule(new Arrival(peer, item), this.#lastArrivalMs - scheduler.nowMs);
  }

  #scheduleFlush(): void {
    this.#after(0, () => this.#flush());
  }

  #flush(): void {
    while (this.#inbox.length > 0 && this.#canRead()) {
      const item = this.#nextRead();
      if (item === 'end') {
        this.#gotEnd = true;
        this.#handler?.onEnd();
        this.#maybeClose();
      } else {
        this.#handler?.onData(item);
        this.#other.wasRead(item.length);
      }
    }
  }

  #canRead(): boolean {
    return this.#handler !== undefined && !this.#paused && !this.#closed;
  }

  /** What piled up during a pause comes out in larger reads. */
  #nextRead(): Item {
    const first = must(this.#inbox.shift(), 'there is something to read');
    if (first === 'end') return first;
    const parts = [first];
    let length = first.length;
    for (;;) {
      const next = this.#inbox[0];
      if (next === undefined || next === 'end') break;
      if (length + next.length > CHUNK_BYTES_MAX) break;
      this.#inbox.shift();
      parts.push(next);
      length += next.length;
    }
    if (parts.length === 1) return first;
    const joined = new Uint8Array(length);
    let at = 0;
    for (const part of parts) {
      joined.set(part, at);
      at += part.length;
    }
    return joined;
  }

  /** The peer's reader took `count` bytes of ours. */
  wasRead(count: number): void {
    this.#unreadBytes -= count;
    assert(this.#unreadBytes >= 0, 'only what was written is read');
    if (!this.#wantsDrain || this.#unreadBytes > WINDOW_BYTES / 2) return;
    this.#wantsDrain = false;
    const { links } = this.#ports;
    if (links.isCut(this.#other.process.index, this.process.index)) {
      this.#drainHeld = true;
      this.#watchStall(() => this.#drainHeld);
    } else this.#scheduleDrain();
  }

  #scheduleDrain(): void {
    const { links } = this.#ports;
    const rules = links.rules(this.#other.process.index, this.process.index);
    this.#after(links.delayMs(rules), () => {
      if (!this.#closed) this.#handler?.onDrain();
    });
  }

  #watchStall(isStalled: () => boolean): void {
    this.#after(STALL_MS, () => {
      if (!isStalled()) return;
      this.#held = [];
      this.#close('ETIMEDOUT');
    });
  }

  #maybeClose(): void {
    if (this.#sentEnd && this.#gotEnd) this.#close(undefined);
  }

  #close(reason: string | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forget();
    if (reason !== undefined) this.#ports.faults.streamReset += 1;
    this.#after(0, () => this.#handler?.onClose(reason));
  }

  /** A closed end stays known as long as it has something to say, be it only its end. */
  #forget(): void {
    if (this.#held.length === 0) this.#registry.delete(this);
  }

  #resetPeer(): void {
    const { links, scheduler } = this.#ports;
    const peer = this.#other;
    const [here, there] = [this.process.index, peer.process.index];
    if (links.isCut(here, there)) return;
    const delayMs = links.delayMs(links.rules(here, there));
    scheduler.schedule(new Action(peer.process, () => peer.#close('ECONNRESET')), delayMs);
  }

  #after(delayMs: number, work: () => void): void {
    this.#ports.scheduler.schedule(new Action(this.process, work), delayMs);
  }
}

class Arrival extends SimEvent {
  readonly #end: StreamEnd;
  readonly #item: Item;

  constructor(end: StreamEnd, item: Item) {
    super(LABEL.stream, end.process, item === 'end' ? 0 : fingerprintOf(item));
    this.#end = end;
    this.#item = item;
  }

  fire(): void {
    this.#end.arrive(this.#item);
  }
}
