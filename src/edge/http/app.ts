// The HTTP application: fastify with the route table on it. It knows nothing of sockets; server.ts
// gives it connections, tests inject requests.

import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import type { Clock, Log, Random } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Documents } from './documents.ts';
import { authorityOf, isLoopback, refuseAsker, refuseHosts } from './guard.ts';
import { Parameters } from './parameters.ts';
import { parseQuery, type Query } from './query.ts';
import { pathOf, sendRefusal } from './refusal.ts';
import type { Answer, Route, RouteContext } from './route.ts';
import { ROUTES } from './routes.ts';
import { Turns } from './turns.ts';
import { UNCOMPILED } from './uncompiled.ts';

export interface HttpParts extends RouteContext {
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  /** Where connections arrive, as `ip:port`. */
  readonly address: string;
}

export type ServerFactory = NonNullable<FastifyServerOptions['serverFactory']>;

const JSON_TYPE = 'application/json; charset=utf-8';
const HTML_TYPE = 'text/html; charset=utf-8';
const DOCUMENT_PATHS = ['/v1/openapi.json', '/docs'];

export async function createApp(
  parts: HttpParts,
  serverFactory?: ServerFactory,
): Promise<FastifyInstance> {
  const { log } = parts;
  const app = Fastify({
    ...(serverFactory === undefined ? {} : { serverFactory }),
    exposeHeadRoutes: false,
    schemaController: UNCOMPILED,
    genReqId: (request) => requestId(request.headers['x-request-id'], parts.random),
    // The query is parsed in `admit`, where a bad one can be refused.
    routerOptions: { ignoreTrailingSlash: true, querystringParser: () => ({}) },
    frameworkErrors: (error, request, reply) => {
      dress(request, reply);
      sendRefusal(log, error, request, reply);
    },
    // What is not HTTP is refused by server.ts, before the application has loaded as well.
    clientErrorHandler: () => {},
  });
  const onLoopback = isLoopback(parts.address);
  app.addHook('onRequest', (request, reply, next) => next(admit(request, reply, onLoopback)));
  if (log.writes('debug')) {
    app.addHook('onResponse', (request, reply, next) => {
      logAccess(log, request, reply);
      next();
    });
  }
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    sendRefusal(log, error, request, reply);
  });
  const turns = new Turns(parts.clock);
  for (const route of ROUTES) addRoute(app, route, parts, turns);
  addDocuments(app, parts);
  await app.ready();
  return app;
}

function addRoute(app: FastifyInstance, route: Route, context: RouteContext, turns: Turns): void {
  const parameters = new Parameters(route.query);
  app.route({
    method: route.changesState ? ['GET'] : ['GET', 'HEAD'],
    url: route.path,
    config: { changesState: route.changesState },
    handler: (request, reply) => {
      parameters.check(request.query as Query);
      const answer = route.run(context, request.query);
      return reply.type(JSON_TYPE).send(payloadOf(answer, request, turns));
    },
  });
}

function payloadOf(answer: Answer, request: FastifyRequest, turns: Turns): unknown {
  if (answer.kind === 'whole') return answer.text;
  const payload = turns.answer(answer.make);
  if (request.method !== 'HEAD' || typeof payload === 'string') return payload;
  // Nobody knows how long it would be.
  payload.destroy();
  return null;
}

/** Made when they are first asked for: most members never show them. */
function addDocuments(app: FastifyInstance, parts: HttpParts): void {
  let made: Promise<Documents> | undefined;
  const none = new Parameters(undefined);
  const documents = async (request: FastifyRequest): Promise<Documents> => {
    none.check(request.query as Query);
    const { makeDocuments } = await import('./documents.ts');
    made ??= makeDocuments(parts.version, parts.address);
    return made;
  };
  const method = ['GET', 'HEAD'];
  const [openApiPath, pagePath] = DOCUMENT_PATHS as [string, string];
  app.route({
    method,
    url: openApiPath,
    handler: async (request, reply) =>
      reply.type(JSON_TYPE).send((await documents(request)).openApi),
  });
  app.route({
    method,
    url: pagePath,
    handler: async (request, reply) => {
      const { page, policy } = await documents(request);
      return reply.type(HTML_TYPE).header('content-security-policy', policy).send(page);
    },
  });
}

/** The checks that come before any route, and before the body of a request is read. */
function admit(
  request: FastifyRequest,
  reply: FastifyReply,
  onLoopback: boolean,
): ParleyError | undefined {
  dress(request, reply);
  const url = request.raw.url ?? '/';
  if (url.length > LIMITS.http.urlBytesMax) {
    const what = `the URL has ${url.length} bytes; at most ${LIMITS.http.urlBytesMax} are taken.`;
    return new ParleyError('E_TOO_LARGE', what, { subject: 'url' });
  }
  const host = refuseHosts(request.raw);
  if (host !== undefined) return host;
  const asker = {
    host: request.headers.host,
    authority: authorityOf(url),
    origin: request.headers.origin,
    secFetchSite: headerText(request.headers['sec-fetch-site']),
  };
  const config = request.routeOptions.config as { changesState?: boolean } | undefined;
  const refusal = refuseAsker(asker, config?.changesState === true, onLoopback);
  if (refusal !== undefined) return refusal;
  if (request.is404) return notFound(request, reply);
  const outcome = parseQuery(url);
  if (outcome.kind === 'refused') {
    const what = `the parameter ${outcome.parameter} ${outcome.reason}.`;
    return new ParleyError('E_BAD_PARAMETER', what, { subject: outcome.parameter });
  }
  request.query = outcome.query;
  return undefined;
}

/** Headers that every answer wears. */
function dress(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers({
    'x-request-id': request.id,
    'x-content-type-options': 'nosniff',
    // Pages of other sites must not frame ours: a hidden form could be clicked unknowingly.
    'x-frame-options': 'SAMEORIGIN',
    'cache-control': 'no-store',
  });
}

function notFound(request: FastifyRequest, reply: FastifyReply): ParleyError {
  const path = pathOf(request);
  const allowed = allowedMethods(path.length > 1 ? path.replace(/\/$/, '') : path);
  if (allowed === undefined) {
    return new ParleyError('E_NOT_FOUND', `there is nothing at ${path}.`, {
      advice: 'See /docs for what there is.',
    });
  }
  reply.header('allow', allowed);
  return new ParleyError('E_METHOD', `${path} does not take ${request.method}.`, {
    advice: `Use ${allowed}.`,
  });
}

function allowedMethods(path: string): string | undefined {
  if (DOCUMENT_PATHS.includes(path)) return 'GET, HEAD';
  const route = ROUTES.find((one) => one.path === path);
  if (route === undefined) return undefined;
  return route.changesState ? 'GET' : 'GET, HEAD';
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value;
}

/** The caller's own id when it is harmless to repeat, else a fresh one. */
function requestId(given: string | string[] | undefined, random: Random): string {
  if (typeof given === 'string' && /^[\w.:-]{1,128}$/.test(given)) return given;
  const word = (): string => random.u32().toString(32).padStart(7, '0');
  return word() + word();
}

function logAccess(log: Log, request: FastifyRequest, reply: FastifyReply): void {
  log.debug('http request', {
    method: request.method,
    path: pathOf(request),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 100) / 100,
    requestId: request.id,
  });
}
