import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Json, jsonPieces, LazyArray, LazyFields, renderJson } from './json.ts';

test('an object is written field by field with two spaces of indent', () => {
  const text = renderJson({ name: 'a', list: [1, { deep: true }], none: [], empty: {} });
  assert.equal(
    text,
    '{\n  "name": "a",\n  "list": [\n    1,\n    {\n      "deep": true\n    }\n  ],\n' +
      '  "none": [],\n  "empty": {}\n}\n',
  );
});

test('a bigint keeps all its digits', () => {
  assert.equal(
    renderJson({ generation: 18_446_744_073_709_551_615n }).includes('73709551615'),
    true,
  );
});

test('a map keeps the order of its keys, also of keys that look like numbers', () => {
  const text = renderJson(
    new Map([
      ['zebra', 1],
      ['7', 2],
      ['__proto__', 3],
    ]),
  );
  assert.deepEqual(
    [...text.matchAll(/"(.+)":/g)].map((match) => match[1]),
    ['zebra', '7', '__proto__'],
  );
});

test('whatever is written reads back as the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      assert.deepEqual(JSON.parse(renderJson(value as Json)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

/** The same value, whose arrays and objects come to be while they are written. */
function lazily(value: Json): Json {
  if (Array.isArray(value)) return new LazyArray((value as readonly Json[]).map(lazily));
  if (value === null || typeof value !== 'object') return value;
  return new LazyFields(Object.entries(value).map(([name, one]) => [name, lazily(one as Json)]));
}

test('the pieces of what is lazy make up the text of what is not', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const whole = renderJson(value as Json);
      assert.equal([...jsonPieces(lazily(value as Json))].join(''), whole);
      assert.equal(
        [...jsonPieces({ a: lazily(value as Json) })].join(''),
        renderJson({ a: value as Json }),
      );
    }),
  );
});
