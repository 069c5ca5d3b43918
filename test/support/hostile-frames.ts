// What a hostile or broken peer may send: nonsense, damaged frames, and frames that are well-formed
// and make no sense.

import type { Prng } from '../../src/base/prng.ts';
import { FRAME, LaneBuffer } from '../../src/engine/transport/peer/frame.ts';
import { encodeHello, encodeRefusal } from '../../src/engine/transport/peer/hello.ts';

const TYPES = Object.values(FRAME);
/** What each side may say; the end of it all is drawn apart. */
const SAID_BY = {
  dialler: [
    FRAME.message,
    FRAME.request,
    FRAME.cancel,
    FRAME.ping,
    FRAME.streamOpen,
    FRAME.streamChunk,
    FRAME.streamChunk,
    FRAME.streamFinish,
    FRAME.streamAbort,
  ],
  accepter: [
    FRAME.response,
    FRAME.refusal,
    FRAME.pong,
    FRAME.streamCredit,
    FRAME.streamAccepted,
    FRAME.streamRefused,
  ],
} as const;

export type Side = keyof typeof SAID_BY;

export class HostileFrames {
  readonly #random: Prng;
  /** Of the connection at hand. */
  #lastStream = 0;
  #lastRequest = 0;

  constructor(random: Prng) {
    this.#random = random;
  }

  /** A greeting that is taken most of the time. */
  greeting(member: number, clusterId: string): Uint8Array {
    const random = this.#random;
    this.#lastStream = 0;
    const hello = {
      clusterId: random.below(30) === 0 ? 'elsewhere' : clusterId,
      member,
      incarnation: BigInt(random.below(20) === 0 ? 2 : 1),
      callee: random.below(30) === 0 ? 9 : 0,
      features: random.u32(),
    };
    const bytes = encodeHello(hello);
    if (random.below(20) === 0) return encodeRefusal({ reason: 'callee', message: 'no' });
    return random.below(10) === 0 ? this.#damaged(bytes) : bytes;
  }

  /** Some frames in one chunk, cut anywhere at its end. */
  next(side: Side): Uint8Array {
    const random = this.#random;
    if (random.below(50) === 0) return this.#noise(random.below(200));
    const lane = new LaneBuffer();
    for (let left = 1 + random.below(4); left > 0; left--) this.#frame(lane, side);
    const bytes = new Uint8Array(lane.length);
    lane.moveTo(bytes, 0, bytes.length);
    if (random.below(30) === 0) return this.#damaged(bytes);
    return random.below(20) === 0 ? bytes.slice(0, random.below(bytes.length)) : bytes;
  }

  #frame(lane: LaneBuffer, side: Side): void {
    const random = this.#random;
    const types = random.below(100) === 0 ? TYPES : SAID_BY[side];
    const known = random.below(500) > 0;
    const type = known ? (types[random.below(types.length)] as number) : random.below(0x10000);
    const kind = random.below(3) === 0 ? random.below(0x10000) : random.below(2);
    lane.append(type, kind, this.#id(type), this.#body(type));
  }

  /** One that makes sense most of the time. */
  #id(type: number): number {
    const random = this.#random;
    if (random.below(100) === 0) return random.u32();
    switch (type) {
      case FRAME.streamOpen:
        this.#lastStream += 1;
        return this.#lastStream;
      case FRAME.request:
        this.#lastRequest += 1;
        return this.#lastRequest;
      case FRAME.response:
      case FRAME.refusal:
        // Of the requests of the side under attack, which counts from 1.
        this.#lastRequest += 1;
        return random.below(this.#lastRequest + 1);
      case FRAME.cancel:
        return this.#lastRequest;
      case FRAME.streamCredit:
      case FRAME.streamAccepted:
      case FRAME.streamRefused:
        return random.below(4);
      default:
        return Math.min(this.#lastStream, random.below(4) === 0 ? 1 : this.#lastStream);
    }
  }

  #body(type: number): Uint8Array {
    const random = this.#random;
    if (random.below(20) === 0) return this.#noise(random.below(300_000));
    switch (type) {
      case FRAME.request:
        return this.#withNumber(random.below(100_000), random.below(50));
      case FRAME.streamCredit:
        return this.#withNumber(random.below(20) === 0 ? random.u32() : 0, 0);
      case FRAME.goodbye:
        return random.below(2) === 0 ? this.greeting(1, '') : new Uint8Array(0);
      default:
        return this.#noise(random.below(40));
    }
  }

  #withNumber(number: number, rest: number): Uint8Array {
    const bytes = this.#noise(4 + rest);
    new DataView(bytes.buffer).setUint32(0, number, true);
    return bytes;
  }

  #noise(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let at = 0; at < count; at += 1 + (count >> 8)) bytes[at] = this.#random.below(256);
    return bytes;
  }

  #damaged(bytes: Uint8Array): Uint8Array {
    const copy = bytes.slice();
    const at = this.#random.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << this.#random.below(8));
    return copy;
  }
}
