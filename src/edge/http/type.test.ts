import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Type as TypeBox } from 'typebox';
import { Type } from './type.ts';

/** Every function, with and without options, and nested. */
function shapes(of: typeof Type): readonly unknown[] {
  const text = of.String({ minLength: 1, description: 'some text' });
  const record = of.Record(of.String(), of.Integer({ minimum: 0 }), { description: 'counts' });
  return [
    text,
    record,
    of.String(),
    of.Integer(),
    of.Null(),
    of.Literal(true),
    of.Literal('set'),
    of.Ref('Problem#'),
    of.Array(text, { description: 'many' }),
    of.Record(of.String(), text),
    of.Object({}),
    of.Object({ text, maybe: of.Optional(text), list: of.Array(record) }, { $id: 'All' }),
    of.Object({ maybe: of.Optional(of.String()) }, { additionalProperties: of.String() }),
  ];
}

test('schemas are what typebox makes of the same words', () => {
  const [ours, theirs] = [shapes(Type), shapes(TypeBox)];
  for (const [i, shape] of ours.entries()) {
    assert.deepEqual(JSON.parse(JSON.stringify(shape)), JSON.parse(JSON.stringify(theirs[i])));
  }
});
