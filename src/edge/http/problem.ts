// Errors as RFC 9457 writes them: one shape for every refusal, with a stable code, whether trying
// again helps, and a link to the page of this very member that explains the code.

import type { ErrorCode, ParleyError } from '../../base/errors.ts';
import type { Json } from './json.ts';

export const PROBLEM_TYPE = 'application/problem+json';

/** A refusal should not send a hostile URL of 40 kB back. */
const INSTANCE_CHARS_MAX = 256;

export interface ParameterFault {
  readonly parameter: string;
  readonly detail: string;
}

export interface ProblemContext {
  /** The path that was asked for. */
  readonly instance: string;
  readonly requestId: string;
  /** When another status says it better than the catalogue's. */
  readonly status?: number;
  readonly faults?: readonly ParameterFault[];
}

export function problemStatus(error: ParleyError, context: ProblemContext): number {
  return context.status ?? error.entry.http;
}

export function problemDocument(error: ParleyError, context: ProblemContext): Json {
  const { title, retry } = error.entry;
  const faults = context.faults ?? subjectFault(error);
  return new Map<string, Json>([
    ['type', problemPage(error.code)],
    ['title', title],
    ['status', problemStatus(error, context)],
    [
      'detail',
      sentence(error.advice === undefined ? error.message : `${error.message} ${error.advice}`),
    ],
    ['instance', context.instance.slice(0, INSTANCE_CHARS_MAX)],
    ['code', error.code],
    ['retry', retry],
    ['requestId', context.requestId],
    ['errors', faults.map(({ parameter, detail }) => ({ parameter, detail }))],
  ]);
}

/** Messages begin in lower case where a terminal puts `parley:` in front. */
function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function subjectFault(error: ParleyError): readonly ParameterFault[] {
  if (error.code !== 'E_BAD_PARAMETER' || error.subject === undefined) return [];
  return [{ parameter: error.subject, detail: sentence(error.message) }];
}

/** Relative, so that it leads to the member that answered, whatever name it was called by. */
function problemPage(code: ErrorCode): string {
  return `/docs#${code}`;
}
