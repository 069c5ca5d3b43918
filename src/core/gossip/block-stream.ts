// Block streams: bytes cut into blocks, each compressed or stored.
//
//   stream = { type u8, length u16le, length bytes } ... 0
//   type   = 1 zstd frame | 2 stored | 0 end, nothing follows
//
// Items may straddle blocks: a reader joins the blocks first and parses afterwards.

import { assert } from '../../base/assert.ts';
import { type ByteReader, ByteWriter } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import type { BlockCodec, RefusalReason } from './types.ts';

const {
  blockBytes,
  blockUnpackedBytesMax,
  datagramBytesMax,
  deltaUnpackedBytesMax,
  deltaWrittenBytesMax,
} = LIMITS.gossip;

const END = 0;
const COMPRESSED = 1;
const STORED = 2;
const BLOCK_HEADER_BYTES = 3;
/** Smaller blocks are not worth the compressor's time: a delta of one short entry. */
const COMPRESS_BYTES_LEAST = 128;
/** The longest item is a key and a value of 65,535 bytes with their frame. */
const ITEM_BYTES_MAX = 2 * 65_535 + 64;

export class BlockWriter {
  /** Items not yet in a block. Callers append an item, then ask `fits`. */
  readonly pending = new ByteWriter(blockBytes + ITEM_BYTES_MAX);
  readonly #codec: BlockCodec;
  readonly #out = new ByteWriter(4 * deltaUnpackedBytesMax);
  #budgetBytes = 0;
  #blockBytes: number = blockBytes;
  /** Raw bytes in the blocks of the stream at hand. */
  #rawBytes = 0;

  constructor(codec: BlockCodec) {
    this.#codec = codec;
  }

  begin(budgetBytes: number): void {
    this.pending.reset();
    this.#out.reset();
    this.#rawBytes = 0;
    this.#budgetBytes = budgetBytes;
    this.#blockBytes = Math.max(1, Math.min(blockBytes, budgetBytes));
  }

