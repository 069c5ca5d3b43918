// The streams that this side sends over one connection. Each has a window of bytes that the
// receiver has not consumed; they take turns, one part of a chunk each, and share one rate.

import { assert } from '../../../base/assert.ts';
import type { Clock } from '../../../base/capabilities.ts';
import { LIMITS } from '../../../base/limits.ts';
import { CHUNK_ENDS, FRAME } from './frame.ts';
import { boundedText } from './hello.ts';
import type { StreamRate, StreamSlots } from './stream-parts.ts';
import type { TurnEnd } from './turn-end.ts';
import type { OutgoingStream, OutgoingStreamHandler } from './types.ts';
import type { Wire } from './wire.ts';

/** Enough to keep the connection busy until the writer is called again. */
const QUEUE_BYTES = LIMITS.peer.chunkBytesMax * 2;
const QUEUE_BYTES_MAX = QUEUE_BYTES * 8;
const NOTHING = new Uint8Array(0);

export interface OutgoingParts {
  readonly clock: Clock;
  readonly turnEnd: TurnEnd;
  readonly rate: StreamRate;
  readonly slots: StreamSlots;
  readonly stallMs: number;
}

type Ended = Parameters<OutgoingStreamHandler['onEnd']>[0];

class Outgoing implements OutgoingStream {
  readonly id: number;
  readonly handler: OutgoingStreamHandler;
  readonly #streams: OutgoingStreams;
  readonly #chunks: Uint8Array[] = [];
  /** Of the first chunk, sent already. */
  #sentOfFirst = 0;
  #queuedBytes = 0;
  #wantsDrain = false;
  #state: 'open' | 'finishing' | 'finished' | 'ended' = 'open';
  credit: number = LIMITS.peer.streamWindowBytes;
  /** When it last got on, or had nothing to get on with. */
  progressMs: number;

  constructor(streams: OutgoingStreams, id: number, handler: OutgoingStreamHandler, nowMs: number) {
    this.#streams = streams;
    this.id = id;
    this.handler = handler;
    this.progressMs = nowMs;
  }

