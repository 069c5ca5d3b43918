// The words of members about a transfer: whether it is wanted, from where on, and what is there
// already. FORMAT.md draws the bytes.
//
//   offer     =  message                                        a request
//   answer    =  verdict(u8) [compares(u8) progress | term(u64)]   its answer
//   header    =  chunks(u64) message                            begins a stream
//   progress  =  chunks(u64) pairs(u64) bytes(u64) chain(16) last-key
//   compare   =  shard(u32) name(16) length(u16) after range*   a request
//   range     =  bytes(u32) digest(16) length(u16) last-key
//   equal     =  u8*                                            its answer, 1 for an equal range
//
// A message is the Raft message that the state belongs to, as the codec writes it.

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Message, Snapshot } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { decodeMessage, encodeMessage } from '../codec/index.ts';
import { type Progress, SNAPSHOT_NAME_BYTES } from '../state/index.ts';
import {
  COUNTS_BYTES,
  DIGEST_BYTES,
  KEY_BYTES_MAX,
  readCounts,
  takeKey,
  writeCounts,
} from './chunks.ts';

const PROGRESS_BYTES_MAX = COUNTS_BYTES + KEY_BYTES_MAX;
const RANGE_BYTES_MAX = 6 + DIGEST_BYTES + KEY_BYTES_MAX;

export interface Offer {
  readonly shard: ShardId;
  readonly message: Message;
  readonly snapshot: Snapshot;
}

/** The receiver's answer to an offer. */
export type Verdict =
  /**
   * Send what lies beyond `progress`, or all of it. `compares`: there is a present state, of which
   * much may be equal.
   */
  | { readonly kind: 'wanted'; readonly progress: Progress; readonly compares: boolean }
  /** The message was stepped already: the state is there. */
  | { readonly kind: 'taken' }
  /** [N13] The message is of an earlier term than this. */
  | { readonly kind: 'stale'; readonly term: number }
  /** Not now, or not here. */
  | { readonly kind: 'refused' };

const VERDICTS = ['wanted', 'taken', 'refused', 'stale'] as const;

export function encodeOffer(shard: ShardId, message: Message): Uint8Array {
  const { length } = message.snapshot?.data ?? [];
  assert(length === SNAPSHOT_NAME_BYTES, '[N1] an offer names its state');
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
  const writer = new ByteWriter(2 + PROGRESS_BYTES_MAX, 64);
  writer.u8(VERDICTS.indexOf(verdict.kind));
  if (verdict.kind === 'wanted') {
    writer.u8(verdict.compares ? 1 : 0);
    writeCounts(writer, verdict.progress);
    writer.append(verdict.progress.lastKey);
  } else if (verdict.kind === 'stale') writer.u64le(verdict.term);
  return writer.copy();
}

export function decodeVerdict(bytes: Uint8Array): Verdict | undefined {
  const reader = new ByteReader(bytes);
  const kind = VERDICTS[reader.u8()];
  if (kind === 'stale') {
    const term = reader.u64le();
    return reader.remaining > 0 || reader.failed ? undefined : { kind, term };
  }
  if (kind !== 'wanted') {
    return kind === undefined || reader.remaining > 0 || reader.failed ? undefined : { kind };
  }
  const compares = reader.u8();
  const counts = readCounts(reader);
  const lastKey = takeKey(reader, reader.remaining).slice();
  if (reader.failed || compares > 1) return undefined;
  return { kind, progress: { ...counts, lastKey }, compares: compares === 1 };
}

/** `chunks`: how many of them the receiver has from an earlier transfer of the same state. */
export function encodeHeader(chunks: number, offer: Uint8Array): Uint8Array {
  assert(Number.isSafeInteger(chunks) && chunks >= 0, '[N6] chunks are counted');
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

// --- what is there already ----------------------------------------------------------------------

/** A chunk of the sender: all pairs behind the range before it, up to `lastKey`. */
export interface ChunkRange {
  /** Of the chunk as it would be sent. */
  readonly bytes: number;
  readonly digest: Uint8Array;
  readonly lastKey: Uint8Array;
}

/** Which of these ranges does the receiver's present state have just so? */
export interface Comparison {
  readonly shard: ShardId;
  /** Of the state that is being sent. */
  readonly name: Uint8Array;
  /** The key behind which the first range begins. */
  readonly after: Uint8Array;
  readonly ranges: readonly ChunkRange[];
}

export function encodeComparison({ shard, name, after, ranges }: Comparison): Uint8Array {
  const writer = new ByteWriter(64 + KEY_BYTES_MAX + ranges.length * RANGE_BYTES_MAX);
  assert(name.length === SNAPSHOT_NAME_BYTES, '[N12] a question names the state it is about');
  assert(ranges.length <= LIMITS.snapshots.comparedChunksMax, '[N14] what is asked is answered');
  assert(after.length <= KEY_BYTES_MAX, '[N14] a key is no longer than those of a state');
  writer.u32le(shard);
  writer.append(name);
  writer.u16le(after.length);
  writer.append(after);
  for (const { bytes, digest, lastKey } of ranges) {
    writer.u32le(bytes);
    writer.append(digest);
    writer.u16le(lastKey.length);
    writer.append(lastKey);
  }
  return writer.copy();
}

export function decodeComparison(bytes: Uint8Array): Comparison | undefined {
  const reader = new ByteReader(bytes);
  const shard = reader.u32le();
  const name = reader.take(SNAPSHOT_NAME_BYTES);
  const after = takeKey(reader, reader.u16le());
  const ranges: ChunkRange[] = [];
  while (reader.remaining > 0) {
    const length = reader.u32le();
    const digest = reader.take(DIGEST_BYTES);
    const lastKey = takeKey(reader, reader.u16le());
    // [N14] Each costs the reading of a chunk.
    const isTooMuch = ranges.length >= LIMITS.snapshots.comparedChunksMax;
    if (length > LIMITS.peer.chunkBytesMax || isTooMuch) reader.fail();
    ranges.push({ bytes: length, digest, lastKey });
  }
  return reader.failed ? undefined : { shard, name, after, ranges };
}
