// Every way a request can fail, turned into one problem document.

import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Log } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import { renderJson } from './json.ts';
import { ParameterRefusal } from './parameters.ts';
import { PROBLEM_TYPE, type ProblemContext, problemDocument, problemStatus } from './problem.ts';

export function pathOf(request: FastifyRequest): string {
  const url = request.raw.url ?? '/';
  const mark = url.indexOf('?');
  return mark < 0 ? url : url.slice(0, mark);
}

export function sendRefusal(
  log: Log,
  error: FastifyError | ParleyError,
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  if (error instanceof ParameterRefusal) {
    sendProblem(error, request, reply, { faults: error.faults });
  } else if (error instanceof ParleyError) {
    // 413 is about bodies; for URLs HTTP has a status of its own.
    sendProblem(error, request, reply, error.subject === 'url' ? { status: 414 } : {});
  } else if (error.statusCode !== undefined && error.statusCode < 500) {
    const refusal = new ParleyError('E_MALFORMED', `${error.message}.`);
    sendProblem(refusal, request, reply, { status: error.statusCode });
  } else {
    // A bug. The caller gets the id, the log gets the rest.
    log.error('http request failed', {
      path: pathOf(request),
      requestId: request.id,
      reason: error.stack ?? error.message,
    });
    const advice = `The log of this member has more under request id ${request.id}.`;
    const refusal = new ParleyError('E_INTERNAL', 'this request met a fault in Parley itself.', {
      advice,
    });
    sendProblem(refusal, request, reply);
  }
}

function sendProblem(
  error: ParleyError,
  request: FastifyRequest,
  reply: FastifyReply,
  more: Partial<ProblemContext> = {},
): void {
  const context = { instance: pathOf(request), requestId: request.id, ...more };
  void reply
    .code(problemStatus(error, context))
    .type(PROBLEM_TYPE)
    .send(renderJson(problemDocument(error, context)));
}
