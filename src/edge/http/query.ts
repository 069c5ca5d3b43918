// The query part of a URL, decoded as HTML forms encode it: `&` between pairs, `+` is a space, the
// rest is percent-encoded UTF-8. The classic program reads queries the same way, so a value typed
// into a browser's form means the same to both; a literal plus is written `%2B`.
//
// Lenient decoders pass broken text through or replace it. A store must not: what is kept would
// not be what was sent. So a `%` without two hex digits and bytes that are not UTF-8 are refused.

import { decodeText } from '../../base/bytes.ts';

/** A name given once has its value; a name given more often has all values, for the schema. */
export type Query = Record<string, string | string[]>;

export type QueryOutcome =
  | { readonly kind: 'query'; readonly query: Query }
  | { readonly kind: 'refused'; readonly parameter: string; readonly reason: string };

const PLUS = 0x2b;
const SPACE = 0x20;
const PERCENT = 0x25;

/** `url` as Node gives it: one character per byte received, which may be raw UTF-8 (curl). */
export function parseQuery(url: string): QueryOutcome {
  // No prototype: a parameter named `__proto__` is a parameter like any other.
  const query = Object.create(null) as Query;
  const mark = url.indexOf('?');
  if (mark < 0) return { kind: 'query', query };
  for (const pair of url.slice(mark + 1).split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const rawName = equals < 0 ? pair : pair.slice(0, equals);
    const name = decode(rawName);
    if (name.text === undefined) {
      return { kind: 'refused', parameter: rawName, reason: `its name ${name.reason}` };
    }
    const value = decode(equals < 0 ? '' : pair.slice(equals + 1));
    if (value.text === undefined) {
      return { kind: 'refused', parameter: name.text, reason: value.reason };
    }
    const before = query[name.text];
    if (before === undefined) query[name.text] = value.text;
    else if (Array.isArray(before)) before.push(value.text);
    else query[name.text] = [before, value.text];
  }
  return { kind: 'query', query };
}

type Decoded = { readonly text: string } | { readonly text: undefined; readonly reason: string };

/** Neither encoded nor outside ASCII: it stands for itself. */
const PLAIN = /^[ -$&-*,-~]*$/;

function decode(raw: string): Decoded {
  const bytes = Buffer.from(raw, 'latin1');
  // Not `raw` itself: a part of a string keeps the whole one, and a key lives longer than its URL.
  if (PLAIN.test(raw)) return { text: bytes.toString('latin1') };
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte !== PERCENT) {
      bytes[length++] = byte === PLUS ? SPACE : byte;
      continue;
    }
    const hex = raw.slice(i + 1, i + 3);
    if (!/^[0-9a-fA-F]{2}$/.test(hex)) {
      const shown = `%${hex}`;
      return {
        text: undefined,
        reason: `has "${shown}" where a percent sign needs two hex digits`,
      };
    }
    bytes[length++] = Number.parseInt(hex, 16);
    i += 2;
  }
  const text = decodeText(bytes, 0, length);
  return text === undefined ? { text, reason: 'is not valid UTF-8' } : { text };
}
