// Which protocol a connection speaks, by its first bytes, and what to say to those that nobody here
// speaks yet.

export type Spoken = 'frames' | 'http' | 'http2' | 'tls';

/** FORMAT.md of the members' protocol: its magic begins with it. */
const FRAMES_FIRST = 0x8f;
/** A TLS record that carries a handshake. */
const TLS_FIRST = 0x16;
/** `PRI * HTTP/2.0`: no method of HTTP/1.1 is called PRI. */
const PREFACE = [0x50, 0x52, 0x49, 0x20];

/** Undefined: more bytes are needed to tell. What is none of ours is left to HTTP to refuse. */
export function spokenIn(bytes: Uint8Array): Spoken | undefined {
  const first = bytes[0];
  if (first === undefined) return undefined;
  if (first === FRAMES_FIRST) return 'frames';
  if (first === TLS_FIRST) return 'tls';
  for (const [at, expected] of PREFACE.entries()) {
    const byte = bytes[at];
    if (byte === undefined) return undefined;
    if (byte !== expected) return 'http';
  }
  return 'http2';
}

/** To a client of HTTP that comes before anybody here speaks it. */
export const NO_ROOM = Buffer.from(
  'HTTP/1.1 503 Service Unavailable\r\n' +
    'Retry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
);

/** What a client of HTTP/2 understands: no settings, and to come back with HTTP/1.1. */
function goAway(word: string): Buffer {
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const text = Buffer.from(word);
  const header = Buffer.from([0, 0, 8 + text.length, 7, 0, 0, 0, 0, 0]);
  // No stream was taken; HTTP_1_1_REQUIRED.
  const payload = Buffer.from([0, 0, 0, 0, 0, 0, 0, 13]);
  return Buffer.concat([settings, header, payload, text]);
}

/** The last word to a client whose protocol nobody takes. */
export function lastWord(spoken: Exclude<Spoken, 'http'>): Buffer {
  switch (spoken) {
    case 'http2':
      return goAway('HTTP/2 is not spoken here: use HTTP/1.1');
    case 'tls':
      return Buffer.from('TLS is not spoken here: call without it\n');
    case 'frames':
      return Buffer.from('no member answers here\n');
  }
}
