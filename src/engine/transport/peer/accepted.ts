// A connection that another member, or a client, dialled: it asks, this side answers.

import { assert } from '../../../base/assert.ts';
import { CHUNK_ENDS, FRAME } from './frame.ts';
import { encodeHello, encodeRefusal, type Greeting, type Refusal, UNDECIDED } from './hello.ts';
import { IncomingRequests } from './incoming-requests.ts';
import { IncomingStreams } from './incoming-streams.ts';
import type { PeerOptions } from './options.ts';
import type { StreamSlots } from './stream-parts.ts';
import type { Admission, Hello, HelloRefusal, PeersHandler } from './types.ts';
import { Wire, type WireOwner, type WireParts } from './wire.ts';

/** What an accepted connection needs of the member. */
export interface Acceptance {
  readonly wireParts: WireParts;
  readonly options: PeerOptions;
  readonly handler: PeersHandler;
  /** Of all incoming streams. */
  readonly streamSlots: StreamSlots;
  /** What this side says of itself. */
  readonly hello: Hello;
  /** Refuses what no handler needs to be asked about. */
  refuse(hello: Hello): Refusal | undefined;
  /** It is a peer or a client from now on; may refuse still. */
  settle(connection: Accepted): Refusal | undefined;
  onGone(connection: Accepted): void;
}

export class Accepted implements WireOwner {
  readonly wire: Wire;
  readonly #parts: Acceptance;
  readonly #requests: IncomingRequests;
  readonly #streams: IncomingStreams;
  #hello: Hello | undefined;

  constructor(parts: Acceptance) {
    this.#parts = parts;
    this.wire = new Wire(parts.wireParts, this);
    const { clock } = parts.wireParts;
    const { requestsMax, streamStallMs: stallMs } = parts.options;
    this.#requests = new IncomingRequests(clock, this.wire, requestsMax);
    const streamParts = { clock, slots: parts.streamSlots, stallMs };
    this.#streams = new IncomingStreams(streamParts, this.wire);
  }

  /** Who dialled; undefined until it said so. */
  get hello(): Hello | undefined {
    return this.#hello;
  }

  get #caller(): Hello {
    assert(this.#hello !== undefined, 'frames come after the greeting');
    return this.#hello;
  }

  tick(nowMs: number): void {
    this.#streams.tick(nowMs);
  }

  // --- greeting ---------------------------------------------------------------------------------

  onGreeting(greeting: Greeting): void {
    if (greeting.kind === 'refused') return this.#refuse(greeting);
    const { hello } = greeting;
    this.#hello = hello;
    const refusal = this.#parts.refuse(hello);
    if (refusal !== undefined) return this.#refuse(refusal);
    const admission = this.#parts.handler.admit(hello);
    if (admission instanceof Promise) {
      admission.then(
        (settled) => this.#admit(settled),
        () => this.#admit(UNDECIDED),
      );
    } else this.#admit(admission);
  }

  #admit(admission: Admission): void {
    // The caller may have lost its patience while the handler decided.
    if (this.wire.isClosed) return;
    const refusal = admission.kind === 'refused' ? admission : this.#parts.settle(this);
    if (refusal !== undefined) return this.#refuse(refusal);
    this.wire.greet(encodeHello(this.#parts.hello));
    this.wire.open();
  }

  #refuse({ reason, message }: { reason: HelloRefusal; message: string }): void {
    this.wire.bid(encodeRefusal({ reason, message }), `refused: ${message}`);
  }

  // --- frames -----------------------------------------------------------------------------------

  onWireFrame(
    type: number,
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): boolean {
    const { member } = this.#caller;
    switch (type) {
      case FRAME.message:
        if (member === 0) return this.#broken('a client sends requests only');
        this.#parts.handler.onFrame(member, kind, bytes.subarray(start, end));
        break;
      case FRAME.request:
        return this.#request(kind, id, bytes, start, end, isOwned);
      case FRAME.cancel:
        this.#requests.cancel(id);
        break;
      case FRAME.ping:
        this.wire.sendEmpty(FRAME.pong, 0, 0);
        break;
      case FRAME.goodbye:
        this.wire.cut('the other side said goodbye');
        break;
      default:
        return this.#streamFrame(type, kind, id, bytes, start, end, isOwned);
    }
    return this.wire.isOpen;
  }

  #streamFrame(
    type: number,
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): boolean {
    const { member } = this.#caller;
    if (member === 0 || !this.#takeStreamFrame(type, kind, id, bytes, start, end, isOwned)) {
      return this.#broken(`frame of type ${type}`);
    }
    return this.wire.isOpen;
  }

  #takeStreamFrame(
    type: number,
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): boolean {
    const streams = this.#streams;
    switch (type) {
      case FRAME.streamOpen: {
        const header = bytes.slice(start, end);
        const { handler } = this.#parts;
        return streams.onOpen(id, () => handler.onStream(this.#caller.member, kind, header));
      }
      case FRAME.streamChunk: {
        const part = isOwned ? bytes.subarray(start, end) : bytes.slice(start, end);
        return streams.onPart(id, (kind & CHUNK_ENDS) !== 0, part);
      }
      case FRAME.streamFinish:
        return streams.onFinish(id);
      case FRAME.streamAbort:
        return streams.onAbort(id, Buffer.from(bytes.subarray(start, end)).toString());
      default:
        return false;
    }
  }

  #request(
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): boolean {
    if (end - start < 4) return this.#broken('a request without its deadline');
    const timeoutMs = new DataView(bytes.buffer, bytes.byteOffset).getUint32(start, true);
    // A small body must not keep all of the bytes alive that came with it.
    const body = isOwned ? bytes.subarray(start + 4, end) : bytes.slice(start + 4, end);
    const request = this.#requests.take(this.#caller.member, kind, id, timeoutMs, body);
    if (request === 'broken') return this.#broken('a request that makes no sense');
    if (request !== undefined) {
      this.#parts.handler.onRequest(request);
      request.forgetBody();
    }
    return this.wire.isOpen;
  }

  #broken(why: string): false {
    this.wire.cut(`broken frame: ${why}`);
    return false;
  }

  onBulkRoom(): void {
    // Nothing but answers goes this way.
  }

  onGone(reason: string): void {
    this.#requests.abandonAll();
    this.#streams.lose(reason);
    this.#parts.onGone(this);
  }
}