  write(chunk: Uint8Array): boolean {
    const { chunkBytesMax } = LIMITS.peer;
    assert(chunk.length > 0 && chunk.length <= chunkBytesMax, '[T20] a chunk keeps its limit');
    if (this.#state === 'ended') return true;
    assert(this.#state === 'open', 'nothing is written after the end');
    this.#queuedBytes += chunk.length;
    assert(this.#queuedBytes <= QUEUE_BYTES_MAX, '[T20] a writer that is told to wait waits');
    this.#chunks.push(chunk);
    this.#streams.wake();
    this.#wantsDrain = this.#queuedBytes >= QUEUE_BYTES;
    return !this.#wantsDrain;
  }

  finish(): void {
    if (this.#state === 'ended') return;
    assert(this.#state === 'open', 'a stream finishes once');
    this.#state = 'finishing';
    this.#streams.wake();
  }

  abort(reason: string): void {
    if (this.#state === 'ended') return;
    this.#streams.abort(this, reason);
  }

  /** Bytes that could go now; 0: nothing to send, or no credit for it. */
  nextPart(bytesMax: number): number {
    const first = this.#chunks[0];
    if (first === undefined) return 0;
    const part = Math.min(bytesMax, first.length - this.#sentOfFirst);
    return part <= this.credit ? part : 0;
  }

  sendPart(wire: Wire, bytes: number): void {
    const first = this.#chunks[0];
    assert(first !== undefined, 'there is a part to send');
    const from = this.#sentOfFirst;
    const isLast = from + bytes === first.length;
    const part = first.subarray(from, from + bytes);
    wire.send('bulk', FRAME.streamChunk, isLast ? CHUNK_ENDS : 0, this.id, part);
    this.credit -= bytes;
    this.#queuedBytes -= bytes;
    this.#sentOfFirst = isLast ? 0 : from + bytes;
    if (isLast) this.#chunks.shift();
    if (!this.#wantsDrain || this.#queuedBytes >= QUEUE_BYTES) return;
    this.#wantsDrain = false;
    this.#streams.later(() => {
      if (this.#state !== 'ended') this.handler.onDrain();
    });
  }

  /** Sends the end once all before it is sent. */
  maybeSendFinish(wire: Wire): boolean {
    if (this.#state !== 'finishing' || this.#chunks.length > 0) return false;
    this.#state = 'finished';
    wire.send('bulk', FRAME.streamFinish, 0, this.id, NOTHING);
    return true;
  }

  /** Waits for the other side rather than for its writer. */
  get waitsForPeer(): boolean {
    return this.#chunks.length > 0 || this.#state === 'finished';
  }

  end(): void {
    this.#state = 'ended';
    this.#chunks.length = 0;
  }
}

export class OutgoingStreams {
  readonly #parts: OutgoingParts;
  readonly #wire: Wire;
  readonly #open = new Map<number, Outgoing>();
  /** The same in the order of their turns. */
  readonly #turns: Outgoing[] = [];
  #lastId = 0;

  constructor(parts: OutgoingParts, wire: Wire) {
    this.#parts = parts;
    this.#wire = wire;
  }

  /** Undefined when there are as many as there may be, or the connection takes nothing. */
  open(
    kind: number,
    header: Uint8Array,
    handler: OutgoingStreamHandler,
  ): OutgoingStream | undefined {
    if (!this.#parts.slots.take()) return undefined;
    const id = this.#lastId + 1;
    if (this.#wire.send('bulk', FRAME.streamOpen, kind, id, header) !== 'queued') {
      this.#parts.slots.release();
      return undefined;
    }
    this.#lastId = id;
    const stream = new Outgoing(this, id, handler, this.#parts.clock.monotonicMs());
    this.#open.set(id, stream);
    this.#turns.push(stream);
    return stream;
  }

  wake(): void {
    this.#wire.wake();
  }

  later(call: () => void): void {
    this.#parts.turnEnd.later(call);
  }

  abort(stream: Outgoing, reason: string): void {
    // In the lane of the chunks: an abort that overtook them would meet no stream, or leave one.
    const sent = this.#wire.send('bulk', FRAME.streamAbort, 0, stream.id, textBytes(reason));
    this.#forget(stream);
    // The other side must not wait for the rest.
    if (sent === 'full') this.#wire.cut('there is no room to abort a stream');
    this.later(() => stream.handler.onEnd({ kind: 'failed', why: reason }));
  }

  /** The connection has room for one part of a chunk. */
  onBulkRoom(bytesMax: number): void {
    const turns = this.#turns;
    for (let tried = turns.length; tried > 0; tried--) {
      const stream = turns.shift();
      if (stream === undefined) return;
      turns.push(stream);
      if (stream.maybeSendFinish(this.#wire)) return;
      const part = stream.nextPart(bytesMax);
      if (part === 0) continue;
      // [T21] One bucket for all: who finds it empty waits, and with it this connection's others.
      if (!this.#parts.rate.take(part, this.#onRate)) return;
      stream.progressMs = this.#parts.clock.monotonicMs();
      stream.sendPart(this.#wire, part);
      return;
    }
  }

  readonly #onRate = (): void => {
    this.#wire.wake();
  };

  /** A frame of the receiver about one of the streams; false when it makes no sense. */
  onFrame(type: number, id: number, body: Uint8Array): boolean {
    const stream = this.#open.get(id);
    // It may have been aborted while the frame was on its way.
    if (stream === undefined) return id <= this.#lastId;
    switch (type) {
      case FRAME.streamCredit:
        return this.#credit(stream, body);
      case FRAME.streamAccepted:
        this.#end(stream, { kind: 'accepted' });
        return true;
      case FRAME.streamRefused:
        this.#end(stream, { kind: 'failed', why: Buffer.from(body).toString() });
        return true;
      default:
        return false;
    }
  }

  #credit(stream: Outgoing, body: Uint8Array): boolean {
    if (body.length !== 4) return false;
    stream.credit += new DataView(body.buffer, body.byteOffset).getUint32(0, true);
    // More than the window would mean that bytes were consumed twice.
    if (stream.credit > LIMITS.peer.streamWindowBytes) return false;
    stream.progressMs = this.#parts.clock.monotonicMs();
    this.#wire.wake();
    return true;
  }

  /** Ends streams that the other side lets wait for too long. */
  tick(nowMs: number): void {
    for (const stream of this.#open.values()) {
      if (!stream.waitsForPeer) stream.progressMs = nowMs;
      else if (nowMs - stream.progressMs > this.#parts.stallMs) this.abort(stream, 'stalled');
    }
  }

  /** The connection is gone. */
  lose(reason: string): void {
    for (const stream of this.#open.values()) this.#end(stream, { kind: 'failed', why: reason });
  }

  #end(stream: Outgoing, outcome: Ended): void {
    this.#forget(stream);
    stream.handler.onEnd(outcome);
  }

  #forget(stream: Outgoing): void {
    stream.end();
    this.#open.delete(stream.id);
    this.#turns.splice(this.#turns.indexOf(stream), 1);
    this.#parts.slots.release();
  }
}

export function textBytes(text: string): Uint8Array {
  return Buffer.from(boundedText(text));
}
