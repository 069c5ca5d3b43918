// Keys and records of the shards in the store; LAYOUT.md draws them.

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import type { EntryId, Snapshot } from '../../core/raft/index.ts';
import { decodeSnapshot, encodeSnapshot, type ShardId } from '../../engine/wal/index.ts';
import type { FormerLog, Progress } from './types.ts';

export const FORMAT_VERSION = 1;
export const FORMAT_KEY = Uint8Array.of(0);

const PEER = 1;
const META = 2;
const STAGED = 3;
const GARBAGE = 4;
const STATE = 5;
const REMOVED = 6;

/** What follows a generation's prefix: sessions, the machine's pairs, what the shard agreed on. */
export const SESSION_SPACE = 0;
export const MACHINE_SPACE = 1;
export const SHARD_SPACE = 2;

const GENERATION_PREFIX_BYTES = 9;
/** The digest that names where a transfer stands. */
const CHAIN_BYTES = 16;
const FORMER_LOG_BYTES = 32;

export type Generation = number;

// --- keys ---------------------------------------------------------------------------------------

export function peerKey(member: number): Uint8Array {
  const key = new Uint8Array(9);
  key[0] = PEER;
  putU32be(key, 1, Math.floor(member / 2 ** 32));
  putU32be(key, 5, member >>> 0);
  return key;
}

export function metaKey(shard: ShardId): Uint8Array {
  return shardKey(META, shard);
}

export function stagedKey(shard: ShardId): Uint8Array {
  return shardKey(STAGED, shard);
}

/** Says that a generation is to be removed. */
export function garbageKey(shard: ShardId, generation: Generation): Uint8Array {
  return generationKey(GARBAGE, shard, generation);
}

/** The shard has left this member at least once; what its log had. */
export function removedKey(shard: ShardId): Uint8Array {
  return shardKey(REMOVED, shard);
}

/** Every key of a shard's state begins with this. */
export function generationPrefix(shard: ShardId, generation: Generation): Uint8Array {
  return generationKey(STATE, shard, generation);
}

/** The key from which a machine's or the sessions' keys begin. */
export function spacePrefix(shard: ShardId, generation: Generation, space: number): Uint8Array {
  return joinBytes(generationPrefix(shard, generation), Uint8Array.of(space));
}

export const META_RANGE = [Uint8Array.of(META), Uint8Array.of(STAGED)] as const;
export const STAGED_RANGE = [Uint8Array.of(STAGED), Uint8Array.of(GARBAGE)] as const;
export const REMOVED_RANGE = [Uint8Array.of(REMOVED), Uint8Array.of(REMOVED + 1)] as const;
export const GARBAGE_RANGE = [Uint8Array.of(GARBAGE), Uint8Array.of(STATE)] as const;

/** Of a meta, staged, garbage or removed key. */
export function shardOfKey(key: Uint8Array): ShardId {
  return getU32be(key, 1);
}

/** Of a garbage key. */
export function generationOfKey(key: Uint8Array): Generation {
  return getU32be(key, 5);
}

export function joinBytes(front: Uint8Array, back: Uint8Array): Uint8Array {
  const joined = new Uint8Array(front.length + back.length);
  joined.set(front);
  joined.set(back, front.length);
  return joined;
}

/** The first byte string that does not begin with `prefix`, which must not be all 0xff. */
export function endOfPrefix(prefix: Uint8Array): Uint8Array {
  let last = prefix.length - 1;
  while (prefix[last] === 0xff) last -= 1;
  const end = prefix.slice(0, last + 1);
  end[last] = (end[last] as number) + 1;
  return end;
}

function shardKey(kind: number, shard: ShardId): Uint8Array {
  const key = new Uint8Array(5);
  key[0] = kind;
  putU32be(key, 1, shard);
  return key;
}

function generationKey(kind: number, shard: ShardId, generation: Generation): Uint8Array {
  const key = new Uint8Array(GENERATION_PREFIX_BYTES);
  key[0] = kind;
  putU32be(key, 1, shard);
  putU32be(key, 5, generation);
  return key;
}

function putU32be(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function getU32be(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset + at, 4).getUint32(0);
}

// --- records ------------------------------------------------------------------------------------

