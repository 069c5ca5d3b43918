// The frames of a connection: FORMAT.md draws them. A frame is written straight into the buffer of
// its lane and read where it lies in what arrived; nothing is made per frame on the way.

import { crc32c } from '../../../base/crc32c.ts';
import { LIMITS } from '../../../base/limits.ts';

export const HEADER_BYTES = 16;

/** What a frame is for the transport. What it is for the member is its kind. */
export const FRAME = {
  message: 1,
  request: 2,
  response: 3,
  /** A request was not taken: it has no effect. */
  refusal: 4,
  cancel: 5,
  ping: 6,
  pong: 7,
  goodbye: 8,
  streamOpen: 16,
  streamChunk: 17,
  streamFinish: 18,
  streamAbort: 19,
  streamCredit: 20,
  streamAccepted: 21,
  streamRefused: 22,
} as const;

/** Why a request was refused, in the kind of its refusal. */
export const REFUSAL = { full: 1, noHandler: 2 } as const;

/** In the kind of a chunk's frame: the chunk ends with it. */
export const CHUNK_ENDS = 1;

export const KIND_MAX = 0xffff;
const NOTHING = new Uint8Array(0);
/** Larger buffers are not kept when they are empty. */
const KEPT_BYTES_MAX = 256 * 1024;
const FIRST_BYTES = 4 * 1024;

/** Bytes that wait, in one piece. Frames are added at its end and taken from its front. */
export class LaneBuffer {
  /** Most connections use one lane or two: room comes with the first frame. */
  #bytes = new Uint8Array(0);
  #view = new DataView(this.#bytes.buffer);
  #head = 0;
  #tail = 0;

  get length(): number {
    return this.#tail - this.#head;
  }

