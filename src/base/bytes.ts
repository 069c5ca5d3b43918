// Readers and writers for byte formats. Integers of 64 bits come in two kinds: `u64` as a number,
// for counters that stay below 2^53, and `big64` as a bigint, for values that are opaque to us.

import { assert } from './assert.ts';

export const SAFE_MAX = Number.MAX_SAFE_INTEGER;

const WORD = 2 ** 32;
const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/**
 * Reads a byte string that may be hostile. Running past the end or meeting invalid text sets
 * `failed` and yields zero or empty values from then on, so that a decoder is written straight down
 * and asks `failed` once per item, without exceptions and without a check per field.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  readonly #view: DataView;
  offset: number;
  failed = false;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    assert(start >= 0 && start <= end && end <= bytes.length, 'a reader stays inside its bytes');
    this.bytes = bytes;
    this.offset = start;
    this.end = end;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get remaining(): number {
    return this.end - this.offset;
  }

  /** Marks the input as bad; for rules that the caller checks. */
  fail(): void {
    this.failed = true;
    this.offset = this.end;
  }

  #take(count: number): number {
    const at = this.offset;
    if (this.failed || count > this.end - at) {
      this.fail();
      return -1;
    }
    this.offset = at + count;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#view.getUint8(at);
  }

  u16le(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#view.getUint16(at, true);
  }

  u32le(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#view.getUint32(at, true);
  }

  /** A counter of 64 bits. Values from 2^53 up saturate: the caller decides what that means. */
  u64le(): number {
    const at = this.#take(8);
    if (at < 0) return 0;
    const high = this.#view.getUint32(at + 4, true);
    if (high >= 2 ** 21) return SAFE_MAX;
    return high * WORD + this.#view.getUint32(at, true);
  }

  big64le(): bigint {
    const at = this.#take(8);
    return at < 0 ? 0n : this.#view.getBigUint64(at, true);
  }

  /** A view into the input, not a copy. */
  take(count: number): Uint8Array {
    const at = this.#take(count);
    return at < 0 ? this.bytes.subarray(0, 0) : this.bytes.subarray(at, at + count);
  }

  /** `count` bytes of strict UTF-8. */
  text(count: number): string {
    const at = this.#take(count);
    if (at < 0) return '';
    const decoded = decodeText(this.bytes, at, at + count);
    if (decoded === undefined) {
      this.fail();
      return '';
    }
    return decoded;
  }
}

/** Strict UTF-8, or undefined. Short ASCII, which is nearly all of it, skips the decoder. */
export function decodeText(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (end - start <= 24) {
    let text = '';
    for (let i = start; i < end; i++) {
      const byte = bytes[i] as number;
      if (byte >= 0x80) return decodeSlow(bytes, start, end);
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return decodeSlow(bytes, start, end);
}

function decodeSlow(bytes: Uint8Array, start: number, end: number): string | undefined {
  try {
    return strictUtf8.decode(bytes.subarray(start, end));
  } catch {
    return undefined;
  }
}

/** The UTF-8 bytes of a text that has no lone surrogate (those would be silently replaced). */
export function encodeText(text: string): Uint8Array {
  assert(text.isWellFormed(), 'text with a lone surrogate has no UTF-8 form: refuse it earlier');
  return encoder.encode(text);
}

/** Bytes that `encodeText` would make, without making them. */
export function textByteLength(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else if (unit >= 0xd800 && unit <= 0xdbff) {
      length += 2;
      i += 1;
    } else length += 2;
  }
  return length;
}

/** Appends to a buffer that grows up to `bytesMax`. Reuse one writer: `reset` keeps the buffer. */
export class ByteWriter {
  readonly bytesMax: number;
  #bytes: Uint8Array;
  #view: DataView;
  length = 0;

  constructor(bytesMax: number, bytesInitial = Math.min(bytesMax, 1024)) {
    this.bytesMax = bytesMax;
    this.#bytes = new Uint8Array(bytesInitial);
    this.#view = new DataView(this.#bytes.buffer);
  }

  reset(): void {
    this.length = 0;
  }

  /** Drops what was written after `length` stood at `mark`. */
  rewind(mark: number): void {
    assert(mark <= this.length, 'rewind goes back, not forth');
    this.length = mark;
  }

  /** Makes room first: callers read `#bytes` and `#view` only afterwards, growth replaces both. */
  #grow(count: number): number {
    const at = this.length;
    const wanted = at + count;
    assert(wanted <= this.bytesMax, 'a writer keeps its limit: the caller checks what it writes');
    if (wanted > this.#bytes.length) {
      const larger = new Uint8Array(Math.min(this.bytesMax, Math.max(wanted, at * 2)));
      larger.set(this.#bytes.subarray(0, at));
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    this.length = wanted;
    return at;
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  u16le(value: number): void {
    assert(value >= 0 && value <= 0xffff, 'u16 holds 0..65535');
    const at = this.#grow(2);
    this.#view.setUint16(at, value, true);
  }

  u32le(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, true);
  }

  u64le(value: number): void {
    assert(value >= 0 && value <= SAFE_MAX, 'a counter is a safe non-negative integer');
    const at = this.#grow(8);
    this.#view.setUint32(at, value >>> 0, true);
    this.#view.setUint32(at + 4, Math.floor(value / WORD), true);
  }

  big64le(value: bigint): void {
    assert(value >= 0n && value < 1n << 64n, 'u64 holds 0..2^64-1');
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, true);
  }

  /** A u16 length and that many bytes of UTF-8. ASCII, nearly all of it, skips the encoder. */
  text16le(text: string): void {
    this.u16le(text.length);
    const at = this.#grow(text.length);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) {
        this.length = at - 2;
        const encoded = encodeText(text);
        this.u16le(encoded.length);
        this.append(encoded);
        return;
      }
      this.#bytes[at + i] = unit;
    }
  }

  /** Drops the first `count` bytes; the rest moves to the front. */
  discardFront(count: number): void {
    assert(count <= this.length, 'only what is written can be dropped');
    this.#bytes.copyWithin(0, count, this.length);
    this.length -= count;
  }

  append(bytes: Uint8Array): void {
    const at = this.#grow(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Writes a u16 over bytes that are already there: for lengths known only afterwards. */
  patchU16le(at: number, value: number): void {
    assert(at + 2 <= this.length && value <= 0xffff, 'a patch stays inside what is written');
    this.#view.setUint16(at, value, true);
  }

  /** What is written, as a view that the next write may overwrite. */
  view(start = 0): Uint8Array {
    return this.#bytes.subarray(start, this.length);
  }

  /** What is written, as bytes of its own. */
  copy(): Uint8Array {
    return this.#bytes.slice(0, this.length);
  }
}