/** Which generation is the shard's state, and what it is the state after. */
export interface Meta {
  readonly generation: Generation;
  readonly applied: EntryId;
  readonly snapshot: Snapshot;
}

/**
 *   meta  =  generation(u32) index(u64) term(u64) conf
 *
 * `conf` is a snapshot as the log writes it, without a name; it is as long as the shard has
 * replicas, and the same for a long time, so that it is made once.
 */
export function encodeMeta(generation: Generation, at: EntryId, conf: Uint8Array): Uint8Array {
  const writer = new ByteWriter(20 + conf.length, 20 + conf.length);
  writer.u32le(generation);
  writer.u64le(at.index);
  writer.u64le(at.term);
  writer.append(conf);
  return writer.view();
}

/** Undefined when the bytes are none: the store is damaged, or of another version. */
export function decodeMeta(bytes: Uint8Array): Meta | undefined {
  const reader = new ByteReader(bytes);
  const generation = reader.u32le();
  const index = reader.u64le();
  const term = reader.u64le();
  const snapshot = decodeSnapshot(index, term, reader.take(reader.remaining));
  if (reader.failed || snapshot === undefined) return undefined;
  return { generation, applied: { index, term }, snapshot };
}

/** A state that comes from another member, as far as it is here. */
export interface Staged {
  readonly generation: Generation;
  /** Its `data` is the id of the state at the sender. */
  readonly snapshot: Snapshot;
  readonly isComplete: boolean;
  readonly progress: Progress;
}

export const NO_PROGRESS: Progress = {
  lastKey: new Uint8Array(0),
  chain: new Uint8Array(CHAIN_BYTES),
  chunks: 0,
  pairs: 0,
  bytes: 0,
};

/**
 *   staged    =  generation(u32) complete(u8) snapshot progress
 *   snapshot  =  index(u64) term(u64) length(u32) conf-and-id
 *   progress  =  chain(16) chunks(u64) pairs(u64) bytes(u64) last-key
 */
export function encodeStaged({ generation, isComplete, snapshot, progress }: Staged): Uint8Array {
  const named = encodeSnapshot(snapshot);
  const length = 25 + named.length + CHAIN_BYTES + 24 + progress.lastKey.length;
  const writer = new ByteWriter(length, length);
  writer.u32le(generation);
  writer.u8(isComplete ? 1 : 0);
  writer.u64le(snapshot.index);
  writer.u64le(snapshot.term);
  writer.u32le(named.length);
  writer.append(named);
  writer.append(progress.chain);
  writer.u64le(progress.chunks);
  writer.u64le(progress.pairs);
  writer.u64le(progress.bytes);
  writer.append(progress.lastKey);
  return writer.view();
}

export function decodeStaged(bytes: Uint8Array): Staged | undefined {
  const reader = new ByteReader(bytes);
  const generation = reader.u32le();
  const completeness = reader.u8();
  const index = reader.u64le();
  const term = reader.u64le();
  const snapshot = decodeSnapshot(index, term, reader.take(reader.u32le()));
  const chain = reader.take(CHAIN_BYTES).slice();
  const [chunks, pairs, total] = [reader.u64le(), reader.u64le(), reader.u64le()];
  const lastKey = reader.take(reader.remaining).slice();
  if (reader.failed || snapshot === undefined || completeness > 1) return undefined;
  const progress = { lastKey, chain, chunks, pairs, bytes: total };
  return { generation, isComplete: completeness === 1, snapshot, progress };
}

/** former  =  term(u64) vote(u64) last-term(u64) last-index(u64) */
export function encodeFormerLog({ last, term, vote }: FormerLog): Uint8Array {
  const writer = new ByteWriter(FORMER_LOG_BYTES, FORMER_LOG_BYTES);
  writer.u64le(term);
  writer.u64le(vote);
  writer.u64le(last.term);
  writer.u64le(last.index);
  return writer.view();
}

export function decodeFormerLog(bytes: Uint8Array): FormerLog | undefined {
  const reader = new ByteReader(bytes);
  const [term, vote] = [reader.u64le(), reader.u64le()];
  const last = { term: reader.u64le(), index: reader.u64le() };
  if (reader.failed || reader.remaining > 0) return undefined;
  return { term, vote, last };
}
