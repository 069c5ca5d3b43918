// The catalogue of errors that a user can meet. One entry per code: what class of retry helps, and
// how each protocol says it. docs/reference/errors.md has a section for every code; a test compares
// the two. A message says what happened and why it usually happens; `advice` says what to do.

export type Retry =
  /** The same call will fail again until something else changes. */
  | 'never'
  /** Ask who is responsible now, then call again. */
  | 'refresh'
  /** The same call may succeed after a pause. */
  | 'after';

export interface ErrorEntry {
  readonly title: string;
  readonly retry: Retry;
  readonly http: number;
}

export const ERRORS = {
  E_BAD_PARAMETER: { title: 'A parameter is missing or not acceptable', retry: 'never', http: 400 },
  E_MALFORMED: { title: 'The request is not well-formed HTTP', retry: 'never', http: 400 },
  E_CROSS_SITE: { title: 'A page of another site asked', retry: 'never', http: 403 },
  E_RESERVED: { title: 'Members keep this name for themselves', retry: 'never', http: 403 },
  E_NOT_FOUND: { title: 'There is nothing at this address', retry: 'never', http: 404 },
  E_METHOD: { title: 'This address does not take that method', retry: 'never', http: 405 },
  E_TIMEOUT: { title: 'The request did not arrive in time', retry: 'after', http: 408 },
  E_TOO_LARGE: { title: 'A value is larger than its limit', retry: 'never', http: 413 },
  E_INTERNAL: { title: 'Parley failed; this is a bug', retry: 'after', http: 500 },
  E_BUSY: { title: 'There is no room for this now', retry: 'after', http: 503 },
  E_CONFIG: { title: 'A setting is not acceptable', retry: 'never', http: 500 },
  E_DATA: { title: 'The data directory cannot be used', retry: 'never', http: 500 },
  E_ADDRESS_IN_USE: { title: 'Another process has this address', retry: 'never', http: 500 },
  E_ADDRESS_UNUSABLE: { title: 'This machine cannot use the address', retry: 'never', http: 500 },
  E_UNRESOLVABLE: { title: 'A host name has no address', retry: 'after', http: 502 },
  E_UNREACHABLE: { title: 'The other side does not answer', retry: 'after', http: 502 },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

export interface ErrorDetails {
  /** What to do about it: one sentence, or a command. */
  readonly advice?: string;
  /** The parameter, setting or field at fault. */
  readonly subject?: string;
  readonly cause?: unknown;
}

export class ParleyError extends Error {
  override readonly name = 'ParleyError';
  readonly code: ErrorCode;
  readonly advice: string | undefined;
  readonly subject: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.advice = details.advice;
    this.subject = details.subject;
  }

  get entry(): ErrorEntry {
    return ERRORS[this.code];
  }

  /** One line for a terminal: what, what to do, code last. */
  get line(): string {
    const advice = this.advice === undefined ? '' : ` ${this.advice}`;
    return `${this.message}${advice} [${this.code}]`;
  }
}
