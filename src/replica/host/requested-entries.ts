// Reads single entries out of a shard's log, for a peer that lost them.

import { assert } from '../../base/assert.ts';
import type { Entry, EntryId } from '../../core/raft/index.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import type { ShardLog } from './replica-log.ts';

/** Those of `ids` that are here, up to `bytesMax`, in their order. */
export async function gatherEntries(
  wal: Wal,
  shard: ShardId,
  ids: readonly EntryId[],
  bytesMax: number,
): Promise<readonly Entry[]> {
  assert(bytesMax > 0, '[H60] an answer has room');
  const entries: Entry[] = [];
  let bytes = 0;
  for (const { index, term } of ids) {
    const entry = await readEntry(wal, shard, index);
    // An id names one content for good: whether it is committed does not matter.
    if (entry === undefined || entry.term !== term) continue;
    assert(entry.index === index, '[H60] an entry is the one that was asked for');
    bytes += entry.payload.length;
    if (bytes > bytesMax && entries.length > 0) break;
    entries.push(entry);
  }
  return entries;
}

async function readEntry(wal: Wal, shard: ShardId, index: number): Promise<Entry | undefined> {
  const log = wal.shard(shard);
  if (typeof log.term(index) !== 'number' || !log.index.has(index)) return undefined;
  const cached = cachedEntry(log, index);
  if (cached !== undefined) return cached;
  const outcome = await wal.fetch(shard, { low: index, high: index + 1, bytesMax: 1 });
  if (outcome.kind !== 'fetched' || !log.index.has(index)) return undefined;
  return cachedEntry(log, index);
}

/** The entry at `index`, if it is in memory. */
export function cachedEntry(log: ShardLog, index: number): Entry | undefined {
  const cached = log.entries(index, index + 1, 1);
  return typeof cached === 'string' ? undefined : cached[0];
}
