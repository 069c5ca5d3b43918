import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseQuery, type Query } from './query.ts';

function queryOf(url: string): Query {
  const outcome = parseQuery(url);
  assert.equal(outcome.kind, 'query', url);
  return outcome.kind === 'query' ? { ...outcome.query } : {};
}

test('pairs, empty values, missing values and stray separators', () => {
  assert.deepEqual(queryOf('/set_kv'), {});
  assert.deepEqual(queryOf('/set_kv?'), {});
  assert.deepEqual(queryOf('/set_kv?key=a&value=b'), { key: 'a', value: 'b' });
  assert.deepEqual(queryOf('/set_kv?key=&value'), { key: '', value: '' });
  assert.deepEqual(queryOf('/set_kv?&&key=a=b&'), { key: 'a=b' });
  assert.deepEqual(queryOf('/set_kv?key=why?'), { key: 'why?' });
});

test('a plus is a space, a percent-encoded plus is a plus', () => {
  assert.deepEqual(queryOf('/?value=a+b%2Bc%20d'), { value: 'a b+c d' });
});

test('a name given twice keeps both values', () => {
  assert.deepEqual(queryOf('/?key=a&key=b&key=c'), { key: ['a', 'b', 'c'] });
});

test('a parameter named __proto__ is a parameter like any other', () => {
  assert.deepEqual(Object.entries(queryOf('/?__proto__=x')), [['__proto__', 'x']]);
});

test('raw UTF-8, as curl sends it, is text', () => {
  const asNodeGivesIt = Buffer.from('/?value=grün', 'utf8').toString('latin1');
  assert.deepEqual(queryOf(asNodeGivesIt), { value: 'grün' });
});

for (const [url, parameter, reason] of [
  ['/?key=%zz', 'key', /has "%zz"/],
  ['/?key=%a', 'key', /has "%a"/],
  ['/?key=%', 'key', /has "%"/],
  ['/?key=%ff', 'key', /not valid UTF-8/],
  ['/?key=%c3', 'key', /not valid UTF-8/],
  ['/?key=%ed%a0%80', 'key', /not valid UTF-8/],
  ['/?%zz=a', '%zz', /its name has "%zz"/],
] as const) {
  test(`${url} is refused, naming the parameter`, () => {
    const outcome = parseQuery(url);
    assert.ok(outcome.kind === 'refused');
    assert.equal(outcome.parameter, parameter);
    assert.match(outcome.reason, reason);
  });
}

test('any text survives encodeURIComponent and back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (key, value) => {
      fc.pre(key !== '' && key.isWellFormed() && value.isWellFormed());
      const url = `/?${encodeURIComponent(key)}=${encodeURIComponent(value)}`;
      assert.deepEqual(Object.entries(queryOf(url)), [[key, value]]);
    }),
  );
});

test('no bytes make the parser throw', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      parseQuery(`/?${Buffer.from(bytes).toString('latin1')}`);
    }),
  );
});
