// What a host tells others about its machines.
//
//   note  =  keep(u16, per mille, + 32768 when it asks) (length(u32) editions)*
//
// The editions are the newest ones that the sender can carry out, of each kind of machine that it
// has; see `../state/editions.ts`.

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { decodeEditions, encodeEditions, type ShardEditions } from '../state/index.ts';

const NOTE_BYTES_MAX = 256 * 1024;
/** Kinds of machines of one member: a handful, and room for more. */
const KINDS_MAX = 64;
export const KEEP_ALL = 1_000;
const ASKS = 32_768;

export interface MachinesNote {
  /** [D21] Of its sessions the sender would keep so many in a thousand. */
  readonly keep: number;
  /** The sender has not heard the receiver on this connection: it asks for a note in return. */
  readonly asks: boolean;
  readonly newest: readonly ShardEditions[];
}

export function encodeMachinesNote({ asks, keep, newest }: MachinesNote): Uint8Array {
  const writer = new ByteWriter(NOTE_BYTES_MAX, 256);
  writer.u16le(keep + (asks ? ASKS : 0));
  for (const editions of newest) {
    const bytes = encodeEditions(editions);
    writer.u32le(bytes.length);
    writer.append(bytes);
  }
  return writer.copy();
}

/** Undefined when the bytes are no note. */
export function decodeMachinesNote(bytes: Uint8Array): MachinesNote | undefined {
  const reader = new ByteReader(bytes);
  const first = reader.u16le();
  const asks = first >= ASKS;
  const keep = asks ? first - ASKS : first;
  const newest: ShardEditions[] = [];
  while (!reader.failed && reader.remaining > 0) {
    const editions = decodeEditions(reader.take(reader.u32le()));
    if (editions === undefined || newest.length === KINDS_MAX) return undefined;
    newest.push(editions);
  }
  return reader.failed || keep > KEEP_ALL ? undefined : { keep, asks, newest };
}
