// Who may ask. There is no login yet; a member listens on loopback unless told otherwise, so the
// callers are the programs of this machine. One of them is the browser, and it works for every
// page it shows. Two attacks by a hostile page are stopped here.
//
// 1. Cross-site requests. /set_kv changes state by GET, so `<img src="http://127.0.0.1:10001/
//    set_kv?...">` on any page would write. Browsers say on whose behalf they ask (Sec-Fetch-Site,
//    and Origin on requests of scripts): changes are taken from this member's own pages, from the
//    address bar (`none`) and from programs that are no browsers (no such header), nobody else.
//    `same-site` is refused as well: another port of this machine is another program's page.
//    Browsers leave Sec-Fetch-Site out on plain HTTP to addresses other than loopback. There
//    Origin catches scripts but not images: on a wider network use a network that you trust.
// 2. DNS rebinding. A page of evil.example points its own name at 127.0.0.1 and is then "same
//    origin" with us. Such a request carries the attacker's name in Host. So on a loopback listener
//    Host must be an IP address, localhost, or a name without a dot (a hosts-file alias), none of
//    which a stranger can own. On other listeners any name may be the right one. A URL that names
//    its host itself must name the same one as Host.

import type { IncomingMessage } from 'node:http';
import { parseIp, parseSocketAddress, splitHostPort } from '../../base/address.ts';
import { ParleyError } from '../../base/errors.ts';

export interface Asker {
  readonly host: string | undefined;
  /** Of a URL that names its host itself. */
  readonly authority: string | undefined;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
}

/** The reason to refuse, or undefined. `changesState` is true for routes that write. */
export function refuseAsker(
  asker: Asker,
  changesState: boolean,
  onLoopback: boolean,
): ParleyError | undefined {
  const foreign = onLoopback ? foreignNameOf(asker) : undefined;
  if (foreign !== undefined) {
    return new ParleyError('E_CROSS_SITE', `this member is not called "${foreign}".`, {
      advice: 'Call it by IP address or as localhost.',
    });
  }
  if (changesState && !comesFromHere(asker)) {
    return new ParleyError('E_CROSS_SITE', 'a page of another site may not change this cluster.', {
      advice: 'Use the address bar, curl, or the page /docs of this member.',
    });
  }
  return undefined;
}

/** A name that this member cannot have. */
function foreignNameOf({ authority, host }: Asker): string | undefined {
  if (!isLocalHost(host)) return host;
  if (authority === undefined) return undefined;
  // A client that names the host twice names the same one (RFC 9112, 3.2.2).
  const isSame = host === undefined || host.toLowerCase() === authority.toLowerCase();
  return isSame && isLocalHost(authority) ? undefined : authority;
}

/** Whom a URL with a scheme names, as proxies are asked; undefined for a plain path. */
export function authorityOf(url: string): string | undefined {
  const authority = /^[a-z][a-z\d+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1];
  // Before the last @ may stand a user's name.
  return authority?.slice(authority.lastIndexOf('@') + 1);
}

/**
 * HTTP/1.1 demands one Host. With two, this member and a proxy before it could take the request for
 * two different ones.
 */
export function refuseHosts(request: IncomingMessage): ParleyError | undefined {
  const { rawHeaders, httpVersion } = request;
  let hosts = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts === 1 || (hosts === 0 && httpVersion === '1.0')) return undefined;
  const what =
    hosts === 0 ? 'the request has no Host header.' : 'the request has two Host headers.';
  return new ParleyError('E_MALFORMED', what, {
    advice: 'HTTP/1.1 needs exactly one, with the name that the member was called by.',
  });
}

function comesFromHere(asker: Asker): boolean {
  const site = asker.secFetchSite;
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  if (asker.origin === undefined) return true;
  return asker.host !== undefined && asker.origin.replace(/^https?:\/\//, '') === asker.host;
}

/** HTTP/1.0 callers may send no Host; browsers always do. */
function isLocalHost(host: string | undefined): boolean {
  if (host === undefined || host === '') return true;
  const name = (splitHostPort(host)?.host ?? host).replace(/^\[|\]$|\.$/g, '').toLowerCase();
  if (name === 'localhost' || name.endsWith('.localhost')) return true;
  return parseIp(name) !== undefined || !name.includes('.');
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: string): boolean {
  const canonical = parseSocketAddress(address);
  if (canonical === undefined) return false;
  return canonical.startsWith('127.') || canonical.startsWith('[::1]:');
}
