// Between Node's words and ours: addresses and bytes.

import { formatAddress, parseAddress, parseIp } from '../../base/address.ts';
import { must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';

export interface HostPort {
  readonly host: string;
  readonly port: number;
  readonly family: 4 | 6;
}

/** What node:net and node:dgram take: the host without brackets. */
export function hostPortOf(address: SocketAddress): HostPort {
  const parsed = must(parseAddress(address), `a SocketAddress parses: ${address}`);
  const colon = address.lastIndexOf(':');
  const host = parsed.family === 4 ? address.slice(0, colon) : address.slice(1, colon - 1);
  return { host, port: parsed.port, family: parsed.family };
}

/**
 * The canonical address of a host as Node prints it. A socket that serves both families reports
 * IPv4 peers as `::ffff:a.b.c.d`; a peer must have one name only, so these become plain IPv4. A
 * zone (`fe80::1%eth0`) has no place in a canonical address and is dropped.
 */
export function socketAddressOf(host: string, port: number): SocketAddress {
  if (!host.includes(':')) return `${host}:${port}` as SocketAddress;
  const zone = host.indexOf('%');
  const octets = must(
    parseIp(zone < 0 ? host : host.slice(0, zone)),
    `Node reports IP addresses: ${host}`,
  );
  return formatAddress(isMappedIpv4(octets) ? octets.subarray(12) : octets, port);
}

/** ::ffff:0:0/96 */
function isMappedIpv4(octets: Uint8Array): boolean {
  if (octets.length !== 16 || octets[10] !== 0xff || octets[11] !== 0xff) return false;
  return octets.subarray(0, 10).every((octet) => octet === 0);
}

/**
 * The same bytes without Node's methods. `slice` of a Buffer shares its memory, `slice` of other
 * byte arrays copies: a core that copies what it keeps must get the second kind.
 */
export function plainBytes(buffer: Uint8Array): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length);
}