  /**
   * Whether the stream would keep its budget even if nothing pending can be compressed, and stays
   * what a reader unpacks [G15].
   */
  fits(): boolean {
    const pending = this.pending.length;
    if (this.#rawBytes + pending > deltaWrittenBytesMax) return false;
    const blocks = Math.max(1, Math.ceil(pending / this.#blockBytes));
    const end = 1;
    return this.#out.length + pending + blocks * BLOCK_HEADER_BYTES + end <= this.#budgetBytes;
  }

  /** Moves full blocks out of `pending`. */
  settle(): void {
    while (this.pending.length > this.#blockBytes) {
      this.#writeBlock(this.pending.view().subarray(0, this.#blockBytes));
      this.pending.discardFront(this.#blockBytes);
    }
  }

  /** The stream, as a view that the next `begin` overwrites. */
  finish(): Uint8Array {
    this.settle();
    if (this.pending.length > 0) this.#writeBlock(this.pending.view());
    this.#out.u8(END);
    return this.#out.view();
  }

  /** A stream of bytes that are all there, whatever length that makes. */
  encodeWhole(raw: Uint8Array): Uint8Array {
    this.begin(datagramBytesMax);
    for (let at = 0; at < raw.length; at += blockBytes) {
      this.#writeBlock(raw.subarray(at, at + blockBytes));
    }
    return this.finish();
  }

  #writeBlock(raw: Uint8Array): void {
    assert(raw.length > 0 && raw.length <= blockBytes, 'a block holds 1 to 16,384 bytes [G5]');
    this.#rawBytes += raw.length;
    const frame = raw.length < COMPRESS_BYTES_LEAST ? undefined : this.#codec.compress(raw);
    const packed = frame !== undefined && frame.length <= raw.length ? frame : undefined;
    const content = packed ?? raw;
    this.#out.u8(packed === undefined ? STORED : COMPRESSED);
    this.#out.u16le(content.length);
    this.#out.append(content);
  }
}

export type Unpacked =
  | {
      readonly kind: 'bytes';
      readonly bytes: Uint8Array;
      /** The stream goes on: its next block would have passed the limit and was not unpacked. */
      readonly isCut: boolean;
    }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

/** Joins the blocks of hostile streams. One instance per stream of a message: it owns the bytes. */
export class BlockReader {
  readonly #codec: BlockCodec;
  #joined = new Uint8Array(blockBytes);
  #length = 0;

  constructor(codec: BlockCodec) {
    this.#codec = codec;
  }

  /** The bytes of the stream at the reader, valid until the next call or the end of the input. */
  unpack(reader: ByteReader): Unpacked {
    this.#length = 0;
    let only: Uint8Array | undefined;
    for (let blocks = 0; ; blocks++) {
      const type = reader.u8();
      if (reader.failed) return refusal('truncated');
      if (type === END) break;
      if (type !== COMPRESSED && type !== STORED) return refusal('badBlock');
      const content = reader.take(reader.u16le());
      if (reader.failed) return refusal('truncated');
      const raw = type === STORED ? content : this.#unpackFrame(content);
      if (raw === undefined) return refusal('badBlock');
      if (this.#length + raw.length > deltaUnpackedBytesMax) {
        return { kind: 'bytes', bytes: this.#joined.subarray(0, this.#length), isCut: true };
      }
      // A stream of one block, the usual case, is read where it stands.
      if (blocks === 1 && only !== undefined) this.#join(only, 0);
      if (blocks === 0) only = raw;
      else {
        only = undefined;
        this.#join(raw, this.#length);
      }
      this.#length += raw.length;
    }
    const bytes = only ?? this.#joined.subarray(0, this.#length);
    return { kind: 'bytes', bytes, isCut: false };
  }

  #join(raw: Uint8Array, at: number): void {
    const wanted = at + raw.length;
    if (wanted > this.#joined.length) {
      const larger = new Uint8Array(Math.min(deltaUnpackedBytesMax, wanted * 2));
      larger.set(this.#joined.subarray(0, at));
      this.#joined = larger;
    }
    this.#joined.set(raw, at);
  }

  #unpackFrame(frame: Uint8Array): Uint8Array | undefined {
    const size = parseFrameContentSize(frame);
    if (size === undefined || size > blockUnpackedBytesMax) return undefined;
    const raw = this.#codec.decompress(frame, size);
    return raw?.length === size ? raw : undefined;
  }
}

function refusal(reason: RefusalReason): Unpacked {
  return { kind: 'refused', reason };
}

const FRAME_MAGIC = 0xfd2fb528;

/**
 * The size that a zstd frame says it unpacks to, or undefined when it does not say, is no frame or
 * wants a dictionary. Asked before unpacking: a few bytes can unpack to gigabytes [G6].
 *
 *   frame header = magic u32le, descriptor u8, window u8 unless single segment, size of 0..8 bytes
 *   descriptor   = size flag (2 bits), single segment, unused, reserved, checksum, dictionary (2)
 */
function parseFrameContentSize(frame: Uint8Array): number | undefined {
  if (frame.length < 6) return undefined;
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const descriptor = view.getUint8(4);
  if (view.getUint32(0, true) !== FRAME_MAGIC) return undefined;
  const wantsDictionary = (descriptor & 3) !== 0;
  const reserved = (descriptor & 8) !== 0;
  if (wantsDictionary || reserved) return undefined;
  const singleSegment = (descriptor & 32) !== 0;
  const at = singleSegment ? 5 : 6;
  const flag = descriptor >> 6;
  if (flag === 0) return singleSegment ? view.getUint8(at) : undefined;
  if (at + 2 ** flag > frame.length) return undefined;
  // A size of two bytes counts from 256: smaller ones are spelled in one byte.
  if (flag === 1) return view.getUint16(at, true) + 256;
  if (flag === 2) return view.getUint32(at, true);
  return view.getUint32(at + 4, true) === 0 ? view.getUint32(at, true) : undefined;
}
