// Entries of a shard's log, as appends and repairs carry them.
//
//   entries  =  count(varint) entry*
//   entry    =  head(varint) [term(varint)] payload
//
// The head is the payload's length times eight, plus four when the term differs from that of the
// entry before (0 before the first), plus the kind. Indexes follow each other and are not written.

import { LIMITS } from '../../base/limits.ts';
import type { Entry, EntryKind } from '../../core/raft/index.ts';
import type { PackedReader, PackedWriter } from './packed-bytes.ts';

const KINDS: readonly EntryKind[] = ['normal', 'confChange', 'confChangeV2'];
const KIND_MASK = 3;
const NEW_TERM = 4;

export function writeEntries(writer: PackedWriter, entries: readonly Entry[]): void {
  writer.varint(entries.length);
  let term = 0;
  for (const entry of entries) {
    const { payload } = entry;
    const kind = entry.kind === 'normal' ? 0 : KINDS.indexOf(entry.kind);
    // Not shifted: payloads may pass 2^28 bytes before this would go wrong, but silently then.
    const head = payload.length * 8 + kind;
    if (entry.term === term) {
      writer.varint(head);
    } else {
      writer.varint(head + NEW_TERM);
      writer.varint(entry.term);
      term = entry.term;
    }
    writer.append(payload);
  }
}

/** The entries behind `index`. Their payloads are views into the reader's bytes. */
export function readEntries(reader: PackedReader, index: number): readonly Entry[] {
  const count = reader.varint();
  // Each takes a byte at least: a count that the bytes cannot hold is refused before memory is.
  if (count > LIMITS.wire.entriesPerMessageMax || count > reader.remaining) {
    reader.fail();
    return [];
  }
  const { bytes } = reader;
  const entries: Entry[] = [];
  let term = 0;
  for (let i = 1; i <= count; i++) {
    const head = reader.varint();
    const length = Math.floor(head / 8);
    if ((head & NEW_TERM) !== 0) term = reader.varint();
    const kind = KINDS[head & KIND_MASK];
    const start = reader.at;
    if (kind === undefined || length > bytes.length - start) reader.fail();
    if (reader.failed) return [];
    reader.at = start + length;
    entries.push({
      term,
      index: index + i,
      kind: kind as EntryKind,
      payload: bytes.subarray(start, start + length),
    });
  }
  return entries;
}
