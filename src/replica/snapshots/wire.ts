// The bytes of a transfer; FORMAT.md draws them.
//
//   offer     =  message                                         a request
//   answer    =  verdict(u8) [progress]                          its answer
//   header    =  chunks(u64) message                             begins a stream
//   chunk     =  1 pair*                                         its chunks
//             |  2 chunks(u64) pairs(u64) bytes(u64) chain(16)   the last one
//   pair      =  key-length(u16) value-length(u32) key value
//   progress  =  chunks(u64) pairs(u64) bytes(u64) chain(16) last-key
//
// A message is the Raft message that the state belongs to, as the codec writes it.

import { createHash } from 'node:crypto';
import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter, compareBytes } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Message, Snapshot } from '../../core/raft/index.ts';
import type { StorePair } from '../../engine/store/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { decodeMessage, encodeMessage } from '../codec/index.ts';
import { type Progress, SNAPSHOT_NAME_BYTES } from '../state/index.ts';

const PAIRS = 1;
const END = 2;
const CHAIN_BYTES = 16;
const PAIR_HEADER_BYTES = 6;
const COUNTS_BYTES = 24;
/** Before a key stands whether it is the machine's. */
const KEY_BYTES_MAX = 1 + LIMITS.state.keyBytesMax;
const PROGRESS_BYTES_MAX = COUNTS_BYTES + CHAIN_BYTES + KEY_BYTES_MAX;

// --- offers -------------------------------------------------------------------------------------

export interface Offer {
  readonly shard: ShardId;
  readonly message: Message;
  readonly snapshot: Snapshot;
}

/** The receiver's answer to an offer. */
export type Verdict =
  /** Send what lies beyond `progress`, or all of it. */
  | { readonly kind: 'wanted'; readonly progress: Progress }
  /** The message was stepped already: the state is there. */
  | { readonly kind: 'taken' }
  /** Not now, or not here. */
  | { readonly kind: 'refused' };

const VERDICTS = ['wanted', 'taken', 'refused'] as const;

export function encodeOffer(shard: ShardId, message: Message): Uint8Array {
  return encodeMessage(shard, message);
}

export function decodeOffer(bytes: Uint8Array, from: MemberId, to: MemberId): Offer | undefined {
  const decoded = decodeMessage(bytes, from, to);
  const snapshot = decoded?.message.snapshot;
  if (decoded === undefined || snapshot === undefined) return undefined;
  if (snapshot.data.length !== SNAPSHOT_NAME_BYTES) return undefined;
  return { ...decoded, snapshot };
}

export function encodeVerdict(verdict: Verdict): Uint8Array {
  const writer = new ByteWriter(1 + PROGRESS_BYTES_MAX, 64);
  writer.u8(VERDICTS.indexOf(verdict.kind));
  if (verdict.kind === 'wanted') {
    writeCounts(writer, verdict.progress);
    writer.append(verdict.progress.lastKey);
  }
  return writer.copy();
}

export function decodeVerdict(bytes: Uint8Array): Verdict | undefined {
  const reader = new ByteReader(bytes);
  const kind = VERDICTS[reader.u8()];
  if (kind !== 'wanted') {
    return kind === undefined || reader.remaining > 0 || reader.failed ? undefined : { kind };
  }
  const counts = readCounts(reader);
  const lastKey = reader.take(reader.remaining).slice();
  return reader.failed ? undefined : { kind, progress: { ...counts, lastKey } };
}

/** `chunks`: how many of them the receiver has from an earlier transfer of the same state. */
export function encodeHeader(chunks: number, offer: Uint8Array): Uint8Array {
  const writer = new ByteWriter(8 + offer.length, 8 + offer.length);
  writer.u64le(chunks);
  writer.append(offer);
  return writer.view();
}

export function decodeHeader(
  bytes: Uint8Array,
  from: MemberId,
  to: MemberId,
): (Offer & { readonly chunks: number }) | undefined {
  const reader = new ByteReader(bytes);
  const chunks = reader.u64le();
  const offer = decodeOffer(reader.take(reader.remaining), from, to);
  return offer === undefined || reader.failed ? undefined : { ...offer, chunks };
}

// --- chunks -------------------------------------------------------------------------------------

export type Chunk =
  | { readonly kind: 'pairs'; readonly pairs: readonly StorePair[] }
  | { readonly kind: 'end'; readonly totals: Omit<Progress, 'lastKey'> };

export function pairBytes({ key, value }: StorePair): number {
  return PAIR_HEADER_BYTES + key.length + value.length;
}

/** `bytes`: the sum of their `pairBytes`. */
export function encodePairs(pairs: readonly StorePair[], bytes: number): Uint8Array {
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
  const writer = new ByteWriter(1 + COUNTS_BYTES + CHAIN_BYTES);
  writer.u8(END);
  writeCounts(writer, progress);
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
  if (kind !== PAIRS) return undefined;
  const pairs: StorePair[] = [];
  let last: Uint8Array = new Uint8Array(0);
  while (reader.remaining > 0) {
    const keyLength = reader.u16le();
    const valueLength = reader.u32le();
    const [key, value] = [reader.take(keyLength), reader.take(valueLength)];
    if (reader.failed || compareBytes(key, last) <= 0) return undefined;
    if (keyLength > KEY_BYTES_MAX || valueLength > LIMITS.state.valueBytesMax) return undefined;
    pairs.push({ key, value });
    last = key;
  }
  return reader.failed || pairs.length === 0 ? undefined : { kind: 'pairs', pairs };
}

/** The state of a transfer after one more chunk of pairs. */
export function progressAfter(
  progress: Progress,
  chunk: Uint8Array,
  pairs: readonly StorePair[],
): Progress {
  const last = pairs.at(-1);
  assert(last !== undefined, '[N2] a chunk holds a pair at least');
  return {
    lastKey: last.key.slice(),
    chain: nextChain(progress.chain, chunk),
    chunks: progress.chunks + 1,
    pairs: progress.pairs + pairs.length,
    bytes: progress.bytes + chunk.length,
  };
}

/** [N3] The first half of SHA-256: no two transfers agree on it and differ in what was sent. */
function nextChain(chain: Uint8Array, chunk: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(chain).update(chunk).digest();
  return new Uint8Array(digest.subarray(0, CHAIN_BYTES));
}

function writeCounts(writer: ByteWriter, counts: Omit<Progress, 'lastKey'>): void {
  writer.u64le(counts.chunks);
  writer.u64le(counts.pairs);
  writer.u64le(counts.bytes);
  writer.append(counts.chain);
}

function readCounts(reader: ByteReader): Omit<Progress, 'lastKey'> {
  const [chunks, pairs, bytes] = [reader.u64le(), reader.u64le(), reader.u64le()];
  return { chunks, pairs, bytes, chain: reader.take(CHAIN_BYTES).slice() };
}
