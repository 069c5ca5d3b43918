// A look at LMDB's file before LMDB has one: it maps the file into memory and follows what it finds
// there, so that a file of somebody else's, or a cut one, would end the process without a word.
//
// The first two pages of 4,096 bytes are meta pages; the newer one counts. Their fields, in bytes
// from the start of the page: 18 u16 flags, 24 u32 magic, 28 u32 version, 88 u64 root of the list
// of free pages, 136 u64 root of the pairs (all ones: none), 152 u64 transaction.

import { closeSync, fsyncSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PAGE_BYTES = 4_096;
/** What a disk writes whole or not at all; the fields of a meta page lie within. */
const SECTOR_BYTES = 512;
const META_FLAG = 8;
const MAGIC = 0xbe_ef_c0_de;
const VERSION = 2;
const NO_ROOT = 2n ** 64n - 1n;

/** Why LMDB must not open what is in the directory; undefined when it may. */
export function damageOf(directory: string): string | undefined {
  const path = join(directory, 'data.mdb');
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const pages = new DataView(new ArrayBuffer(2 * PAGE_BYTES));
  if (size > 0) readInto(path, pages);
  if (size <= 2 * PAGE_BYTES && wasNeverUsed(pages, size)) {
    rmSync(path, { force: true });
    return undefined;
  }
  const newer = transactionOf(pages, 0) >= transactionOf(pages, PAGE_BYTES) ? 0 : PAGE_BYTES;
  for (const at of [0, PAGE_BYTES]) {
    if (!isMeta(pages, at)) return 'it does not begin as a file of LMDB does';
    if (pages.getUint32(at + 28, true) !== VERSION) return 'its version is of another LMDB';
  }
  for (const root of rootsOf(pages, newer)) {
    if (root !== NO_ROOT && (root + 1n) * BigInt(PAGE_BYTES) > BigInt(size)) return 'it is cut off';
  }
  return undefined;
}

/** Makes the file and its place in the directory survive a power failure. */
export function syncFile(path: string): void {
  const descriptor = openSync(path, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function readInto(path: string, pages: DataView): void {
  const descriptor = openSync(path, 'r');
  readSync(descriptor, pages, 0, pages.byteLength, 0);
  closeSync(descriptor);
}

/**
 * [S8] The power failed while the file was made: its two pages are there, or not, or sectors of
 * them. Nothing was in it, and LMDB makes it again.
 */
function wasNeverUsed(pages: DataView, size: number): boolean {
  const isZero = isZeroIn(pages, 0, 2 * PAGE_BYTES);
  if (isZero || size % SECTOR_BYTES !== 0) return isZero;
  return [0, PAGE_BYTES].every((at) => {
    const isNew =
      isMeta(pages, at) &&
      rootsOf(pages, at).every((root) => root === NO_ROOT) &&
      transactionOf(pages, at) === 0n;
    const isRestZero = isZeroIn(pages, at + SECTOR_BYTES, at + PAGE_BYTES);
    return isRestZero && (isNew || isZeroIn(pages, at, at + SECTOR_BYTES));
  });
}

function isZeroIn(pages: DataView, from: number, to: number): boolean {
  return new Uint8Array(pages.buffer, from, to - from).every((byte) => byte === 0);
}

function isMeta(pages: DataView, at: number): boolean {
  return pages.getUint16(at + 18, true) === META_FLAG && pages.getUint32(at + 24, true) === MAGIC;
}

/** Of the list of free pages, and of the pairs. */
function rootsOf(pages: DataView, at: number): readonly bigint[] {
  return [pages.getBigUint64(at + 88, true), pages.getBigUint64(at + 136, true)];
}

function transactionOf(pages: DataView, at: number): bigint {
  return pages.getBigUint64(at + 152, true);
}