/** A counter of 64 bits in the middle of things, where a reader would be one object too many. */
export function readU64le(bytes: Uint8Array, at: number): number {
  const high = readU32le(bytes, at + 4);
  return high >= 2 ** 21 ? SAFE_MAX : high * WORD + readU32le(bytes, at);
}

function readU32le(bytes: Uint8Array, at: number): number {
  assert(at + 4 <= bytes.length, 'a number lies within its bytes');
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
  return (low | (high << 16)) >>> 0;
}

export function writeU64le(bytes: Uint8Array, at: number, value: number): void {
  assert(value >= 0 && value <= SAFE_MAX, 'a counter is a safe non-negative integer');
  assert(at + 8 <= bytes.length, 'a number lies within its bytes');
  let low = value >>> 0;
  let high = Math.floor(value / WORD);
  for (let i = 0; i < 4; i++) {
    bytes[at + i] = low;
    bytes[at + 4 + i] = high;
    low >>>= 8;
    high >>>= 8;
  }
}

/**
 * Cuts byte strings from larger pieces. Beyond 64 bytes an array of its own costs ten to twenty
 * times as much to make; the price is that a whole piece stays in memory while one of its strings
 * does. For strings that are made by the thousand and live about as long as their neighbours.
 */
export class ByteSlab {
  readonly #pieceBytes: number;
  #piece = new Uint8Array(0);
  #used = 0;

  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** `length` zero bytes. */
  cut(length: number): Uint8Array {
    if (length * 8 > this.#pieceBytes) return new Uint8Array(length);
    if (this.#used + length > this.#piece.length) {
      this.#piece = new Uint8Array(this.#pieceBytes);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used += length;
    return this.#piece.subarray(from, this.#used);
  }
}

/** Small buffers are not worth a copy. */
const SLACK_BYTES = 256;

/**
 * A view keeps all of its buffer in memory. Whether `bytes` of a buffer's `bufferBytes` are so few
 * that those who keep them for long had better have them copied.
 */
export function isSmallPart(bytes: number, bufferBytes: number): boolean {
  return bufferBytes > 2 * bytes + SLACK_BYTES;
}

/** The same bytes, not as a view into something far larger, the frame that brought them, say. */
export function ownBytes(bytes: Uint8Array): Uint8Array {
  // `slice` of a `Buffer` would be a view again.
  return isSmallPart(bytes.length, bytes.buffer.byteLength) ? new Uint8Array(bytes) : bytes;
}

/** Copies in one piece, for strings that live about as long as their neighbours. */
export function copyTogether(parts: readonly Uint8Array[]): Uint8Array[] {
  const piece = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  return parts.map((part) => {
    piece.set(part, at);
    at += part.length;
    return piece.subarray(at - part.length, at);
  });
}

/** Lexicographic order of byte strings, the order of UTF-8 text by code point. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * The order of the UTF-8 bytes of two texts, without making them. UTF-16 units compare alike except
 * that surrogates (U+D800..DFFF, which spell what is above U+FFFF) must come after U+E000..FFFF.
 */
export function compareText(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x === y) continue;
    if (x < 0xd800 || y < 0xd800) return x - y;
    return rankAboveD800(x) - rankAboveD800(y);
  }
  return a.length - b.length;
}

function rankAboveD800(unit: number): number {
  return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== b[i]) return false;
  }
  return true;
}
