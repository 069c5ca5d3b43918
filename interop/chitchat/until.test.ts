import assert from 'node:assert/strict';
import { test } from 'node:test';
import { staysTrue, until } from './until.ts';

test('a wait ends when nothing is missing any more', async () => {
  let lacks = 3;
  await until('the count-down', 1_000, async () => {
    lacks -= 1;
    return lacks === 0 ? undefined : `${lacks} left`;
  });
  assert.equal(lacks, 0);
});

test('a wait that is late says what it waited for and what was missing last', async () => {
  const late = until('godot', 60, () => Promise.resolve('nobody came'));
  await assert.rejects(late, /^Error: waited 0\.\d s for: godot\nnobody came$/);
});

test('what must stay true is refused at its first fault', async () => {
  let asked = 0;
  const broken = staysTrue('the lamp is on', 10_000, async () => {
    asked += 1;
    return asked < 3 ? undefined : 'it went out';
  });
  await assert.rejects(broken, /the lamp is on\nit went out$/);
});
