// The connection to one peer, kept up for as long as the member wants it: dials, dials again after
// growing pauses, and tells the member what changed.

import { must } from '../../../base/assert.ts';
import type { Events, Log, Random, Timer } from '../../../base/capabilities.ts';
import type { SocketAddress } from '../../../base/ids.ts';
import { Dialled, type DialOwner, type DialParts } from './dialled.ts';
import type { Refusal } from './hello.ts';
import type { PeerOptions } from './options.ts';
import { type OutgoingParts, OutgoingStreams } from './outgoing-streams.ts';
import type { Admission, Hello, MemberId, PeerEvent, PeersHandler } from './types.ts';
import type { Wire } from './wire.ts';

export interface LinkParts {
  readonly dial: DialParts;
  readonly options: PeerOptions;
  readonly handler: PeersHandler;
  readonly random: Random;
  readonly log: Log;
  readonly events: Events<PeerEvent> | undefined;
  readonly streams: OutgoingParts;
}

export class Link implements DialOwner {
  readonly member: MemberId;
  readonly address: SocketAddress;
  readonly #parts: LinkParts;
  #connection: Dialled | undefined;
  #streams: OutgoingStreams | undefined;
  #timer: Timer | undefined;
  /** The pause before the next attempt. */
  #pauseMs: number;
  #isWanted = true;
  #upSinceMs: number | undefined;
  /** The last reason told, so that a long series of equal failures is told once. */
  #toldReason: string | undefined;
  #wasRefused = false;

  constructor(parts: LinkParts, member: MemberId, address: SocketAddress) {
    this.#parts = parts;
    this.member = member;
    this.address = address;
    this.#pauseMs = parts.options.retryMsMin;
    this.#dial();
  }

  /** The connection's wire while frames can be sent. */
  get wire(): Wire | undefined {
    const wire = this.#connection?.wire;
    return wire?.isOpen === true ? wire : undefined;
  }

  get connection(): Dialled | undefined {
    return this.#connection;
  }

  get features(): number {
    return this.#connection?.peer?.features ?? 0;
  }

  /** Of the connection that is up. */
  get streams(): OutgoingStreams | undefined {
    return this.#streams;
  }

  /** The peer has just shown that it lives: an attempt that waits need not wait longer. */
  hurry(): void {
    if (this.#timer === undefined || this.#wasRefused) return;
    this.#timer.cancel();
    this.#dial();
  }

  /** Ends it for good; nothing is told any more. */
  drop(last: Uint8Array): void {
    this.#isWanted = false;
    this.#timer?.cancel();
    this.#connection?.wire.bid(last, 'not wanted any more');
  }

  #dial(): void {
    this.#timer = undefined;
    const { dial } = this.#parts;
    const hello = { ...dial.hello, callee: this.member };
    this.#connection = new Dialled({ ...dial, hello }, this, this.address);
  }

  admit(hello: Hello): Admission | Promise<Admission> {
    return this.#parts.handler.admit(hello);
  }

  onUp(hello: Hello): void {
    const connection = must(this.#connection, 'a connection that came up was dialled');
    this.#streams = new OutgoingStreams(this.#parts.streams, connection.wire);
    this.#upSinceMs = this.#parts.dial.wireParts.clock.monotonicMs();
    this.#toldReason = undefined;
    this.#wasRefused = false;
    this.#parts.log.info('peer is up', { peer: this.member, address: this.address });
    this.#parts.handler.onUp(this.member, hello);
  }

  onStreamFrame(type: number, id: number, body: Uint8Array): boolean {
    return this.#streams?.onFrame(type, id, body) ?? false;
  }

  onBulkRoom(bytesMax: number): void {
    this.#streams?.onBulkRoom(bytesMax);
  }

  onGone(reason: string, refusal: Refusal | undefined): void {
    const streams = this.#streams;
    this.#connection = undefined;
    this.#streams = undefined;
    streams?.lose(reason);
    if (!this.#isWanted) return;
    const { clock } = this.#parts.dial.wireParts;
    const { options, random } = this.#parts;
    const upSinceMs = this.#upSinceMs;
    this.#upSinceMs = undefined;
    this.#wasRefused = refusal !== undefined && needsOperator(refusal);
    if (upSinceMs !== undefined && clock.monotonicMs() - upSinceMs >= options.stableMs) {
      this.#pauseMs = options.retryMsMin;
    }
    const pauseMs = this.#wasRefused ? options.refusedRetryMs : this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, options.retryMsMax);
    // Members that lost the same peer in the same moment must not all come back in the same moment.
    this.#timer = clock.setTimer(pauseMs * (0.5 + random.unit() / 2), () => this.#dial());
    this.#tell(reason, upSinceMs !== undefined, refusal);
  }

  #tell(reason: string, wasUp: boolean, refusal: Refusal | undefined): void {
    if (!wasUp && reason === this.#toldReason) return;
    this.#toldReason = reason;
    const { events, handler, log } = this.#parts;
    const fields = { peer: this.member, address: this.address, reason };
    if (refusal === undefined) log.info('peer is down', fields);
    else {
      log.warn('peer refused', fields);
      events?.tell({ kind: 'peerRefused', peer: this.member, reason: refusal.reason });
    }
    handler.onDown(this.member, reason);
  }
}

/** Two members of one name, or too many callers: that may pass by itself. */
function needsOperator({ reason }: Refusal): boolean {
  return reason !== 'duplicate' && reason !== 'overloaded';
}
