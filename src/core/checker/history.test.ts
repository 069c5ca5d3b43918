import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HistoryRecorder } from './history.ts';
import { NEVER } from './model.ts';

test('[C1] calls and returns are stamped in the order in which they are told', () => {
  const recorder = new HistoryRecorder<string>();
  recorder.begin(1, 'k', 'asked');
  recorder.begin(2, 'l', 'asked too');
  recorder.complete(1, 'answered');
  assert.deepEqual(recorder.operations(), [
    { process: 1, key: 'k', action: 'answered', callAt: 1, returnAt: 3 },
    { process: 2, key: 'l', action: 'asked too', callAt: 2, returnAt: NEVER },
  ]);
});

test('[C1] a process does one thing at a time and ends only what it began', () => {
  const recorder = new HistoryRecorder<string>();
  assert.throws(() => recorder.complete(1, 'x'), /only what was begun can end/);
  recorder.begin(1, 'k', 'a');
  assert.throws(() => recorder.begin(1, 'k', 'b'), /one thing at a time/);
});

test('[C2] an abandoned operation stays pending while its process goes on', () => {
  const recorder = new HistoryRecorder<string>();
  recorder.begin(1, 'k', 'lost');
  recorder.abandon(1);
  recorder.begin(1, 'k', 'next');
  recorder.complete(1, 'next');
  assert.deepEqual(
    recorder.operations().map(({ action, returnAt }) => [action, returnAt]),
    [
      ['lost', NEVER],
      ['next', 3],
    ],
  );
});

test('[C3] a withdrawn operation leaves no trace', () => {
  const recorder = new HistoryRecorder<string>();
  recorder.begin(1, 'k', 'refused');
  recorder.withdraw(1);
  assert.deepEqual(recorder.operations(), []);
});
