// What a shard's pairs are.
//
//   1                               the shard: revision compacted cleaned due
//   2 key                           the present record of a key
//   3 key                           place: where a deleted key's history begins
//   4 revision(be64) number(be32)   a change: what a key was from then on, and where it was before
//   5 lease(be64)                   a lease
//   6 lease(be64) key               a key that is attached to it
//   7 time(be64) lease(be64)        when to look at a lease
//   8 time(be64) key                when a key is deleted for its age
//
//   shard    =  revision(u64) compacted(u64) cleaned(u64)
//   record   =  place create(u64) version(u64) lease(u64) expires(u64) kind(u8) isHere(u8)
//               type-length(u8) type value                  value: here, or with the change only
//   place    =  revision(u64) number(u32)                   0 0: none
//   change   =  1 time(u64) place key-length(u16) key record     a put; place: the change before
//            |  2 time(u64) place key-length(u16) key            a deletion
//   lease    =  ttl(u64) expires(u64) hasEnded(u8)
//
// So a put writes a record and a change, and the shard once per batch. Reading the present is one
// look, reading the past goes back from the record or from where a deleted key ends, change by
// change.

import { must } from '../../base/assert.ts';
import { ByteReader, ByteSlab, ByteWriter, encodeText } from '../../base/bytes.ts';
import type { MachineView } from '../../core/machine.ts';
import type { KeyspaceRecord, LeaseId, ValueKind } from './types.ts';

export const SHARD_KEY = Uint8Array.of(1);
const [PRESENT, DELETED, CHANGE, LEASE, ATTACHED, LEASE_DUE, KEY_DUE] = [2, 3, 4, 5, 6, 7, 8];
export const FIRST_DUE = Uint8Array.of(7);
export const END_OF_DUE = Uint8Array.of(9);
const [PUT, DELETION] = [1, 2];
export const VALUE_KINDS: readonly ValueKind[] = ['plain', 'number', 'set'];
const RECORD_BYTES_MAX = 1024 * 1024;

/** Where a change stands: `number` within its revision. */
export interface Place {
  readonly revision: number;
  readonly number: number;
}

export const NOWHERE: Place = { revision: 0, number: 0 };

export interface Shard {
  readonly revision: number;
  readonly compacted: number;
  /** Changes up to this revision were looked at for what nobody can read any more. */
  readonly cleaned: number;
}

/** A record and the change that made it. */
export interface StoredRecord extends KeyspaceRecord {
  readonly place: Place;
  readonly hasValue: boolean;
}

export interface StoredChange {
  readonly kind: 'put' | 'delete';
  /** [KV4] */
  readonly timeMs: number;
  readonly before: Place;
  readonly key: Uint8Array;
  /** Of a put. */
  readonly record: StoredRecord | undefined;
}

export interface StoredLease {
  readonly ttlMs: number;
  readonly expiresMs: number;
  readonly hasEnded: boolean;
}

// --- keys ---------------------------------------------------------------------------------------

export function presentKey(key: Uint8Array): Uint8Array {
  return spaced(PRESENT, key);
}

export function deletedKey(key: Uint8Array): Uint8Array {
  return spaced(DELETED, key);
}

export const PRESENT_SPACE = PRESENT;
export const DELETED_SPACE = DELETED;

function spaced(space: number, key: Uint8Array): Uint8Array {
  const stored = slab.cut(1 + key.length);
  stored[0] = space;
  stored.set(key, 1);
  return stored;
}

/** The bounds of a range of keys in a space. */
export function within(space: number, low: Uint8Array, end: Uint8Array | undefined) {
  return {
    low: spaced(space, low),
    high: end === undefined ? Uint8Array.of(space + 1) : spaced(space, end),
  };
}

export function changeKey({ number, revision }: Place): Uint8Array {
  const stored = slab.cut(13);
  stored[0] = CHANGE;
  writeBig(stored, 1, revision);
  writeWord(stored, 9, number);
  return stored;
}

