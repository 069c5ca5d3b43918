// Entries that a member lost, and those that a peer sends back.
//
//   request  =  shard(varint) wants-state(varint) count(varint) (index(varint) term(varint))*
//   entries  =  count(varint) (index(varint) one_entry)*      see src/replica/codec/entries.ts

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Entry, EntryId } from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { PackedReader, PackedWriter, readEntries, writeEntries } from '../codec/index.ts';

export interface EntryRequest {
  readonly shard: ShardId;
  /** [H62] A leader that has none of the entries may send its state instead. */
  readonly wantsState: boolean;
  readonly ids: readonly EntryId[];
}

export function encodeEntryRequest({ ids, shard, wantsState }: EntryRequest): Uint8Array {
  assert(ids.length <= LIMITS.replica.repairEntriesMax, '[H60] what is asked is answered');
  const writer = new PackedWriter(16 + ids.length * 8);
  writer.varint(shard);
  writer.varint(wantsState ? 1 : 0);
  writer.varint(ids.length);
  for (const { index, term } of ids) {
    writer.varint(index);
    writer.varint(term);
  }
  return writer.copy();
}

/** Undefined when the bytes are no request. */
export function decodeEntryRequest(bytes: Uint8Array): EntryRequest | undefined {
  const reader = new PackedReader(bytes);
  const shard = reader.varint();
  const wantsState = reader.varint();
  const count = reader.varint();
  if (count > LIMITS.replica.repairEntriesMax || wantsState > 1) return undefined;
  const ids: EntryId[] = [];
  for (let i = 0; i < count; i++) ids.push({ index: reader.varint(), term: reader.varint() });
  if (reader.failed || reader.remaining > 0) return undefined;
  return { shard, wantsState: wantsState === 1, ids };
}

export function encodeEntries(entries: readonly Entry[]): Uint8Array {
  const writer = new PackedWriter();
  assert(entries.length <= LIMITS.replica.repairEntriesMax, '[H60] what is sent can be read');
  writer.varint(entries.length);
  for (const entry of entries) {
    writer.varint(entry.index);
    writeEntries(writer, [entry]);
  }
  return writer.copy();
}

/** Undefined when the bytes are no entries. Their payloads are views into `bytes`. */
export function decodeEntries(bytes: Uint8Array): readonly Entry[] | undefined {
  const reader = new PackedReader(bytes);
  const count = reader.varint();
  if (count > LIMITS.replica.repairEntriesMax) return undefined;
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const index = reader.varint();
    const [entry] = readEntries(reader, index - 1);
    if (entry === undefined || index < 1) return undefined;
    entries.push(entry);
  }
  return reader.failed || reader.remaining > 0 ? undefined : entries;
}
