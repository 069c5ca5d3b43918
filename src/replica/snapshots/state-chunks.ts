// Reads a prepared state in the order of its keys, chunk by chunk.

import { assert } from '../../base/assert.ts';
import { compareBytes } from '../../base/bytes.ts';
import type { StorePair, StoreView } from '../../engine/store/index.ts';
import { endOfPrefix, type PreparedSnapshot, type Progress } from '../state/index.ts';
import { digestChunk, encodePairs, pairBytes, progressAfter } from './chunks.ts';

export interface StateChunk {
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
  /** Where the transfer stands behind it. */
  readonly progress: Progress;
}

/** The chunk behind `progress`; undefined at the end. */
export function readChunk(
  { view, prefix }: Pick<PreparedSnapshot, 'view' | 'prefix'>,
  progress: Progress,
  chunkBytesMax: number,
): StateChunk | undefined {
  assert(chunkBytesMax > 0, '[N2] a chunk has room');
  const low = progress.lastKey.length === 0 ? prefix : keyBehind(prefix, progress.lastKey);
  const pairs: StorePair[] = [];
  let bytes = 0;
  for (const pair of pairsFrom(view, prefix, low)) {
    const more = pairBytes(pair);
    if (bytes + more > chunkBytesMax && pairs.length > 0) break;
    pairs.push(pair);
    bytes += more;
  }
  return pairs.length === 0 ? undefined : chunkOf(pairs, bytes, progress);
}

/**
 * The pairs of a state behind `progress` up to `lastKey`, as the chunk they would be; undefined
 * if that is not of `length` bytes.
 */
export function readRange(
  view: StoreView,
  prefix: Uint8Array,
  progress: Progress,
  lastKey: Uint8Array,
  length: number,
): { readonly pairs: readonly StorePair[]; readonly chunk: StateChunk } | undefined {
  const low = progress.lastKey.length === 0 ? prefix : keyBehind(prefix, progress.lastKey);
  const high = keyBehind(prefix, lastKey);
  const pairs: StorePair[] = [];
  let bytes = 0;
  for (const pair of pairsFrom(view, prefix, low, high)) {
    pairs.push(pair);
    bytes += pairBytes(pair);
    if (1 + bytes > length) return undefined;
  }
  if (1 + bytes !== length || pairs.length === 0) return undefined;
  return { pairs, chunk: chunkOf(pairs, bytes, progress) };
}

function chunkOf(pairs: readonly StorePair[], length: number, progress: Progress): StateChunk {
  const bytes = encodePairs(pairs, length);
  const digest = digestChunk(bytes);
  const after = progressAfter(progress, bytes, digest, pairs);
  assert(compareBytes(after.lastKey, progress.lastKey) > 0, '[N2] keys ascend over all chunks');
  return { bytes, digest, progress: after };
}

function* pairsFrom(
  view: StoreView,
  prefix: Uint8Array,
  low: Uint8Array,
  high: Uint8Array = endOfPrefix(prefix),
): Iterable<StorePair> {
  for (const { key, value } of view.range(low, high)) {
    assert(key.length > prefix.length, '[N2] every pair of a state has a key of its own');
    yield { key: key.subarray(prefix.length), value };
  }
}

/** The next key there can be behind `prefix` and `key`: the same and a zero byte. */
function keyBehind(prefix: Uint8Array, key: Uint8Array): Uint8Array {
  const behind = new Uint8Array(prefix.length + key.length + 1);
  behind.set(prefix);
  behind.set(key, prefix.length);
  return behind;
}
