import assert from 'node:assert/strict';
import { test } from 'node:test';
import { realBench } from '../../../test/contracts/benches.ts';
import { clockContract } from '../../../test/contracts/clock.ts';
import { SystemClock } from './system-clock.ts';

clockContract('system clock', async () => realBench(new SystemClock()));

test('a callback that throws does not silence the timers behind it', async () => {
  const clock = new SystemClock();
  const thrown = new Promise<unknown>((resolve) => {
    process.setUncaughtExceptionCaptureCallback(resolve);
  });
  clock.setTimer(1, () => {
    throw new Error('a bug in a callback');
  });
  const after = new Promise<void>((resolve) => {
    clock.setTimer(1, resolve);
  });
  assert.match(String(await thrown), /a bug in a callback/);
  await after;
  process.setUncaughtExceptionCaptureCallback(null);
});

test('a wait longer than a Node timer holds does not fire at once', async () => {
  const clock = new SystemClock();
  let fired = false;
  const timer = clock.setTimer(2 ** 32, () => {
    fired = true;
  });
  await new Promise<void>((resolve) => void clock.setTimer(20, resolve));
  assert.equal(fired, false);
  timer.cancel();
});
