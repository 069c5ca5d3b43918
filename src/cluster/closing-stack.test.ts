import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClosingStack } from './closing-stack.ts';

test('what was opened is closed in reverse, one after the other, and once', async () => {
  const stack = new ClosingStack();
  const said: string[] = [];
  stack.add(() => void said.push('lock'));
  stack.add(async () => {
    await Promise.resolve();
    said.push('log');
  });
  await Promise.all([stack.close(), stack.close()]);
  assert.deepEqual(said, ['log', 'lock']);
});

test('a step that fails leaves open what lies beneath', async () => {
  const stack = new ClosingStack();
  let isReleased = false;
  stack.add(() => {
    isReleased = true;
  });
  stack.add(() => Promise.reject(new Error('still writing')));
  await assert.rejects(stack.close(), /still writing/);
  assert.equal(isReleased, false);
});
