// The HTTP application without sockets: every refusal has its shape, every answer its schema.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { ParleyError } from '../../base/errors.ts';
import type { ClusterPort } from '../../cluster/index.ts';
import { createApp } from './app.ts';
import { httpParts, notingLog, recordingCluster } from './cluster.support.ts';

const lines: string[] = [];
const log = notingLog(lines);

function start(cluster: ClusterPort = recordingCluster()): Promise<FastifyInstance> {
  return createApp(httpParts({ cluster, log }));
}

interface Problem {
  readonly type: string;
  readonly status: number;
  readonly detail: string;
  readonly instance: string;
  readonly code: string;
  readonly requestId: string;
  readonly errors: readonly { parameter: string; detail: string }[];
}

async function refusal(request: InjectOptions): Promise<Problem & { headers: object }> {
  const app = await start();
  const answer = await app.inject(request);
  assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8');
  const problem = answer.json<Problem>();
  assert.equal(problem.status, answer.statusCode);
  assert.equal(problem.requestId, answer.headers['x-request-id']);
  assert.equal(problem.type, `/docs#${problem.code}`);
  return { ...problem, headers: answer.headers };
}

test('both writes reach the cluster, with and without a trailing slash', async () => {
  const cluster = recordingCluster();
  const app = await start(cluster);
  for (const url of [
    '/set_kv?key=color&value=blue',
    '/set_kv/?value=a+b%26&key=gr%C3%BCn',
    '/set_kv?key=k&value=',
    '/mark_for_deletion?key=color',
    '/mark_for_deletion/?key=color',
  ]) {
    const answer = await app.inject(url);
    assert.equal(answer.statusCode, 200, url);
    assert.equal(answer.headers['content-type'], 'application/json; charset=utf-8');
    assert.deepEqual(answer.json(), { status: true });
  }
  assert.deepEqual(cluster.calls, [
    'set color=blue',
    'set grün=a b&',
    'set k=',
    'delete color',
    'delete color',
  ]);
});

for (const [url, parameters] of [
  ['/set_kv', ['key', 'value']],
  ['/set_kv?key=a', ['value']],
  ['/set_kv?value=a', ['key']],
  ['/set_kv?key=&value=a', ['key']],
  ['/set_kv?key=a&key=b&value=c', ['key']],
  ['/set_kv?key=a&value=b&value=b', ['value']],
  ['/set_kv?key=%zz&value=b', ['key']],
  ['/set_kv?key=a&value=%ff', ['value']],
  ['/mark_for_deletion', ['key']],
  ['/mark_for_deletion?key=', ['key']],
  ['/mark_for_deletion?key=a&extra=b', ['extra']],
  ['/mark_for_deletion?Key=a', ['Key', 'key']],
  ['/set_kv?key=a&value=b&__proto__=c', ['__proto__']],
  ['/?key=a&key=b', ['key']],
  ['/?nothing=1', ['nothing']],
  ['/docs?nothing=1', ['nothing']],
  ['/v1/openapi.json?a=1&b=2', ['a', 'b']],
] as const) {
  test(`GET ${url} is refused, naming ${parameters.join(' and ')}`, async () => {
    const problem = await refusal({ url });
    assert.equal(problem.status, 400);
    assert.equal(problem.code, 'E_BAD_PARAMETER');
    assert.equal(problem.instance, url.slice(0, url.indexOf('?') >>> 0));
    assert.deepEqual(problem.errors.map((error) => error.parameter).toSorted(), parameters);
    for (const parameter of parameters) assert.ok(problem.detail.includes(parameter));
  });
}

test('what the cluster itself refuses names the parameter too', async () => {
  const cluster = recordingCluster();
  cluster.set = () => {
    const advice = 'Shorten it.';
    throw new ParleyError('E_BAD_PARAMETER', 'the value is too long.', {
      subject: 'value',
      advice,
    });
  };
  const app = await start(cluster);
  const answer = await app.inject('/set_kv?key=a&value=b');
  assert.equal(answer.statusCode, 400);
  const problem = answer.json<Problem>();
  assert.equal(problem.detail, 'The value is too long. Shorten it.');
  assert.deepEqual(problem.errors, [{ parameter: 'value', detail: 'The value is too long.' }]);
});