export const END_OF_CHANGES = Uint8Array.of(CHANGE + 1);

export function placeOfKey(stored: Uint8Array): Place {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.length);
  return { revision: readBig(view, 1), number: view.getUint32(9) };
}

export function leaseKey(lease: LeaseId): Uint8Array {
  return withLease(LEASE, lease, NO_BYTES);
}

export const FIRST_LEASE = Uint8Array.of(LEASE);
export const END_OF_LEASES = Uint8Array.of(LEASE + 1);

export function leaseOfKey(stored: Uint8Array): LeaseId {
  return new DataView(stored.buffer, stored.byteOffset, stored.length).getBigUint64(1);
}

export function attachedKey(lease: LeaseId, key: Uint8Array): Uint8Array {
  return withLease(ATTACHED, lease, key);
}

/** All keys of a lease. */
export function attachedTo(lease: LeaseId) {
  return {
    low: withLease(ATTACHED, lease, NO_BYTES),
    high:
      lease === MAX_LEASE ? Uint8Array.of(ATTACHED + 1) : withLease(ATTACHED, lease + 1n, NO_BYTES),
  };
}

export function keyOfAttached(stored: Uint8Array): Uint8Array {
  return stored.subarray(9);
}

const MAX_LEASE = 2n ** 64n - 1n;
const NO_BYTES = new Uint8Array(0);

function withLease(space: number, lease: LeaseId, key: Uint8Array): Uint8Array {
  const stored = new Uint8Array(9 + key.length);
  stored[0] = space;
  new DataView(stored.buffer).setBigUint64(1, lease);
  stored.set(key, 9);
  return stored;
}

export function leaseDueKey(timeMs: number, lease: LeaseId): Uint8Array {
  const stored = new Uint8Array(17);
  stored[0] = LEASE_DUE;
  writeBig(stored, 1, timeMs);
  new DataView(stored.buffer).setBigUint64(9, lease);
  return stored;
}

export function keyDueKey(timeMs: number, key: Uint8Array): Uint8Array {
  const stored = new Uint8Array(9 + key.length);
  stored[0] = KEY_DUE;
  writeBig(stored, 1, timeMs);
  stored.set(key, 9);
  return stored;
}

export type Due =
  | { readonly kind: 'lease'; readonly timeMs: number; readonly lease: LeaseId }
  | { readonly kind: 'key'; readonly timeMs: number; readonly key: Uint8Array };

export function dueOfKey(stored: Uint8Array): Due {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.length);
  const timeMs = readBig(view, 1);
  return stored[0] === LEASE_DUE
    ? { kind: 'lease', timeMs, lease: view.getBigUint64(9) }
    : { kind: 'key', timeMs, key: stored.subarray(9) };
}

export const FIRST_KEY_DUE = Uint8Array.of(KEY_DUE);

/** Without a view of the bytes, which costs more than the bytes. */
function writeBig(bytes: Uint8Array, at: number, value: number): void {
  writeWord(bytes, at, Math.floor(value / 2 ** 32));
  writeWord(bytes, at + 4, value % 2 ** 32);
}

function writeWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

