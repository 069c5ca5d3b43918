// Sizes of entries, as every limit in this folder counts them.

import { assert } from '../../base/assert.ts';
import type { Entry } from './types.ts';

/** What an entry costs besides its payload: term, index, kind and length, on disk or on a wire. */
const ENTRY_OVERHEAD_BYTES = 16;

export const NO_ENTRIES: readonly Entry[] = [];

export function entryBytes(entry: Entry): number {
  return entry.payload.length + ENTRY_OVERHEAD_BYTES;
}

export function entriesBytes(entries: readonly Entry[]): number {
  let sum = 0;
  for (const entry of entries) sum += entry.payload.length + ENTRY_OVERHEAD_BYTES;
  return sum;
}

/** Payload alone: an entry without one is free, so that no limit can refuse it. */
export function payloadBytes(entries: readonly Entry[]): number {
  let sum = 0;
  for (const entry of entries) sum += entry.payload.length;
  return sum;
}

/** How many leading entries of `entries[from..to)` stay within `bytesMax`: at least one. */
export function countWithin(
  entries: readonly Entry[],
  from: number,
  to: number,
  bytesMax: number,
): number {
  if (bytesMax === Number.POSITIVE_INFINITY) return to - from;
  assert(from <= to && to <= entries.length, '[R23] a range of entries stays inside them');
  let bytes = 0;
  let at = from;
  while (at < to) {
    bytes += entryBytes(entries[at] as Entry);
    if (bytes > bytesMax && at > from) break;
    at += 1;
  }
  return at - from;
}