test('an unknown parameter is told which ones there are', async () => {
  const some = await refusal({ url: '/set_kv?key=a&value=b&consistency=strong' });
  assert.match(some.detail, /consistency is not known: this address takes key and value\.$/);
  const none = await refusal({ url: '/docs?key=a' });
  assert.match(none.detail, /key is not known: this address takes no parameters\.$/);
});

test('an unknown path is 404 and named', async () => {
  const problem = await refusal({ url: '/nowhere/at/all' });
  assert.equal(problem.status, 404);
  assert.match(problem.detail, /nothing at \/nowhere\/at\/all/);
});

test('a wrong method is 405 with the methods that are right', async () => {
  for (const [method, url, allow] of [
    ['POST', '/', 'GET, HEAD'],
    ['DELETE', '/set_kv/?key=a&value=b', 'GET'],
    ['PUT', '/docs', 'GET, HEAD'],
    ['OPTIONS', '/mark_for_deletion', 'GET'],
  ] as const) {
    // The body is broken on purpose: the method is wrong whatever the body is.
    const problem = await refusal({ method, url, headers: { 'content-type': 'application/json' } });
    assert.equal(problem.status, 405, url);
    assert.equal((problem.headers as { allow?: string }).allow, allow);
  }
});

test('HEAD reads without a body and never writes', async () => {
  const cluster = recordingCluster();
  const app = await start(cluster);
  const read = await app.inject({ method: 'HEAD', url: '/' });
  assert.equal(read.statusCode, 200);
  assert.equal(read.body, '');
  assert.ok(Number(read.headers['content-length']) > 0);
  const write = await app.inject({ method: 'HEAD', url: '/set_kv?key=a&value=b' });
  assert.equal(write.statusCode, 405);
  assert.deepEqual(cluster.calls, []);
});

test('a URL beyond the limit is 414 and is not sent back', async () => {
  const problem = await refusal({ url: `/${'a'.repeat(70_000)}` });
  assert.equal(problem.status, 414);
  assert.ok(problem.instance.length < 300);
});

test('a path that cannot be decoded is 400', async () => {
  const problem = await refusal({ url: '/%zz' });
  assert.equal(problem.code, 'E_MALFORMED');
});

test('a page of another site cannot write', async () => {
  const cluster = recordingCluster();
  const app = await start(cluster);
  const url = '/set_kv?key=a&value=b';
  const answer = await app.inject({ url, headers: { 'sec-fetch-site': 'cross-site' } });
  assert.equal(answer.statusCode, 403);
  assert.equal(answer.json<Problem>().code, 'E_CROSS_SITE');
  assert.deepEqual(cluster.calls, []);
});

test('a bug is 500 with the request id and without a stack', async () => {
  const cluster = recordingCluster();
  cluster.view = () => {
    throw new TypeError('a secret detail');
  };
  const app = await start(cluster);
  const answer = await app.inject({ url: '/', headers: { 'x-request-id': 'trace-7' } });
  assert.equal(answer.statusCode, 500);
  assert.ok(!answer.body.includes('secret'));
  assert.match(answer.json<Problem>().detail, /trace-7/);
  assert.ok(lines.includes('error http request failed'));
});

test('the access log has one line per request, on debug', async () => {
  lines.length = 0;
  const app = await start();
  await app.inject('/');
  await app.inject('/nowhere');
  assert.deepEqual(lines, ['debug http request', 'debug http request']);
});

test('the request id of the caller comes back, unless it is unfit for a log', async () => {
  const app = await start();
  const kept = await app.inject({ url: '/', headers: { 'x-request-id': 'a.b:c-1' } });
  assert.equal(kept.headers['x-request-id'], 'a.b:c-1');
  const replaced = await app.inject({ url: '/', headers: { 'x-request-id': 'a"b' } });
  assert.match(String(replaced.headers['x-request-id']), /^[0-9a-v]{14}$/);
});

test('no compiler of schemas is loaded, neither to answer nor to describe', async () => {
  const app = await start();
  for (const url of ['/', '/docs']) assert.equal((await app.inject(url)).statusCode, 200);
  const loaded = Object.keys(createRequire(import.meta.url).cache);
  assert.ok(loaded.some((path) => path.includes('fastify')));
  assert.deepEqual(
    loaded.filter((path) => /node_modules.(ajv|fast-json-stringify).(dist|index)/.test(path)),
    [],
  );
});
