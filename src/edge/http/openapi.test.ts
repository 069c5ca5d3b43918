// What the OpenAPI document promises, held against the application: whatever the document allows is
// answered as it says, and what it forbids is refused as it says.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkAnswer } from '../../../test/support/openapi.ts';
import { LIMITS } from '../../base/limits.ts';
import { createApp } from './app.ts';
import { httpParts } from './cluster.support.ts';
import type { OpenApi, Parameter } from './openapi.ts';

const app = await createApp(httpParts());
const document = (await app.inject('/v1/openapi.json')).json<OpenApi>();

const { keyBytesMax, valueBytesMax } = LIMITS.gossip;
const BYTES_MAX: Readonly<Record<string, number>> = { key: keyBytesMax, value: valueBytesMax };

/** A value that the schema of a parameter allows. */
function allowed({ schema }: Parameter): fc.Arbitrary<string> {
  assert.equal(schema.type, 'string');
  const { minLength = 0, maxLength = 2_000, pattern } = schema;
  const matches = new RegExp(pattern ?? '', 'u');
  const short = (unit: 'grapheme' | 'binary'): fc.Arbitrary<string> =>
    fc.string({ unit, minLength, maxLength: Math.min(maxLength, 30) });
  const long = fc
    .tuple(
      fc.constantFrom('x', 'ü', '日', '😀', '\u0001'),
      fc.integer({ min: 1, max: maxLength - 1 }),
    )
    .map(([unit, times]) => `k${unit.repeat(times)}`);
  return fc
    .oneof(short('grapheme'), short('binary'), long)
    .filter((value) => matches.test(value) && value.isWellFormed())
    .filter((value) => value.length <= maxLength);
}

/** Each parameter that must be there, and any of the others. */
function queryOf(parameters: readonly Parameter[]): fc.Arbitrary<Record<string, string>> {
  const names = parameters.filter(({ required }) => required === true).map(({ name }) => name);
  const values = Object.fromEntries(parameters.map((one) => [one.name, allowed(one)]));
  return fc.record(values, { requiredKeys: names });
}

async function ask(path: string, query: Record<string, string>): Promise<number> {
  const pairs = Object.entries(query).map(
    ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`,
  );
  const url = pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
  const { statusCode, headers, payload } = await app.inject(url);
  const type = String(headers['content-type']);
  const answer = new Response(payload, { status: statusCode, headers: { 'content-type': type } });
  await checkAnswer(document, path, answer);
  return statusCode;
}

for (const [path, { get }] of Object.entries(document.paths)) {
  const parameters = get?.parameters ?? [];

  test(`GET ${path} answers whatever the document allows as it says`, async () => {
    await fc.assert(
      fc.asyncProperty(queryOf(parameters), async (query) => {
        const status = await ask(path, query);
        // The document counts characters, the limits bytes: beyond those a refusal is right.
        const isLong = Object.entries(query).some(
          ([name, value]) => Buffer.byteLength(value) > (BYTES_MAX[name] ?? Infinity),
        );
        assert.ok(status === 200 || (isLong && (status === 400 || status === 414)), `${status}`);
      }),
      { numRuns: 40 },
    );
  });

  test(`GET ${path} refuses what the document does not know`, async () => {
    const query = Object.fromEntries(parameters.map(({ name }) => [name, 'x']));
    assert.equal(await ask(path, { ...query, another: 'x' }), 400);
    for (const { name, required, schema } of parameters) {
      const { [name]: _left, ...rest } = query;
      assert.equal(await ask(path, rest), required === true ? 400 : 200, `without ${name}`);
      if (schema.minLength !== undefined)
        assert.equal(await ask(path, { ...query, [name]: '' }), 400);
      if (schema.maxLength !== undefined) {
        const long = 'x'.repeat(schema.maxLength);
        assert.equal(await ask(path, { ...query, [name]: long }), 200);
        assert.equal(await ask(path, { ...query, [name]: `${long}x` }), 400);
      }
      if (schema.pattern === undefined) continue;
      for (const wrong of ['ü', 'parley.x', 'node_states', 'seed_addrs', 'service', 'ready']) {
        const isAllowed = new RegExp(schema.pattern, 'u').test(wrong);
        const status = await ask(path, { ...query, [name]: wrong });
        assert.ok(isAllowed ? status === 200 : status === 400 || status === 403, wrong);
      }
    }
  });
}
