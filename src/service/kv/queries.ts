// What is asked about keys, and what is answered.
//
//   query   =  1 key                            get
//           |  2 limit(u32) low high            range: low <= key < high
//           |  3 version(u64) key               await: like get, once the version is another
//   high    =  0 | 1 key                        0: to the end
//   answer  =  0                                absent
//           |  1 version(u64) value             found
//           |  2 more(u8) pair*                 pairs
//           |  3                                malformed
//   pair    =  key-length(u16) value-length(u32) version(u64) key value

import { assert } from '../../base/assert.ts';
import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import type { MachineEdition } from '../../core/machine.ts';
import { readKey, writeKey } from './commands.ts';

const GET = 1;
const RANGE = 2;
const AWAIT = 3;
const { keyBytesMax, rangePairsMax, valueBytesMax } = LIMITS.kv;

export const ANSWER = { absent: 0, found: 1, pairs: 2, malformed: 3 } as const;

export type KvQuery =
  | { readonly kind: 'get'; readonly key: Uint8Array }
  /** 0 stands for a key that is absent. */
  | { readonly kind: 'await'; readonly key: Uint8Array; readonly version: number }
  | {
      readonly kind: 'range';
      readonly low: Uint8Array;
      /** Undefined: to the end. */
      readonly high: Uint8Array | undefined;
      /** At least 1. Fewer are answered when they are many or long; see `hasMore`. */
      readonly limit: number;
    };

export interface KvPair {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** Index of the entry that wrote it. */
  readonly version: number;
}

export type KvAnswer =
  | { readonly kind: 'absent' }
  | { readonly kind: 'found'; readonly version: number; readonly value: Uint8Array }
  /** `hasMore`: go on behind the last key. */
  | { readonly kind: 'pairs'; readonly pairs: readonly KvPair[]; readonly hasMore: boolean }
  | { readonly kind: 'malformed' };

export function encodeKvQuery(query: KvQuery): Uint8Array {
  const writer = new ByteWriter(32 + 2 * keyBytesMax, 64);
  if (query.kind === 'get') {
    writer.u8(GET);
    writeKey(writer, query.key);
    return writer.copy();
  }
  if (query.kind === 'await') {
    writer.u8(AWAIT);
    writer.u64le(query.version);
    writeKey(writer, query.key);
    return writer.copy();
  }
  writer.u8(RANGE);
  writer.u32le(query.limit);
  writeKey(writer, query.low);
  writer.u8(query.high === undefined ? 0 : 1);
  if (query.high !== undefined) writeKey(writer, query.high);
  return writer.copy();
}

/** Undefined when the bytes are no query. Keys have the space in front, and are views. */
export function decodeKvQuery(bytes: Uint8Array, edition: MachineEdition): KvQuery | undefined {
  const reader = new ByteReader(bytes);
  const query = readQuery(reader, edition);
  return reader.failed || reader.remaining > 0 ? undefined : query;
}

function readQuery(reader: ByteReader, edition: MachineEdition): KvQuery | undefined {
  const kind = reader.u8();
  if (kind === GET) return { kind: 'get', key: readKey(reader, edition) };
  if (kind === AWAIT) {
    const version = reader.u64le();
    return { kind: 'await', key: readKey(reader, edition), version };
  }
  if (kind !== RANGE) return undefined;
  const limit = Math.min(reader.u32le(), rangePairsMax);
  const low = readKey(reader, edition);
  const hasHigh = reader.u8();
  if (limit < 1 || hasHigh > 1) return undefined;
  return { kind: 'range', low, high: hasHigh === 1 ? readKey(reader, edition) : undefined, limit };
}

export function encodeKvPairs(pairs: readonly KvPair[], hasMore: boolean): Uint8Array {
  const length = pairs.reduce((sum, pair) => sum + kvPairBytes(pair), 2);
  const writer = new ByteWriter(length, length);
  writer.u8(ANSWER.pairs);
  writer.u8(hasMore ? 1 : 0);
  for (const { key, value, version } of pairs) {
    writer.u16le(key.length);
    writer.u32le(value.length);
    writer.u64le(version);
    writer.append(key);
    writer.append(value);
  }
  assert(writer.length === length, '[K6] an answer is as long as its pairs');
  return writer.view();
}

export function kvPairBytes({ key, value }: KvPair): number {
  return 14 + key.length + value.length;
}

/** Undefined when the bytes are no answer. */
export function decodeKvAnswer(bytes: Uint8Array): KvAnswer | undefined {
  const reader = new ByteReader(bytes);
  const answer = readAnswer(reader);
  return reader.failed || reader.remaining > 0 ? undefined : answer;
}

function readAnswer(reader: ByteReader): KvAnswer | undefined {
  switch (reader.u8()) {
    case ANSWER.absent:
      return { kind: 'absent' };
    case ANSWER.found:
      return { kind: 'found', version: reader.u64le(), value: reader.take(reader.remaining) };
    case ANSWER.malformed:
      return { kind: 'malformed' };
    case ANSWER.pairs:
      return readPairs(reader);
    default:
      return undefined;
  }
}

function readPairs(reader: ByteReader): KvAnswer | undefined {
  const hasMore = reader.u8();
  const pairs: KvPair[] = [];
  while (reader.remaining > 0) {
    const [keyLength, valueLength] = [reader.u16le(), reader.u32le()];
    const version = reader.u64le();
    const [key, value] = [reader.take(keyLength), reader.take(valueLength)];
    if (keyLength > keyBytesMax || valueLength > valueBytesMax) return undefined;
    pairs.push({ key, value, version });
  }
  return hasMore > 1 ? undefined : { kind: 'pairs', pairs, hasMore: hasMore === 1 };
}
