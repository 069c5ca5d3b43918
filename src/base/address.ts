// Socket addresses as canonical text: `127.0.0.1:10001`, `[2001:db8::1]:10001`. Equal addresses are
// equal strings, so they serve as map keys and compare without parsing.

import type { SocketAddress } from './ids.ts';

export interface ParsedAddress {
  readonly family: 4 | 6;
  /** 4 or 16 octets in network order. */
  readonly octets: Uint8Array;
  readonly port: number;
}

const DECIMAL = /^(0|[1-9][0-9]{0,4})$/;

/** The address in canonical text, or undefined when `text` is not `ip:port`. */
export function parseSocketAddress(text: string): SocketAddress | undefined {
  const parsed = parseAddress(text);
  return parsed === undefined ? undefined : formatAddress(parsed.octets, parsed.port);
}

/** Splits `host:port` or `[v6]:port`; the host may be a name. Undefined when there is no port. */
export function splitHostPort(text: string): { host: string; port: number } | undefined {
  const colon = text.lastIndexOf(':');
  if (colon <= 0) return undefined;
  const portText = text.slice(colon + 1);
  const port = Number(portText);
  if (!DECIMAL.test(portText) || port > 65535) return undefined;
  let host = text.slice(0, colon);
  if (host.startsWith('[') && host.endsWith(']')) host = host.slice(1, -1);
  else if (host.includes(':')) return undefined;
  return host.length === 0 ? undefined : { host, port };
}

export function parseAddress(text: string): ParsedAddress | undefined {
  const split = splitHostPort(text);
  if (split === undefined) return undefined;
  const bracketed = text.startsWith('[');
  const octets = bracketed ? parseIpv6(split.host) : parseIpv4(split.host);
  if (octets === undefined) return undefined;
  return { family: octets.length === 4 ? 4 : 6, octets, port: split.port };
}

/** 4 or 16 octets, or undefined when `text` is a name or nonsense. */
export function parseIp(text: string): Uint8Array | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const octets = new Uint8Array(4);
  for (const [i, part] of parts.entries()) {
    const value = Number(part);
    if (!DECIMAL.test(part) || value > 255) return undefined;
    octets[i] = value;
  }
  return octets;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const front = parseGroups(halves[0] as string);
  const back = halves.length === 2 ? parseGroups(halves[1] as string) : [];
  if (front === undefined || back === undefined) return undefined;
  // A dotted IPv4 address ends the whole text, so in `1.2.3.4::` it is misplaced.
  if (halves.length === 2 && (halves[0] as string).includes('.')) return undefined;
  const missing = 8 - front.length - back.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...front, ...new Array<number>(missing).fill(0), ...back];
  const octets = new Uint8Array(16);
  for (const [i, group] of groups.entries()) {
    octets[i * 2] = group >> 8;
    octets[i * 2 + 1] = group & 0xff;
  }
  return octets;
}

/** Groups of 16 bits; the last may be written as a dotted IPv4 address, which makes two. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [i, part] of parts.entries()) {
    if (part.includes('.') && i === parts.length - 1) {
      const octets = parseIpv4(part);
      if (octets === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = octets;
      groups.push(a * 256 + b, c * 256 + d);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

/** Canonical text of 4 or 16 octets and a port (RFC 5952 for IPv6). */
export function formatAddress(octets: Uint8Array, port: number): SocketAddress {
  const host = octets.length === 4 ? octets.join('.') : `[${formatIpv6(octets)}]`;
  return `${host}:${port}` as SocketAddress;
}

function formatIpv6(octets: Uint8Array): string {
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) {
    groups.push((octets[i] as number) * 256 + (octets[i + 1] as number));
  }
  const gap = longestZeroRun(groups);
  const hex = (part: number[]): string => part.map((group) => group.toString(16)).join(':');
  if (gap.length < 2) return hex(groups);
  return `${hex(groups.slice(0, gap.start))}::${hex(groups.slice(gap.start + gap.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (let i = 0; i <= groups.length; i++) {
    if (i < groups.length && groups[i] === 0) continue;
    if (i - start > best.length) best = { start, length: i - start };
    start = i + 1;
  }
  return best;
}

/** 0.0.0.0 or ::, which can be bound but not reached. */
export function isUnspecified(address: SocketAddress): boolean {
  const parsed = parseAddress(address);
  return parsed?.octets.every((octet) => octet === 0) ?? false;
}
