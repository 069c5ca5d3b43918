// What hosts tell each other about shards that fall quiet.
//
//   notes  =  note*
//   note   =  word(u8) shard(varint) term(varint) index(varint)

import type { ShardId } from '../../engine/wal/index.ts';
import { PackedReader, type PackedWriter } from '../codec/index.ts';

/** ask: may we be quiet? agree: I would. rest: all agreed, we are. */
const WORDS = ['ask', 'agree', 'rest'] as const;

export type QuietWord = (typeof WORDS)[number];

export interface QuietNote {
  readonly word: QuietWord;
  readonly shard: ShardId;
  readonly term: number;
  /** The last entry of the log, committed and applied. */
  readonly index: number;
}

export function writeQuietNote(writer: PackedWriter, note: QuietNote): void {
  writer.u8(WORDS.indexOf(note.word));
  writer.varint(note.shard);
  writer.varint(note.term);
  writer.varint(note.index);
}

/** Undefined when the bytes are no notes. */
export function readQuietNotes(bytes: Uint8Array): readonly QuietNote[] | undefined {
  const reader = new PackedReader(bytes);
  const notes: QuietNote[] = [];
  while (reader.remaining > 0) {
    const word = WORDS[reader.u8()];
    const [shard, term, index] = [reader.varint(), reader.varint(), reader.varint()];
    if (word === undefined || reader.failed) return undefined;
    notes.push({ word, shard, term, index });
  }
  return notes;
}
