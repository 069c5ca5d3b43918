// A look at LMDB's file before LMDB has one: it maps the file into memory and follows what it finds
// there, so that a file of somebody else's, or a cut one, would end the process without a word.
//
// The first two pages of 4,096 bytes are meta pages; the newer one counts. Their fields, in bytes
// from the start of the page: 18 u16 flags, 24 u32 magic, 28 u32 version, 88 u64 root of the list
// of free pages, 136 u64 root of the pairs (all ones: none), 152 u64 transaction.

import { closeSync, fsyncSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

const PAGE_BYTES = 4_096;
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
  if (size <= 2 * PAGE_BYTES && isZero(pages)) {
    // The power failed while the file was made. Nothing was in it: LMDB makes it again.
    rmSync(path, { force: true });
    return undefined;
  }
  const newer = transactionOf(pages, 0) >= transactionOf(pages, PAGE_BYTES) ? 0 : PAGE_BYTES;
  for (const at of [0, PAGE_BYTES]) {
    if (pages.getUint16(at + 18, true) !== META_FLAG || pages.getUint32(at + 24, true) !== MAGIC) {
      return 'it does not begin as a file of LMDB does';
    }
    if (pages.getUint32(at + 28, true) !== VERSION) return 'its version is of another LMDB';
  }
  for (const at of [newer + 88, newer + 136]) {
    const root = pages.getBigUint64(at, true);
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

function isZero(pages: DataView): boolean {
  return new Uint8Array(pages.buffer).every((byte) => byte === 0);
}

function transactionOf(pages: DataView, at: number): bigint {
  return pages.getBigUint64(at + 152, true);
}
