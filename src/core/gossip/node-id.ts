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
 * The order of digests: name by bytes, generation by number, IPv4 before IPv6, octets, port. The
 * integers are little endian, so their bytes count from the last to the first.
 */
export function compareIds(a: Uint8Array, b: Uint8Array): number {
  const aName = nameLength(a);
  const bName = nameLength(b);
  const shared = Math.min(aName, bName);
  for (let i = 2; i < 2 + shared; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  if (aName !== bName) return aName - bName;
  const afterName = 2 + aName;
  for (let i = afterName + 7; i >= afterName; i--) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return compareAddresses(a, b, afterName + 8);
}

function compareAddresses(a: Uint8Array, b: Uint8Array, start: number): number {
  const port = Math.min(a.length, b.length) - 2;
  for (let i = start; i < port; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  const high = (a[port + 1] as number) - (b[port + 1] as number);
  return high !== 0 ? high : (a[port] as number) - (b[port] as number);
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
