// What both sides of a connection say first: FORMAT.md draws it. These bytes stay readable for
// every later version, so that members of different versions can at least tell each other why they
// do not talk.

import { ByteReader, ByteWriter } from '../../../base/bytes.ts';
import { crc32c } from '../../../base/crc32c.ts';
import { LIMITS } from '../../../base/limits.ts';
import type { Hello, HelloRefusal } from './types.ts';

/** The first byte is no letter of a protocol in plain text and no TLS record. */
const MAGIC = Uint8Array.of(0x8f, 0x50, 0x61, 0x72, 0x6c, 0x65, 0x79, 0x0a);
const VERSION = 1;

const HEAD_BYTES = MAGIC.length + 4;
const CRC_BYTES = 4;
const BODY_BYTES_MAX = LIMITS.peer.helloBytesMax - HEAD_BYTES - CRC_BYTES;
const TYPE = { hello: 1, refusal: 2 } as const;

/** Numbers on the wire are places in this list plus one. */
const REASONS: readonly HelloRefusal[] = [
  'version',
  'cluster',
  'callee',
  'incarnation',
  'unknownMember',
  'duplicate',
  'overloaded',
];
const MESSAGE_CHARS_MAX = 200;

export interface Refusal {
  readonly kind: 'refused';
  readonly reason: HelloRefusal;
  readonly message: string;
}

export type Greeting = { readonly kind: 'hello'; readonly hello: Hello } | Refusal;

/** [T4] Nobody is let in while nothing can be said about anybody: the caller comes again. */
export const UNDECIDED: Refusal = {
  kind: 'refused',
  reason: 'overloaded',
  message: 'this member cannot tell whom it admits',
};

export function encodeHello(hello: Hello): Uint8Array {
  return encodeRecord((writer) => {
    writer.u8(TYPE.hello);
    writer.u32le(hello.member);
    writer.u32le(hello.callee);
    writer.big64le(hello.incarnation);
    writer.u32le(hello.features);
    writer.text16le(hello.clusterId);
  });
}

export function encodeRefusal(refusal: Omit<Refusal, 'kind'>): Uint8Array {
  return encodeRecord((writer) => {
    writer.u8(TYPE.refusal);
    writer.u8(REASONS.indexOf(refusal.reason) + 1);
    writer.text16le(boundedText(refusal.message));
  });
}

/** At most 600 bytes: a UTF-16 unit never takes more than three. */
export function boundedText(text: string): string {
  return text.slice(0, MESSAGE_CHARS_MAX).toWellFormed();
}

function encodeRecord(writeBody: (writer: ByteWriter) => void): Uint8Array {
  const body = new ByteWriter(BODY_BYTES_MAX);
  writeBody(body);
  const writer = new ByteWriter(LIMITS.peer.helloBytesMax);
  writer.append(MAGIC);
  writer.u8(VERSION);
  writer.u8(VERSION);
  writer.u16le(body.length);
  writer.append(body.view());
  writer.u32le(crc32c(writer.view()));
  return writer.copy();
}

/** How far the greeting in `bytes` is: `more` is to come, or it never becomes one. */
export type GreetingRead =
  | { readonly kind: 'more' }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'read'; readonly greeting: Greeting; readonly end: number };

const MORE: GreetingRead = { kind: 'more' };
const MALFORMED: GreetingRead = { kind: 'malformed' };

export function decodeGreeting(bytes: Uint8Array): GreetingRead {
  for (let at = 0; at < MAGIC.length; at++) {
    if (at >= bytes.length) return MORE;
    if (bytes[at] !== MAGIC[at]) return MALFORMED;
  }
  if (bytes.length < HEAD_BYTES) return MORE;
  const head = new ByteReader(bytes, MAGIC.length, HEAD_BYTES);
  const lowest = head.u8();
  const highest = head.u8();
  const length = head.u16le();
  if (length > BODY_BYTES_MAX) return MALFORMED;
  const end = HEAD_BYTES + length + CRC_BYTES;
  if (bytes.length < end) return MORE;
  const bodyEnd = HEAD_BYTES + length;
  const checksum = new ByteReader(bytes, bodyEnd, end).u32le();
  if (checksum !== crc32c(bytes, 0, 0, bodyEnd)) return MALFORMED;
  const body = new ByteReader(bytes, HEAD_BYTES, bodyEnd);
  const greeting = decodeBody(body, lowest, highest);
  return greeting === undefined ? MALFORMED : { kind: 'read', greeting, end };
}

function decodeBody(body: ByteReader, lowest: number, highest: number): Greeting | undefined {
  const type = body.u8();
  if (type === TYPE.refusal) {
    const reason = REASONS[body.u8() - 1] ?? 'version';
    const message = body.text(body.u16le());
    return body.failed ? undefined : { kind: 'refused', reason, message };
  }
  if (lowest > VERSION || highest < VERSION) {
    const spoken = lowest === highest ? `${lowest}` : `${lowest} to ${highest}`;
    const message = `this side speaks version ${VERSION} of the protocol, the other ${spoken}`;
    return { kind: 'refused', reason: 'version', message };
  }
  if (type !== TYPE.hello) return undefined;
  const member = body.u32le();
  const callee = body.u32le();
  const incarnation = body.big64le();
  const features = body.u32le();
  const clusterId = body.text(body.u16le());
  // What follows belongs to later versions that still speak this one.
  if (body.failed) return undefined;
  return { kind: 'hello', hello: { clusterId, member, incarnation, callee, features } };
}

/** Collects a greeting from what arrives; bounded by the length that it may have. */
export class GreetingReader {
  #bytes = new Uint8Array(0);

  /** `rest`: what follows the greeting in the same chunk. */
  push(chunk: Uint8Array): GreetingRead & { readonly rest: Uint8Array } {
    const bytes = new Uint8Array(this.#bytes.length + chunk.length);
    bytes.set(this.#bytes);
    bytes.set(chunk, this.#bytes.length);
    const read = decodeGreeting(bytes);
    // Only a greeting that is under way is kept, and that is shorter than its limit.
    this.#bytes = read.kind === 'more' ? bytes : new Uint8Array(0);
    return { ...read, rest: read.kind === 'read' ? bytes.subarray(read.end) : this.#bytes };
  }
}
