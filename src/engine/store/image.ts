// The file of the memory store: an image of all pairs, written beside the one it replaces.
//
//   image   header pair* trailer
//   header  magic "PARLYIMG" | version u32 | 0 u32
//   pair    key length + 1 u32 | value length u32 | key | value
//   trailer 0 u32 | pairs u64 | crc32c of all before it u32
//
// The new image is written under a name of its own, synced, and only then renamed over the old one;
// so the file under the old name is whole whenever the power fails, and one that is not whole has
// been damaged since (S8).

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { type Disk, DiskError, type DiskFile } from '../../base/capabilities.ts';
import { crc32c } from '../../base/crc32c.ts';
import { OrderedTree } from './ordered-tree.ts';
import type { StoreRefusal, StoreView } from './types.ts';

const MAGIC = 0x47_4d_49_59_4c_52_41_50n;
const VERSION = 1;
/** What is put together before it is written: memory stays bounded, and others get their turns. */
const PIECE_BYTES = 1024 * 1024;
const IMAGE = 'store.image';
const NEXT = 'store.image.next';

export async function writeImage(
  disk: Disk,
  directory: string,
  view: StoreView,
  pieceBytes: number = PIECE_BYTES,
): Promise<void> {
  const file = await disk.open(`${directory}/${NEXT}`, 'create');
  await writePairs(file, view, pieceBytes);
  await file.sync();
  await file.close();
  await disk.rename(`${directory}/${NEXT}`, `${directory}/${IMAGE}`);
  await disk.syncDirectory(directory);
}

async function writePairs(file: DiskFile, view: StoreView, pieceBytes: number): Promise<void> {
  const piece = new ByteWriter(Number.MAX_SAFE_INTEGER, 4_096);
  let [offset, sum, pairs] = [0, 0, 0];
  const drain = async (): Promise<void> => {
    const bytes = piece.view();
    sum = crc32c(bytes, sum);
    await file.write(offset, bytes);
    offset += bytes.length;
    piece.reset();
  };
  piece.big64le(MAGIC);
  piece.u32le(VERSION);
  piece.u32le(0);
  for (const { key, value } of view.range(new Uint8Array(0), undefined)) {
    piece.u32le(key.length + 1);
    piece.u32le(value.length);
    piece.append(key);
    piece.append(value);
    pairs += 1;
    if (piece.length >= pieceBytes) await drain();
  }
  piece.u32le(0);
  piece.u64le(pairs);
  piece.u32le(crc32c(piece.view(), sum));
  await drain();
}

/** The pairs of the last image; none when there never was one. */
export async function readImage(
  disk: Disk,
  directory: string,
): Promise<OrderedTree | StoreRefusal> {
  const path = `${directory}/${IMAGE}`;
  try {
    await disk.makeDirectory(directory);
    // [S4] A killed process may have renamed an image and not lived to sync the name: what is read
    // here counts as durable, so it must be. So must the names of the directories above.
    const parts = directory.split('/');
    for (let depth = 0; depth < parts.length; depth++) {
      await disk.syncDirectory(parts.slice(0, depth).join('/'));
    }
    await disk.syncDirectory(directory);
    const names = await disk.list(directory);
    // Half of an image that a crash interrupted: a file that is created must begin empty.
    if (names.includes(NEXT)) await disk.remove(`${directory}/${NEXT}`);
    if (!names.includes(IMAGE)) return new OrderedTree();
    const file = await disk.open(path, 'read');
    const bytes = new Uint8Array(await file.size());
    await file.read(0, bytes);
    await file.close();
    return parseImage(bytes, path);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    return refusal('disk', path, error.message);
  }
}

function parseImage(bytes: Uint8Array, path: string): OrderedTree | StoreRefusal {
  const damaged = refusal(
    'corrupt',
    path,
    `${path} is not what was written: the disk has damaged it, or somebody changed it. ` +
      'Remove this member and let a new one take its place.',
  );
  const reader = new ByteReader(bytes);
  if (reader.big64le() !== MAGIC) return damaged;
  const version = reader.u32le();
  if (version > VERSION) {
    return refusal('version', path, `${path} was written by a newer Parley: start that one.`);
  }
  reader.u32le();
  const tree = new OrderedTree();
  for (;;) {
    const keyLength = reader.u32le();
    if (keyLength === 0) break;
    const valueLength = reader.u32le();
    const key = reader.take(keyLength - 1);
    tree.set(key, reader.take(valueLength));
  }
  const pairs = reader.u64le();
  const summed = reader.offset;
  const isWhole = crc32c(bytes, 0, 0, summed) === reader.u32le() && reader.remaining === 0;
  return reader.failed || !isWhole || pairs !== tree.size ? damaged : tree;
}

function refusal(reason: StoreRefusal['reason'], path: string, message: string): StoreRefusal {
  return { kind: 'refused', reason, path, message };
}
