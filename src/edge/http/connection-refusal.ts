// What never reaches the application: connections whose bytes are no request, come too slowly or
// find no room, and requests that Node would answer by itself. All of them get a problem document.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, ParleyError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import { renderJson } from './json.ts';
import { PROBLEM_TYPE, problemDocument, problemStatus } from './problem.ts';

/** Beside a URL of full length there is room for headers, cookies of other local pages included. */
export const HEADER_BYTES_MAX = LIMITS.http.urlBytesMax + 16 * 1024;

/** What Node's parser says when a request cannot be read. */
interface ParserError {
  readonly code?: string | undefined;
  readonly rawPacket?: Buffer | undefined;
}

interface Problem {
  readonly code: ErrorCode;
  readonly what: string;
  readonly advice?: string;
  readonly status?: number;
}

/** What to say, by Node's name of the error. */
const PROBLEMS: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: { code: 'E_TIMEOUT', what: 'the request took too long to arrive.' },
  HPE_HEADER_OVERFLOW: {
    code: 'E_TOO_LARGE',
    what: `URL and headers have more than ${HEADER_BYTES_MAX} bytes, or the headers are too many.`,
    status: 431,
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    code: 'E_TOO_LARGE',
    what: 'the extensions of the chunks are too long.',
  },
  HPE_INVALID_METHOD: {
    code: 'E_MALFORMED',
    what: 'the request does not begin with a method of HTTP/1.1.',
    advice: 'Methods are written in capitals, and encrypted connections are not taken: use http://',
  },
  HPE_INVALID_URL: {
    code: 'E_MALFORMED',
    what: 'the URL has a character that must be percent-encoded.',
    advice: 'With curl, --get --data-urlencode encodes a value.',
  },
  HPE_INVALID_CONSTANT: {
    code: 'E_MALFORMED',
    what: 'what stands behind the URL is not HTTP/1.1.',
    advice: 'A space in a URL is written as %20 or +.',
  },
  HPE_INVALID_VERSION: { code: 'E_MALFORMED', what: 'HTTP/1.1 is spoken here, not that version.' },
  HPE_INVALID_HEADER_TOKEN: { code: 'E_MALFORMED', what: 'a header has a character it may not.' },
};

const NOT_HTTP: Problem = { code: 'E_MALFORMED', what: 'what arrived is not HTTP/1.1.' };

export function refuseConnection(error: ParserError, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') socket.destroy();
  else socket.end(wholeAnswer(problemOf(error)));
}

function problemOf({ code = '', rawPacket }: ParserError): Problem {
  const problem = PROBLEMS[code] ?? NOT_HTTP;
  if (code !== 'HPE_INVALID_URL' || rawPacket === undefined) return problem;
  const line = rawPacket.subarray(0, Math.max(rawPacket.indexOf('\r'), 0));
  const isAscii = line.every((byte) => byte < 0x80);
  if (isAscii) return problem;
  return {
    ...problem,
    what: 'the URL has characters outside ASCII, which must be percent-encoded as UTF-8.',
  };
}

/** For a connection that says nothing for too long. */
export const TOO_SLOW = wholeAnswer(problemOf({ code: 'ERR_HTTP_REQUEST_TIMEOUT' }));

/** For a client that finds all places of HTTP taken. */
export const NO_ROOM = wholeAnswer(
  { code: 'E_BUSY', what: `${LIMITS.door.httpMax} connections are open, which are all.` },
  'Retry-After: 1\r\n',
);

/** For a client that sends requests faster than it reads the answers. */
export const TOO_EAGER = wholeAnswer(
  {
    code: 'E_BUSY',
    what: `more than ${LIMITS.http.waitingPerConnectionMax} requests wait on this connection.`,
    advice: 'Read the answers before you send more.',
  },
  'Retry-After: 1\r\n',
);

/** `Expect: 100-continue` is met by Node; nothing else that could be expected is known. */
export function refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
  const what = `the expectation "${String(request.headers.expect).slice(0, 100)}" is not known.`;
  const { status, body } = rendered({
    code: 'E_MALFORMED',
    what,
    advice: 'Leave the header Expect out.',
    status: 417,
  });
  response.writeHead(status, { 'content-type': PROBLEM_TYPE, connection: 'close' }).end(body);
}

/** CONNECT asks for a tunnel; Node would close the connection without a word. */
export function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  const what = 'a member is no proxy: CONNECT is not taken.';
  socket.end(wholeAnswer({ code: 'E_METHOD', what }, 'Allow: GET, HEAD\r\n'));
}

function wholeAnswer(problem: Problem, headers = ''): Buffer {
  const { status, body } = rendered(problem);
  return Buffer.from(
    `HTTP/1.1 ${status} Refused\r\n` +
      `Content-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `${headers}Connection: close\r\n\r\n${body}`,
  );
}

function rendered({ code, what, advice, status }: Problem): { status: number; body: string } {
  const error = new ParleyError(code, what, advice === undefined ? {} : { advice });
  const context = { instance: '', requestId: '', ...(status === undefined ? {} : { status }) };
  return {
    status: problemStatus(error, context),
    body: renderJson(problemDocument(error, context)),
  };
}
