// The chunks of a state on its way.
//
//   chunk  =  1 pair*                                         pairs, one at least
//          |  2 chunks(u64) pairs(u64) bytes(u64) chain(16)   the last one
//          |  3 bytes(u32) digest(16) last-key                pairs that the receiver has already
//   pair   =  key-length(u16) value-length(u32) key value

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter, compareBytes } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import { sha256 } from '../../engine/codec/index.ts';
import type { StorePair } from '../../engine/store/index.ts';
import type { Progress } from '../state/index.ts';

const PAIRS = 1;
const END = 2;
const SAME = 3;
export const DIGEST_BYTES = 16;
const PAIR_HEADER_BYTES = 6;
/** Three counters and a chain. */
export const COUNTS_BYTES = 24 + DIGEST_BYTES;
/** Before a key stands whether it is the machine's. */
export const KEY_BYTES_MAX = 1 + LIMITS.state.keyBytesMax;

export type Chunk =
  | { readonly kind: 'pairs'; readonly pairs: readonly StorePair[] }
  /** The receiver's present state has just so, up to `lastKey`, what would be sent. */
  | {
      readonly kind: 'same';
      readonly bytes: number;
      readonly digest: Uint8Array;
      readonly lastKey: Uint8Array;
    }
  | { readonly kind: 'end'; readonly totals: Omit<Progress, 'lastKey'> };

export function pairBytes({ key, value }: StorePair): number {
  return PAIR_HEADER_BYTES + key.length + value.length;
}

/** `bytes`: the sum of their `pairBytes`. */
export function encodePairs(pairs: readonly StorePair[], bytes: number): Uint8Array {
  assert(pairs.length > 0, '[N2] a chunk holds a pair at least');
  const chunk = new Uint8Array(1 + bytes);
  const view = new DataView(chunk.buffer);
  chunk[0] = PAIRS;
  let at = 1;
  for (const { key, value } of pairs) {
    view.setUint16(at, key.length, true);
    view.setUint32(at + 2, value.length, true);
    chunk.set(key, at + PAIR_HEADER_BYTES);
    chunk.set(value, at + PAIR_HEADER_BYTES + key.length);
    at += PAIR_HEADER_BYTES + key.length + value.length;
  }
  assert(at === chunk.length, '[N2] a chunk is as long as its pairs');
  return chunk;
}

export function encodeEnd(progress: Progress): Uint8Array {
  const writer = new ByteWriter(1 + COUNTS_BYTES);
  writer.u8(END);
  writeCounts(writer, progress);
  return writer.copy();
}

export function encodeSame(bytes: number, digest: Uint8Array, lastKey: Uint8Array): Uint8Array {
  assert(digest.length === DIGEST_BYTES, '[N12] digests are of one length');
  const writer = new ByteWriter(5 + DIGEST_BYTES + lastKey.length);
  writer.u8(SAME);
  writer.u32le(bytes);
  writer.append(digest);
  writer.append(lastKey);
  return writer.copy();
}

/** Undefined when the bytes are no chunk. The keys and values are views of `bytes`. */
export function decodeChunk(bytes: Uint8Array): Chunk | undefined {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  if (kind === END) {
    const totals = readCounts(reader);
    return reader.failed || reader.remaining > 0 ? undefined : { kind: 'end', totals };
  }
  if (kind === SAME) {
    const [length, digest] = [reader.u32le(), reader.take(DIGEST_BYTES)];
    const lastKey = takeKey(reader, reader.remaining);
    if (reader.failed || length > LIMITS.peer.chunkBytesMax) return undefined;
    return { kind: 'same', bytes: length, digest, lastKey };
  }
  return kind === PAIRS ? readPairs(reader) : undefined;
}

function readPairs(reader: ByteReader): Chunk | undefined {
  const pairs: StorePair[] = [];
  let last: Uint8Array = new Uint8Array(0);
  while (reader.remaining > 0) {
    const keyLength = reader.u16le();
    const valueLength = reader.u32le();
    const [key, value] = [takeKey(reader, keyLength), reader.take(valueLength)];
    if (reader.failed || compareBytes(key, last) <= 0) return undefined;
    if (valueLength > LIMITS.state.valueBytesMax) return undefined;
    pairs.push({ key, value });
    last = key;
  }
  return reader.failed || pairs.length === 0 ? undefined : { kind: 'pairs', pairs };
}

/** [N14] Fails the reader if the key is longer than any key of a state. */
export function takeKey(reader: ByteReader, length: number): Uint8Array {
  const key = reader.take(length);
  if (length > KEY_BYTES_MAX) reader.fail();
  return key;
}

/** Where a transfer stands after one more chunk of pairs, whose digest is given. */
export function progressAfter(
  progress: Progress,
  chunk: Uint8Array,
  digest: Uint8Array,
  pairs: readonly StorePair[],
): Progress {
  const last = pairs.at(-1);
  assert(last !== undefined, '[N2] a chunk holds a pair at least');
  return {
    lastKey: last.key.slice(),
    chain: half(sha256().update(progress.chain).update(digest).digest()),
    chunks: progress.chunks + 1,
    pairs: progress.pairs + pairs.length,
    bytes: progress.bytes + chunk.length,
  };
}

/** [N3] Half of SHA-256: no two chunks agree on it and differ in what they hold. */
export function digestChunk(chunk: Uint8Array): Uint8Array {
  return half(sha256().update(chunk).digest());
}

function half(digest: Uint8Array): Uint8Array {
  return new Uint8Array(digest.subarray(0, DIGEST_BYTES));
}

export function writeCounts(writer: ByteWriter, counts: Omit<Progress, 'lastKey'>): void {
  assert(counts.chain.length === DIGEST_BYTES, '[N3] sums are of one length');
  assert(counts.pairs >= counts.chunks, '[N2] a chunk holds a pair at least');
  writer.u64le(counts.chunks);
  writer.u64le(counts.pairs);
  writer.u64le(counts.bytes);
  writer.append(counts.chain);
}

export function readCounts(reader: ByteReader): Omit<Progress, 'lastKey'> {
  const [chunks, pairs, bytes] = [reader.u64le(), reader.u64le(), reader.u64le()];
  return { chunks, pairs, bytes, chain: reader.take(DIGEST_BYTES).slice() };
}