function readBig(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

// --- values -------------------------------------------------------------------------------------

const writer = new ByteWriter(RECORD_BYTES_MAX, 1_024);
/**
 * Memory to write pairs into, and no state. Pairs live as long as their keys are not written again;
 * a store in memory copies them.
 */
const slab = new ByteSlab(64 * 1024);

function cutCopy(): Uint8Array {
  const written = writer.view();
  const bytes = slab.cut(written.length);
  bytes.set(written);
  return bytes;
}

export function readShard(view: MachineView): Shard {
  const bytes = view.get(SHARD_KEY);
  // [KV1] Nothing was written yet.
  if (bytes === undefined) return { revision: 1, compacted: 0, cleaned: 0 };
  const reader = new ByteReader(bytes);
  return { revision: reader.u64le(), compacted: reader.u64le(), cleaned: reader.u64le() };
}

export function encodeShard({ cleaned, compacted, revision }: Shard): Uint8Array {
  writer.reset();
  writer.u64le(revision);
  writer.u64le(compacted);
  writer.u64le(cleaned);
  return cutCopy();
}

export function encodePlace(place: Place): Uint8Array {
  writer.reset();
  writePlace(place);
  return cutCopy();
}

export function decodePlace(bytes: Uint8Array): Place {
  return readPlace(new ByteReader(bytes));
}

function writePlace({ number, revision }: Place): void {
  writer.u64le(revision);
  writer.u32le(number);
}

function readPlace(reader: ByteReader): Place {
  return { revision: reader.u64le(), number: reader.u32le() };
}

export function encodeRecord(record: StoredRecord, isHere: boolean): Uint8Array {
  writer.reset();
  writeRecord(record, isHere);
  return cutCopy();
}

function writeRecord(record: StoredRecord, isHere: boolean): void {
  writePlace(record.place);
  writer.u64le(record.createRevision);
  writer.u64le(record.version);
  writer.big64le(record.lease);
  writer.u64le(record.expiresMs);
  writer.u8(VALUE_KINDS.indexOf(record.kind));
  writer.u8(isHere ? 1 : 0);
  writeShort(writer, record.contentType);
  if (isHere) writer.append(record.value);
}

/** A text behind its length, of 255 bytes at most. Mostly there is none. */
export function writeShort(to: ByteWriter, text: string): void {
  if (text === '') {
    to.u8(0);
    return;
  }
  const bytes = encodeText(text);
  to.u8(bytes.length);
  to.append(bytes);
}

/** Values are views of what is stored. */
export function decodeRecord(key: Uint8Array, bytes: Uint8Array): StoredRecord {
  return readRecord(key, new ByteReader(bytes));
}

function readRecord(key: Uint8Array, reader: ByteReader): StoredRecord {
  const place = readPlace(reader);
  const createRevision = reader.u64le();
  const version = reader.u64le();
  const lease = reader.big64le();
  const expiresMs = reader.u64le();
  const kind = must(VALUE_KINDS[reader.u8()], 'what was written is read');
  const hasValue = reader.u8() === 1;
  const contentType = reader.text(reader.u8());
  const value = reader.take(reader.remaining);
  return {
    key,
    value,
    kind,
    contentType,
    createRevision,
    modRevision: place.revision,
    version,
    lease,
    expiresMs,
    place,
    hasValue,
  };
}

export function encodeChange({ before, key, kind, record, timeMs }: StoredChange): Uint8Array {
  writer.reset();
  writer.u8(kind === 'put' ? PUT : DELETION);
  writer.u64le(timeMs);
  writePlace(before);
  writer.u16le(key.length);
  writer.append(key);
  if (record !== undefined) writeRecord(record, true);
  return cutCopy();
}

export function decodeChange(bytes: Uint8Array): StoredChange {
  const reader = new ByteReader(bytes);
  const kind = reader.u8() === PUT ? 'put' : 'delete';
  const timeMs = reader.u64le();
  const before = readPlace(reader);
  const key = reader.take(reader.u16le());
  const record = kind === 'put' ? readRecord(key, reader) : undefined;
  return { kind, timeMs, before, key, record };
}

export function encodeLease({ expiresMs, hasEnded, ttlMs }: StoredLease): Uint8Array {
  writer.reset();
  writer.u64le(ttlMs);
  writer.u64le(expiresMs);
  writer.u8(hasEnded ? 1 : 0);
  return cutCopy();
}

export function decodeLease(bytes: Uint8Array): StoredLease {
  const reader = new ByteReader(bytes);
  return { ttlMs: reader.u64le(), expiresMs: reader.u64le(), hasEnded: reader.u8() === 1 };
}
