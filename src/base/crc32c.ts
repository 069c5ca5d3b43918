// CRC-32C (Castagnoli), the checksum of Kafka's record batches, iSCSI and ext4: it finds every
// error of up to 32 bits in a row. Eight or sixteen bytes are taken per step, each through a table
// of its own that already holds what the bytes after it would do to the sum.

const POLYNOMIAL_REVERSED = 0x82f63b78;
const SLICES = 16;
const STEP_BYTES = 8;
/** From here on a view for words of 32 bits is worth what it costs to make. */
const LONG_BYTES = 512;
const TABLES = makeTables();

/**
 * The checksum of `bytes`, an unsigned number of 32 bits. To sum up bytes that arrive in pieces,
 * give the sum of the earlier pieces as `previous`. A part of the bytes is summed up by its bounds,
 * without a view made for it.
 */
export function crc32c(
  bytes: Uint8Array,
  previous = 0,
  start = 0,
  end: number = bytes.length,
): number {
  if (end - start >= LONG_BYTES) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return crc32cOfView(view, previous, start, end);
  }
  const tables = TABLES;
  let sum = ~previous;
  let at = start;
  for (; at + STEP_BYTES <= end; at += STEP_BYTES) {
    const front =
      sum ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24));
    sum =
      (tables[0x700 + (front & 0xff)] as number) ^
      (tables[0x600 + ((front >>> 8) & 0xff)] as number) ^
      (tables[0x500 + ((front >>> 16) & 0xff)] as number) ^
      (tables[0x400 + (front >>> 24)] as number) ^
      (tables[0x300 + (bytes[at + 4] as number)] as number) ^
      (tables[0x200 + (bytes[at + 5] as number)] as number) ^
      (tables[0x100 + (bytes[at + 6] as number)] as number) ^
      (tables[bytes[at + 7] as number] as number);
  }
  for (; at < end; at++) {
    sum = (sum >>> 8) ^ (tables[(sum ^ (bytes[at] as number)) & 0xff] as number);
  }
  return ~sum >>> 0;
}

/** The same for those who have a view of their bytes already: from 16 bytes on it is faster. */
export function crc32cOfView(view: DataView, previous: number, start: number, end: number): number {
  const tables = TABLES;
  let sum = ~previous;
  let at = start;
  for (; at + SLICES <= end; at += SLICES) {
    const a = sum ^ view.getInt32(at, true);
    const b = view.getInt32(at + 4, true);
    const c = view.getInt32(at + 8, true);
    const d = view.getInt32(at + 12, true);
    sum =
      (tables[0xf00 + (a & 0xff)] as number) ^
      (tables[0xe00 + ((a >>> 8) & 0xff)] as number) ^
      (tables[0xd00 + ((a >>> 16) & 0xff)] as number) ^
      (tables[0xc00 + (a >>> 24)] as number) ^
      (tables[0xb00 + (b & 0xff)] as number) ^
      (tables[0xa00 + ((b >>> 8) & 0xff)] as number) ^
      (tables[0x900 + ((b >>> 16) & 0xff)] as number) ^
      (tables[0x800 + (b >>> 24)] as number) ^
      (tables[0x700 + (c & 0xff)] as number) ^
      (tables[0x600 + ((c >>> 8) & 0xff)] as number) ^
      (tables[0x500 + ((c >>> 16) & 0xff)] as number) ^
      (tables[0x400 + (c >>> 24)] as number) ^
      (tables[0x300 + (d & 0xff)] as number) ^
      (tables[0x200 + ((d >>> 8) & 0xff)] as number) ^
      (tables[0x100 + ((d >>> 16) & 0xff)] as number) ^
      (tables[d >>> 24] as number);
  }
  for (; at < end; at++) {
    sum = (sum >>> 8) ^ (tables[(sum ^ view.getUint8(at)) & 0xff] as number);
  }
  return ~sum >>> 0;
}

/** `tables[slice * 256 + byte]`: what `byte` does to the sum when `slice` zero bytes follow it. */
function makeTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte++) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit++) {
      sum = (sum & 1) === 1 ? (sum >>> 1) ^ POLYNOMIAL_REVERSED : sum >>> 1;
    }
    tables[byte] = sum;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}
