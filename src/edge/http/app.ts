// The HTTP application: fastify with the route table on it. It knows nothing of sockets; server.ts
// gives it connections, tests inject requests.

import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify';
import type { Log, Random } from '../../base/capabilities.ts';
import { ParleyError } from '../../base/errors.ts';
import { LIMITS } from '../../base/limits.ts';
import type { ClusterPort } from '../../cluster/index.ts';
import type { Documents } from './documents.ts';
import { isLoopback, refuseAsker } from './guard.ts';
import { renderJson } from './json.ts';
import { parseQuery } from './query.ts';
import { pathOf, sendRefusal } from './refusal.ts';
import { ROUTES, type Route } from './routes.ts';

export interface HttpParts {
  readonly cluster: ClusterPort;
  readonly log: Log;
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
    genReqId: (request) => requestId(request.headers['x-request-id'], parts.random),
    // The query is parsed in `admit`, where a bad one can be refused.
    routerOptions: { ignoreTrailingSlash: true, querystringParser: () => ({}) },
    frameworkErrors: (error, request, reply) => {
      dress(request, reply);
      sendRefusal(log, error, request, reply);
    },
    // What is not HTTP is refused by server.ts, before the application has loaded as well.
    clientErrorHandler: () => {},
    ajv: { customOptions: { allErrors: true, coerceTypes: false, removeAdditional: false } },
  });
  const onLoopback = isLoopback(parts.address);
  app.addHook('onRequest', async (request, reply) => admit(request, reply, onLoopback));
  app.addHook('onResponse', async (request, reply) => logAccess(log, request, reply));
  app.setErrorHandler<FastifyError>((error, request, reply) => {
    sendRefusal(log, error, request, reply);
  });
  // Answers are rendered by json.ts; without this fastify would compile a serialiser per schema.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  for (const route of ROUTES) addRoute(app, route, parts.cluster);
  addDocuments(app, parts);
  await app.ready();
  return app;
}

function addRoute(app: FastifyInstance, route: Route, cluster: ClusterPort): void {
  app.route({
    method: route.changesState ? ['GET'] : ['GET', 'HEAD'],
    url: route.path,
    config: { changesState: route.changesState },
    ...(route.query === undefined ? {} : { schema: { querystring: route.query } }),
    handler: (request, reply) => {
      const answer = route.run(cluster, request.query);
      return reply.type(JSON_TYPE).send(renderJson(answer));
    },
  });
}

/** Made when they are first asked for: most members never show them. */
function addDocuments(app: FastifyInstance, parts: HttpParts): void {
  let made: Promise<Documents> | undefined;
  const documents = async (): Promise<Documents> => {
    const { makeDocuments } = await import('./documents.ts');
    made ??= makeDocuments(parts.version, parts.address);
    return made;
  };
  const method = ['GET', 'HEAD'];
  const [openApiPath, pagePath] = DOCUMENT_PATHS as [string, string];
  app.route({
    method,
    url: openApiPath,
    handler: async (_request, reply) => reply.type(JSON_TYPE).send((await documents()).openApi),
  });
  app.route({
    method,
    url: pagePath,
    handler: async (_request, reply) => {
      const { page, policy } = await documents();
      return reply.type(HTML_TYPE).header('content-security-policy', policy).send(page);
    },
  });
}

/** The checks that come before any route, and before the body of a request is read. */
function admit(request: FastifyRequest, reply: FastifyReply, onLoopback: boolean): void {
  dress(request, reply);
  const url = request.raw.url ?? '/';
  if (url.length > LIMITS.http.urlBytesMax) {
    const what = `the URL has ${url.length} bytes; at most ${LIMITS.http.urlBytesMax} are taken.`;
    throw new ParleyError('E_TOO_LARGE', what, { subject: 'url' });
  }
  const asker = {
    host: request.headers.host,
    origin: request.headers.origin,
    secFetchSite: headerText(request.headers['sec-fetch-site']),
  };
  const config = request.routeOptions.config as { changesState?: boolean } | undefined;
  const refusal = refuseAsker(asker, config?.changesState === true, onLoopback);
  if (refusal !== undefined) throw refusal;
  if (request.is404) throw notFound(request, reply);
  const outcome = parseQuery(url);
  if (outcome.kind === 'refused') {
    const what = `the parameter ${outcome.parameter} ${outcome.reason}.`;
    throw new ParleyError('E_BAD_PARAMETER', what, { subject: outcome.parameter });
  }
  request.query = outcome.query;
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
  if (!log.writes('debug')) return;
  log.debug('http request', {
    method: request.method,
    path: pathOf(request),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 100) / 100,
    requestId: request.id,
  });
}
