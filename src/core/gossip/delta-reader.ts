// Deltas, parsed whole before any of it has an effect.
//
//   delta       = block stream of operations
//   Node        = 0, id, lastGcVersion u64le, fromVersionExcluded u64le
//   KeyValue    = 1, key, value, version u64le, status u8        key, value = length u16le, UTF-8
//   SetMax      = 2, maxVersion u64le
//   status      = 0 set | 1 deleted | 2 delete after ttl
//
// KeyValue and SetMax belong to the Node before them.

import { must } from '../../base/assert.ts';
import { ByteReader, decodeText, SAFE_MAX } from '../../base/bytes.ts';
import { IdTable } from './id-table.ts';
import { findIdEnd, nameLength } from './node-id.ts';
import type { EntryStatus, RefusalReason } from './types.ts';

export const OPERATION = { node: 0, keyValue: 1, setMax: 2 } as const;

export const STATUSES: readonly EntryStatus[] = ['set', 'deleted', 'deleteAfterTtl'];

/** What a delta says of one node. Its entries stay bytes until they are wanted. */
export interface Section {
  readonly idStart: number;
  readonly idEnd: number;
  readonly lastGc: number;
  readonly fromExcluded: number;
  /** Version of the last entry, or what SetMax says; 0 without either. */
  max: number;
  /** Greatest version of the section so far: what the next entry must be beyond. */
  floor: number;
  /** Where the operations after Node end. */
  end: number;
  /** A version in it does not fit a number: the section will be dropped, alone [G4]. */
  unrepresentable: boolean;
}

export type DeltaParse =
  | { readonly kind: 'parsed'; readonly sections: readonly Section[] }
  | { readonly kind: 'refused'; readonly reason: RefusalReason };

export class DeltaParser {
  /** The ids of the delta at hand: each may come once. */
  readonly #ids: IdTable;

  constructor(hashSeed: number) {
    this.#ids = new IdTable(hashSeed);
  }

  /**
   * `bytes` are the joined blocks of the stream. If the stream was cut there, what was begun at its
   * end is left out: versions ascend, so the beginning of a delta is a delta [G6].
   */
  parse(bytes: Uint8Array, isCut = false): DeltaParse {
    const reader = new ByteReader(bytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const sections: Section[] = [];
    this.#ids.clear();
    while (reader.remaining > 0) {
      const operation = reader.u8();
      const section = sections.at(-1);
      let problem: RefusalReason | undefined;
      if (operation === OPERATION.node) problem = this.#parseNode(reader, view, sections);
      else if (section === undefined) problem = 'badOperation';
      else if (operation === OPERATION.keyValue) problem = parseKeyValue(reader, section);
      else if (operation === OPERATION.setMax) problem = parseSetMax(reader, section);
      else problem = 'badOperation';
      if (problem === 'truncated' && isCut) break;
      if (problem !== undefined) return { kind: 'refused', reason: problem };
      must(sections.at(-1), 'an operation belongs to a node').end = reader.offset;
    }
    return { kind: 'parsed', sections };
  }

  #parseNode(reader: ByteReader, view: DataView, sections: Section[]): RefusalReason | undefined {
    const idStart = reader.offset;
    const idEnd = findIdEnd(reader.bytes, idStart, reader.end);
    if (idEnd < 0) return idEnd === -2 ? 'badAddress' : 'truncated';
    const nameStart = idStart + 2;
    const nameEnd = nameStart + nameLength(reader.bytes, idStart);
    if (!isText(reader.bytes, nameStart, nameEnd)) return 'badText';
    if (this.#ids.find(view, idStart, idEnd - idStart) >= 0) return 'repeatedNode';
    this.#ids.add(sections.length, reader.take(idEnd - idStart));
    const lastGc = reader.u64le();
    const fromExcluded = reader.u64le();
    if (reader.failed) return 'truncated';
    const unrepresentable = lastGc >= SAFE_MAX || fromExcluded >= SAFE_MAX;
    sections.push({
      idStart,
      idEnd,
      lastGc,
      fromExcluded,
      max: 0,
      floor: 0,
      end: 0,
      unrepresentable,
    });
    return undefined;
  }
}

function parseKeyValue(reader: ByteReader, section: Section): RefusalReason | undefined {
  if (!skipText(reader) || !skipText(reader)) return reader.failed ? 'truncated' : 'badText';
  const version = reader.u64le();
  const status = reader.u8();
  if (reader.failed) return 'truncated';
  if (status >= STATUSES.length) return 'badOperation';
  // Versions beyond a number all read alike, so their order is not known and not needed.
  if (version <= section.floor && version < SAFE_MAX) return 'badVersionOrder';
  noteVersion(section, version);
  return undefined;
}

function parseSetMax(reader: ByteReader, section: Section): RefusalReason | undefined {
  const max = reader.u64le();
  if (reader.failed) return 'truncated';
  noteVersion(section, max);
  return undefined;
}

function noteVersion(section: Section, version: number): void {
  section.max = version;
  section.floor = Math.max(section.floor, version);
  if (version >= SAFE_MAX) section.unrepresentable = true;
}

function skipText(reader: ByteReader): boolean {
  const length = reader.u16le();
  const start = reader.offset;
  reader.take(length);
  return !reader.failed && isText(reader.bytes, start, start + length);
}

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if ((bytes[i] as number) >= 0x80) return decodeText(bytes, start, end) !== undefined;
  }
  return true;
}

/** Walks the entries of a section that was parsed, one field at a time. */
export class EntryCursor {
  readonly #reader: ByteReader;
  readonly #end: number;
  #keyStart = 0;
  #keyEnd = 0;
  #valueStart = 0;
  #valueEnd = 0;
  version = 0;
  status: EntryStatus = 'set';

  constructor(bytes: Uint8Array, section: Section) {
    this.#end = section.end;
    // The gc and from versions follow the id.
    this.#reader = new ByteReader(bytes, section.idEnd + 16, section.end);
  }

  next(): boolean {
    const reader = this.#reader;
    while (reader.offset < this.#end) {
      if (reader.u8() === OPERATION.setMax) {
        reader.take(8);
        continue;
      }
      const keyLength = reader.u16le();
      this.#keyStart = reader.offset;
      this.#keyEnd = this.#keyStart + keyLength;
      reader.take(keyLength);
      const valueLength = reader.u16le();
      this.#valueStart = reader.offset;
      this.#valueEnd = this.#valueStart + valueLength;
      reader.take(valueLength);
      this.version = reader.u64le();
      this.status = must(STATUSES[reader.u8()], 'the status was checked');
      return true;
    }
    return false;
  }

  key(): string {
    return must(decodeText(this.#reader.bytes, this.#keyStart, this.#keyEnd), 'keys were checked');
  }

  value(): string {
    const { bytes } = this.#reader;
    return must(decodeText(bytes, this.#valueStart, this.#valueEnd), 'values were checked');
  }
}
