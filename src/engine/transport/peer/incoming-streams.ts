// The streams that the other side sends over one connection: parts become chunks again, the handler
// gets one after the other, and the sender gets its window back as they are consumed.

import type { Clock } from '../../../base/capabilities.ts';
import { LIMITS } from '../../../base/limits.ts';
import { FRAME } from './frame.ts';
import { textBytes } from './outgoing-streams.ts';
import type { StreamSlots } from './stream-parts.ts';
import type { IncomingStreamHandler } from './types.ts';
import type { Wire } from './wire.ts';

const NOTHING = new Uint8Array(0);

export interface IncomingParts {
  readonly clock: Clock;
  readonly slots: StreamSlots;
  readonly stallMs: number;
}

interface Incoming {
  readonly id: number;
  readonly handler: IncomingStreamHandler;
  /** Parts of a chunk whose last part has not come. */
  readonly parts: Uint8Array[];
  partBytes: number;
  readonly chunks: Uint8Array[];
  /** Arrived and not consumed. */
  heldBytes: number;
  /** The handler works on a chunk, or on the end. */
  isBusy: boolean;
  isFinished: boolean;
  isGone: boolean;
  heardMs: number;
}

export class IncomingStreams {
  readonly #parts: IncomingParts;
  readonly #wire: Wire;
  readonly #open = new Map<number, Incoming>();
  #lastId = 0;

  constructor(parts: IncomingParts, wire: Wire) {
    this.#parts = parts;
    this.#wire = wire;
  }

  /** False when the number was used before: streams are numbered upwards. */
  onOpen(id: number, openHandler: () => IncomingStreamHandler | undefined): boolean {
    if (id <= this.#lastId) return false;
    this.#lastId = id;
    if (!this.#parts.slots.take()) {
      this.#refuse(id, 'too many streams at once');
      return true;
    }
    const handler = openHandler();
    if (handler === undefined) {
      this.#parts.slots.release();
      this.#refuse(id, 'not wanted');
      return true;
    }
    this.#open.set(id, {
      id,
      handler,
      parts: [],
      partBytes: 0,
      chunks: [],
      heldBytes: 0,
      isBusy: false,
      isFinished: false,
      isGone: false,
      heardMs: this.#parts.clock.monotonicMs(),
    });
    return true;
  }

  /** Owns `part`. False when the sender does not keep to the rules. */
  onPart(id: number, endsChunk: boolean, part: Uint8Array): boolean {
    const stream = this.#open.get(id);
    // Parts of a stream that was refused are still on their way.
    if (stream === undefined) return id <= this.#lastId;
    stream.heardMs = this.#parts.clock.monotonicMs();
    stream.partBytes += part.length;
    stream.heldBytes += part.length;
    const { chunkBytesMax, streamWindowBytes } = LIMITS.peer;
    // [T19] Nobody makes this side hold more than it granted.
    if (stream.partBytes > chunkBytesMax || stream.heldBytes > streamWindowBytes) return false;
    if (stream.isFinished || part.length === 0) return false;
    stream.parts.push(part);
    if (!endsChunk) return true;
    stream.chunks.push(joined(stream.parts, stream.partBytes));
    stream.parts.length = 0;
    stream.partBytes = 0;
    this.#work(stream);
    return true;
  }

  onFinish(id: number): boolean {
    const stream = this.#open.get(id);
    if (stream === undefined) return id <= this.#lastId;
    if (stream.isFinished || stream.parts.length > 0) return false;
    stream.isFinished = true;
    this.#work(stream);
    return true;
  }

  onAbort(id: number, reason: string): boolean {
    const stream = this.#open.get(id);
    if (stream !== undefined) this.#abort(stream, reason);
    return id <= this.#lastId;
  }

  tick(nowMs: number): void {
    for (const stream of this.#open.values()) {
      if (stream.isBusy || nowMs - stream.heardMs <= this.#parts.stallMs) continue;
      this.#refuse(stream.id, 'stalled');
      this.#abort(stream, 'stalled');
    }
  }

  lose(reason: string): void {
    for (const stream of this.#open.values()) this.#abort(stream, reason);
  }

  /** Hands over what arrived, one after the other. */
  #work(stream: Incoming): void {
    while (!stream.isBusy && !stream.isGone) {
      const chunk = stream.chunks.shift();
      if (chunk === undefined) {
        if (stream.isFinished) this.#finish(stream);
        return;
      }
      const consumed = stream.handler.onChunk(chunk);
      if (consumed === undefined) this.#consumed(stream, chunk.length);
      else this.#await(stream, consumed, chunk.length);
    }
  }

  #await(stream: Incoming, consumed: Promise<void>, bytes: number): void {
    stream.isBusy = true;
    consumed.then(
      () => {
        stream.isBusy = false;
        if (stream.isGone) return;
        this.#consumed(stream, bytes);
        this.#work(stream);
      },
      (error: unknown) => this.#fail(stream, error),
    );
  }

  #consumed(stream: Incoming, bytes: number): void {
    if (stream.isGone) return;
    stream.heldBytes -= bytes;
    stream.heardMs = this.#parts.clock.monotonicMs();
    this.#wire.send('urgent', FRAME.streamCredit, 0, stream.id, NOTHING, bytes);
  }

  #finish(stream: Incoming): void {
    stream.isBusy = true;
    stream.handler.onFinish().then(
      (isTaken) => {
        if (stream.isGone) return;
        this.#forget(stream);
        if (isTaken) this.#wire.sendEmpty(FRAME.streamAccepted, 0, stream.id);
        else this.#refuse(stream.id, 'not taken');
      },
      (error: unknown) => this.#fail(stream, error),
    );
  }

  #fail(stream: Incoming, error: unknown): void {
    if (stream.isGone) return;
    const reason = error instanceof Error ? error.message : String(error);
    this.#refuse(stream.id, reason);
    this.#abort(stream, reason);
  }

  #abort(stream: Incoming, reason: string): void {
    this.#forget(stream);
    stream.handler.onAbort(reason);
  }

  #forget(stream: Incoming): void {
    stream.isGone = true;
    this.#open.delete(stream.id);
    this.#parts.slots.release();
  }

  #refuse(id: number, reason: string): void {
    this.#wire.send('urgent', FRAME.streamRefused, 0, id, textBytes(reason));
  }
}

function joined(parts: readonly Uint8Array[], bytes: number): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
