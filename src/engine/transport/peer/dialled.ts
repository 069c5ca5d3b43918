// A connection that this side dialled: it asks, the other side answers.

import type { Net, Stream } from '../../../base/capabilities.ts';
import { ParleyError } from '../../../base/errors.ts';
import type { SocketAddress } from '../../../base/ids.ts';
import { FRAME, REFUSAL } from './frame.ts';
import {
  decodeGreeting,
  encodeHello,
  encodeRefusal,
  type Greeting,
  type Refusal,
  UNDECIDED,
} from './hello.ts';
import type { Requests } from './requests.ts';
import type { Admission, Hello } from './types.ts';
import { Wire, type WireOwner, type WireParts } from './wire.ts';

/** Whoever wanted the connection. */
export interface DialOwner {
  /** Looks at who answered, before anything is sent. */
  admit(hello: Hello): Admission | Promise<Admission>;
  onUp(hello: Hello): void;
  /** What the other side says about a stream. False when it makes no sense. */
  onStreamFrame(type: number, id: number, body: Uint8Array): boolean;
  onBulkRoom(bytesMax: number): void;
  /** Once, also when it never came up. */
  onGone(reason: string, refusal: Refusal | undefined): void;
}

export interface DialParts {
  readonly net: Net;
  readonly wireParts: WireParts;
  readonly requests: Requests;
  /** What this side says of itself. */
  readonly hello: Hello;
  readonly dialTimeoutMs: number;
}

export class Dialled implements WireOwner {
  readonly wire: Wire;
  readonly #parts: DialParts;
  readonly #owner: DialOwner;
  #peer: Hello | undefined;
  #refusal: Refusal | undefined;

  constructor(parts: DialParts, owner: DialOwner, to: SocketAddress) {
    this.#parts = parts;
    this.#owner = owner;
    this.wire = new Wire(parts.wireParts, this);
    void this.#dial(to);
  }

  /** Who answered; undefined until the connection is up. */
  get peer(): Hello | undefined {
    return this.wire.isOpen ? this.#peer : undefined;
  }

  async #dial(to: SocketAddress): Promise<void> {
    const { net, dialTimeoutMs, hello } = this.#parts;
    let stream: Stream;
    try {
      stream = await net.connectStream(to, this.wire, dialTimeoutMs);
    } catch (error) {
      // Whatever it is, the next attempt comes; who wants the connection tells the reason.
      this.wire.cut(error instanceof ParleyError ? error.message : String(error));
      return;
    }
    this.wire.attach(stream);
    this.wire.greet(encodeHello(hello));
  }

  // --- greeting ---------------------------------------------------------------------------------

  onGreeting(greeting: Greeting): void {
    if (greeting.kind === 'refused') {
      this.#refusal = greeting;
      this.wire.cut(`refused by the other side: ${greeting.message}`);
      return;
    }
    this.#peer = greeting.hello;
    const admission = this.#refuse(greeting.hello) ?? this.#owner.admit(greeting.hello);
    if (admission instanceof Promise) {
      admission.then(
        (settled) => this.#admit(settled),
        () => this.#admit(UNDECIDED),
      );
    } else this.#admit(admission);
  }

  #refuse(peer: Hello): Refusal | undefined {
    const own = this.#parts.hello;
    if (own.clusterId !== '' && peer.clusterId !== own.clusterId) {
      const message = `the cluster there is ${peer.clusterId}, ours is ${own.clusterId}`;
      return { kind: 'refused', reason: 'cluster', message };
    }
    if (own.callee !== 0 && peer.member !== own.callee) {
      const message = `member ${peer.member} answers where member ${own.callee} is expected`;
      return { kind: 'refused', reason: 'callee', message };
    }
    return undefined;
  }

  #admit(admission: Admission): void {
    const peer = this.#peer;
    if (this.wire.isClosed || peer === undefined) return;
    if (admission.kind === 'refused') {
      this.#refusal = admission;
      const { reason, message } = admission;
      // The other side has said hello and expects frames: the refusal comes as one.
      this.wire.open();
      this.wire.bid(encodeRefusal({ reason, message }), `refused by this side: ${message}`);
      return;
    }
    this.wire.open();
    if (this.wire.isOpen) this.#owner.onUp(peer);
  }

  // --- frames -----------------------------------------------------------------------------------

  onWireFrame(
    type: number,
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): boolean {
    const { requests } = this.#parts;
    switch (type) {
      case FRAME.response:
        requests.answer(this.wire, id, { kind: 'answered', body: bytes.subarray(start, end) });
        break;
      case FRAME.refusal: {
        const reason = kind === REFUSAL.full ? 'full' : 'noHandler';
        requests.answer(this.wire, id, { kind: 'refused', reason });
        break;
      }
      case FRAME.pong:
        break;
      case FRAME.goodbye:
        this.#goodbye(bytes.subarray(start, end));
        break;
      default:
        if (!this.#owner.onStreamFrame(type, id, bytes.subarray(start, end))) {
          this.wire.cut(`broken frame: frame of type ${type}`);
        }
    }
    return this.wire.isOpen;
  }

  #goodbye(body: Uint8Array): void {
    const read = decodeGreeting(body);
    if (read.kind === 'read' && read.greeting.kind === 'refused') {
      this.#refusal = read.greeting;
      this.wire.cut(`refused by the other side: ${read.greeting.message}`);
    } else this.wire.cut('the other side said goodbye');
  }

  onBulkRoom(bytesMax: number): void {
    this.#owner.onBulkRoom(bytesMax);
  }

  onGone(reason: string): void {
    this.#parts.requests.lose(this.wire);
    this.#owner.onGone(reason, this.#refusal);
  }
}
