// The notes between hosts about shards that hibernate.
//
//   notes  =  note*
//   note   =  step(u8) shard(varint) term(varint) index(varint)

import type { ShardId } from '../../engine/wal/index.ts';
import { PackedReader, type PackedWriter } from '../codec/index.ts';

/** ask: may we hibernate? agree: I would. hibernate: all agreed, we do. */
const STEPS = ['ask', 'agree', 'hibernate'] as const;

export type HibernationStep = (typeof STEPS)[number];

export interface HibernationNote {
  readonly step: HibernationStep;
  readonly shard: ShardId;
  readonly term: number;
  /** The last entry of the log, committed and applied. */
  readonly index: number;
}

export function writeHibernationNote(writer: PackedWriter, note: HibernationNote): void {
  writer.u8(STEPS.indexOf(note.step));
  writer.varint(note.shard);
  writer.varint(note.term);
  writer.varint(note.index);
}

/** Undefined when the bytes are no notes. */
export function readHibernationNotes(bytes: Uint8Array): readonly HibernationNote[] | undefined {
  const reader = new PackedReader(bytes);
  const notes: HibernationNote[] = [];
  while (reader.remaining > 0) {
    const step = STEPS[reader.u8()];
    const [shard, term, index] = [reader.varint(), reader.varint(), reader.varint()];
    if (step === undefined || reader.failed) return undefined;
    notes.push({ step, shard, term, index });
  }
  return notes;
}
