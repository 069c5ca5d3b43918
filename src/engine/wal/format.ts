// The bytes of the log, as FORMAT.md draws them: segment header, batch header, record header.
// Integers are little-endian. Everything here is pure.

import { assert } from '../../base/assert.ts';
import { crc32c } from '../../base/crc32c.ts';
import type { EntryKind } from '../../core/raft/index.ts';

const FORMAT_VERSION = 1;
export const SEGMENT_HEADER_BYTES = 64;
/** Batches begin a block after the header: writing them never touches the header's sectors. */
export const FIRST_BATCH_OFFSET = 4096;
export const BATCH_HEADER_BYTES = 32;
/** An empty batch, so a batch's header. The end of a segment is kept free for one. */
export const MARK_BYTES = 32;
export const RECORD_HEADER_BYTES = 36;
/** "PWB1", the first bytes of a batch. */
export const BATCH_MAGIC = 0x31425750;
export const ENTRY_KINDS: readonly EntryKind[] = ['normal', 'confChange', 'confChangeV2'];

/** What a record says about its shard. 0 is left out: zeros are never a record. */
export const RECORD = {
  /** The entry at `index`; entries at `index` and beyond that were there are gone. */
  entry: 1,
  /** Term, commit (as `index`) and vote (8 bytes of payload). */
  hardState: 2,
  /** A snapshot that covers a prefix; the log stays. */
  snapshotSaved: 3,
  /** A snapshot that replaces the log. */
  snapshotInstalled: 4,
  /** Entries up to `index`, of `term`, are not needed any more. */
  purge: 5,
  /** Entries beyond `index` are gone. */
  truncate: 6,
  /** What earlier segments say of this shard no longer counts: all of it follows. */
  restart: 7,
  /** The bytes of an entry once more, because they could not be read. */
  refill: 8,
  /** The shard has left this member. */
  forget: 9,
} as const;

export const RECORD_TYPE_MAX = 9;

/** The smallest segment that takes a payload of so many bytes [W2]. */
export function segmentBytesFor(payloadBytes: number): number {
  return FIRST_BATCH_OFFSET + BATCH_HEADER_BYTES + recordBytes(payloadBytes) + MARK_BYTES;
}

const WORD = 2 ** 32;
const MAGIC = Uint8Array.from('PARLEYWL', (letter) => letter.charCodeAt(0));

/** A record's bytes with its payload, filled up to a multiple of four. */
export function recordBytes(payloadLength: number): number {
  return RECORD_HEADER_BYTES + ((payloadLength + 3) & ~3);
}

export function readU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * WORD + view.getUint32(at, true);
}

export function writeU64(view: DataView, at: number, value: number): void {
  assert(Number.isSafeInteger(value) && value >= 0, '[W1] numbers on disk are safe integers');
  view.setUint32(at, value >>> 0, true);
  view.setUint32(at + 4, Math.floor(value / WORD), true);
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export interface SegmentHeader {
  readonly number: number;
  /** Drawn once per data directory. Peers compare it: a wiped member is another one. */
  readonly incarnation: bigint;
  /** Seeds every checksum: bytes that a client sends cannot pass for a batch. */
  readonly salt: number;
  /** The batch before the first one here: its number, its checksum and where it ended. */
  readonly previousBatch: number;
  readonly previousChain: number;
  readonly previousEnd: number;
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  bytes.set(MAGIC);
  view.setUint32(8, FORMAT_VERSION, true);
  writeU64(view, 16, header.number);
  view.setBigUint64(24, header.incarnation, true);
  view.setUint32(32, header.salt, true);
  view.setUint32(36, header.previousChain, true);
  writeU64(view, 40, header.previousBatch);
  writeU64(view, 48, header.previousEnd);
  view.setUint32(12, segmentHeaderSum(bytes), true);
  return bytes;
}

export type ParsedSegmentHeader =
  | { readonly kind: 'header'; readonly header: SegmentHeader }
  /** Prepared and not begun. */
  | { readonly kind: 'blank' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'version'; readonly version: number };

export function parseSegmentHeader(bytes: Uint8Array): ParsedSegmentHeader {
  if (bytes.every((byte) => byte === 0)) return { kind: 'blank' };
  if (bytes.length < SEGMENT_HEADER_BYTES) return { kind: 'invalid' };
  const view = viewOf(bytes);
  if (!MAGIC.every((byte, at) => bytes[at] === byte)) return { kind: 'invalid' };
  if (view.getUint32(12, true) !== segmentHeaderSum(bytes)) return { kind: 'invalid' };
  const version = view.getUint32(8, true);
  if (version !== FORMAT_VERSION) return { kind: 'version', version };
  const header: SegmentHeader = {
    number: readU64(view, 16),
    incarnation: view.getBigUint64(24, true),
    salt: view.getUint32(32, true),
    previousChain: view.getUint32(36, true),
    previousBatch: readU64(view, 40),
    previousEnd: readU64(view, 48),
  };
  return { kind: 'header', header };
}

function segmentHeaderSum(bytes: Uint8Array): number {
  return crc32c(bytes, crc32c(bytes, 0, 0, 12), 16, SEGMENT_HEADER_BYTES);
}