  /** `prefix` stands before the body as four bytes, unless it is negative. */
  append(type: number, kind: number, id: number, body: Uint8Array, prefix = -1): void {
    const prefixBytes = prefix < 0 ? 0 : 4;
    const length = prefixBytes + body.length;
    const at = this.#reserve(HEADER_BYTES + length);
    const view = this.#view;
    view.setUint32(at + 4, length, true);
    view.setUint32(at + 8, type | (kind << 16), true);
    view.setUint32(at + 12, id, true);
    if (prefixBytes > 0) view.setUint32(at + HEADER_BYTES, prefix, true);
    if (body.length > 0) this.#bytes.set(body, at + HEADER_BYTES + prefixBytes);
    view.setUint32(at, crc32c(this.#bytes, 0, at + 4, this.#tail), true);
  }

  appendEmpty(type: number, kind: number, id: number): void {
    this.append(type, kind, id, NOTHING);
  }

  /** How many bytes of whole frames stand at the front, at least one frame, about `bytesMax`. */
  wholeFrames(bytesMax: number): number {
    if (this.length <= bytesMax) return this.length;
    let end = this.#head;
    while (end < this.#tail) {
      const next = end + HEADER_BYTES + this.#view.getUint32(end + 4, true);
      if (next - this.#head > bytesMax && end > this.#head) break;
      end = next;
    }
    return end - this.#head;
  }

  /** Moves the first `count` bytes to `into`. */
  moveTo(into: Uint8Array, at: number, count: number): void {
    if (count === 0) return;
    into.set(this.#bytes.subarray(this.#head, this.#head + count), at);
    this.#head += count;
    if (this.#head === this.#tail) this.clear();
  }

  clear(): void {
    this.#head = 0;
    this.#tail = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#replace(new Uint8Array(0));
  }

  #reserve(count: number): number {
    const at = this.#tail;
    if (at + count <= this.#bytes.length) {
      this.#tail = at + count;
      return at;
    }
    const length = this.length;
    const old = this.#bytes;
    // Room at the front is used again if that is at least half of it: else moving costs too much.
    const fits = (length + count) * 2 <= old.length;
    if (!fits) this.#replace(new Uint8Array(Math.max((length + count) * 2, FIRST_BYTES)));
    this.#bytes.set(old.subarray(this.#head, this.#tail), 0);
    this.#head = 0;
    this.#tail = length + count;
    return length;
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** Where frames go. False: no more of them. */
export interface FrameSink {
  /** The body is `bytes` from `start` to `end`. `isOwned`: nothing else is in `bytes`. */
  onWireFrame(
    type: number,
    kind: number,
    id: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    isOwned: boolean,
  ): boolean;
}

export type FrameFault = 'tooLong' | 'checksum';

function u32At(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** Cuts what arrives into frames. */
export class FrameReader {
  readonly #bodyBytesMax: number;
  /** The begin of a frame whose end has not arrived. */
  #part = NOTHING;
  #partLength = 0;

  constructor(bodyBytesMax: number = LIMITS.peer.frameBytesMax) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Bytes that wait for the rest of their frame. */
  get heldBytes(): number {
    return this.#part.length;
  }

  push(chunk: Uint8Array, sink: FrameSink): FrameFault | undefined {
    let at = 0;
    while (this.#partLength > 0 && at < chunk.length) {
      at = this.#extend(chunk, at);
      const size = this.#partSize();
      if (size < 0) return 'tooLong';
      if (this.#partLength < size) continue;
      const whole = this.#part;
      this.#part = NOTHING;
      this.#partLength = 0;
      const outcome = deliver(whole, 0, size, sink, true);
      if (outcome !== undefined) return outcome === 'enough' ? undefined : outcome;
    }
    const end = chunk.length;
    while (end - at >= HEADER_BYTES) {
      const length = u32At(chunk, at + 4);
      if (length > this.#bodyBytesMax) return 'tooLong';
      const next = at + HEADER_BYTES + length;
      if (next > end) break;
      const outcome = deliver(chunk, at, next, sink, false);
      if (outcome !== undefined) return outcome === 'enough' ? undefined : outcome;
      at = next;
    }
    if (at < end) {
      this.#part = new Uint8Array(HEADER_BYTES);
      this.#extendAll(chunk, at);
    }
    return undefined;
  }

  /** Takes what the part still needs, as far as it is known. */
  #extend(chunk: Uint8Array, from: number): number {
    const size = this.#partSize();
    const take = Math.min(size - this.#partLength, chunk.length - from);
    const wanted = this.#partLength + take;
    if (wanted > this.#part.length) {
      // A length is only a claim: memory grows with what really arrives.
      const larger = new Uint8Array(Math.min(size, Math.max(wanted, this.#part.length * 2)));
      larger.set(this.#part.subarray(0, this.#partLength));
      this.#part = larger;
    }
    this.#part.set(chunk.subarray(from, from + take), this.#partLength);
    this.#partLength = wanted;
    return from + take;
  }

  #extendAll(chunk: Uint8Array, from: number): void {
    for (let at = from; at < chunk.length; ) at = this.#extend(chunk, at);
  }

  /** Size of the frame that `#part` begins, of its header while that is not whole; -1: too long. */
  #partSize(): number {
    if (this.#partLength < HEADER_BYTES) return HEADER_BYTES;
    const length = u32At(this.#part, 4);
    return length > this.#bodyBytesMax ? -1 : HEADER_BYTES + length;
  }
}

function deliver(
  bytes: Uint8Array,
  at: number,
  end: number,
  sink: FrameSink,
  isOwned: boolean,
): 'checksum' | 'enough' | undefined {
  if (crc32c(bytes, 0, at + 4, end) !== u32At(bytes, at)) return 'checksum';
  const word = u32At(bytes, at + 8);
  const id = u32At(bytes, at + 12);
  const type = word & 0xffff;
  return sink.onWireFrame(type, word >>> 16, id, bytes, at + HEADER_BYTES, end, isOwned)
    ? undefined
    : 'enough';
}
