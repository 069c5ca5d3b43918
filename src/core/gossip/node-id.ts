// Node ids as bytes. An id is encoded once and from then on compared, sorted and copied in that
// form, because a digest names every node and a thousand nodes send a thousand digests a round.
//
//   id      = nodeIdLength u16le, nodeId (UTF-8), generation u64le, address
//   address = 4, four octets, port u16le  |  6, sixteen octets, port u16le
//
// No encoded id is the beginning of another one: comparing the bytes of a known id with the input
// at hand tells whether the input holds this id, without parsing the input first.

import { formatAddress, parseAddress } from '../../base/address.ts';
import { must } from '../../base/assert.ts';
import { ByteWriter, decodeText, encodeText } from '../../base/bytes.ts';
import type { GossipId } from './types.ts';

/** Everything of an id but the text of the node id and, with IPv6, twelve octets. */
const ID_BYTES_LEAST = 2 + 8 + 7;
const V6_EXTRA = 12;

export function encodeId(id: GossipId): Uint8Array {
  const name = encodeText(id.nodeId);
  const address = must(parseAddress(id.address), 'an id has a numeric address: it was parsed');
  const writer = new ByteWriter(ID_BYTES_LEAST + V6_EXTRA + name.length);
  writer.u16le(name.length);
  writer.append(name);
  writer.big64le(id.generation);
  writer.u8(address.family);
  writer.append(address.octets);
  writer.u16le(address.port);
  return writer.copy();
}

/** Offset behind the id that starts at `start`; -1 when it is cut off, -2 for a bad address. */
export function findIdEnd(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < ID_BYTES_LEAST) return -1;
  const name = nameLength(bytes, start);
  const least = start + ID_BYTES_LEAST + name;
  if (least > end) return -1;
  const family = bytes[start + 2 + name + 8];
  if (family === 4) return least;
  if (family !== 6) return -2;
  return least + V6_EXTRA > end ? -1 : least + V6_EXTRA;
}

/** The id whose bounds `findIdEnd` found, or undefined when its name is not UTF-8. */
export function decodeId(bytes: Uint8Array): GossipId | undefined {
  const nameEnd = 2 + nameLength(bytes);
  const nodeId = decodeText(bytes, 2, nameEnd);
  if (nodeId === undefined) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const octets = bytes.slice(nameEnd + 9, bytes.length - 2);
  const port = view.getUint16(bytes.length - 2, true);
  const generation = view.getBigUint64(nameEnd, true);
  return { nodeId, generation, address: formatAddress(octets, port) };
}

/** Bytes of the name of the id that starts at `start`. */
export function nameLength(bytes: Uint8Array, start = 0): number {
  return (bytes[start] as number) + (bytes[start + 1] as number) * 256;
}

/**
 * The order of digests: name by bytes, generation by number, IPv4 before IPv6, octets, port. Both
 * ids lie in `bytes`. The integers are little endian: their last byte counts first [G2].
 */
export function compareIds(bytes: Uint8Array, a: number, b: number): number {
  const aName = nameLength(bytes, a);
  const bName = nameLength(bytes, b);
  const byName = compareRuns(bytes, a + 2, b + 2, Math.min(aName, bName));
  if (byName !== 0) return byName;
  if (aName !== bName) return aName - bName;
  for (let i = aName + 9; i >= aName + 2; i--) {
    const difference = (bytes[a + i] as number) - (bytes[b + i] as number);
    if (difference !== 0) return difference;
  }
  const address = aName + 10;
  const byFamily = (bytes[a + address] as number) - (bytes[b + address] as number);
  if (byFamily !== 0) return byFamily;
  const octets = bytes[a + address] === 4 ? 4 : 16;
  const byHost = compareRuns(bytes, a + address + 1, b + address + 1, octets);
  if (byHost !== 0) return byHost;
  const port = address + 1 + octets;
  const high = (bytes[a + port + 1] as number) - (bytes[b + port + 1] as number);
  return high !== 0 ? high : (bytes[a + port] as number) - (bytes[b + port] as number);
}

function compareRuns(bytes: Uint8Array, a: number, b: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const difference = (bytes[a + i] as number) - (bytes[b + i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Compares by words of four; `length` is at least four, as with ids. The last words overlap. */
export function sameBytes(
  a: DataView,
  aStart: number,
  b: DataView,
  bStart: number,
  length: number,
): boolean {
  const last = length - 4;
  for (let i = 0; i < last; i += 4) {
    if (a.getInt32(aStart + i, true) !== b.getInt32(bStart + i, true)) return false;
  }
  return a.getInt32(aStart + last, true) === b.getInt32(bStart + last, true);
}
