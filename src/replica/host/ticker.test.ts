// The beat of a member, and the time that it missed.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../../../test/support/wal-scenario.ts';
import { settle } from './settings.ts';
import { Ticker } from './ticker.ts';

function startTicker(isIdle = () => false): {
  clock: ManualClock;
  ticker: Ticker;
  steps: number[];
} {
  const clock = new ManualClock();
  const steps: number[] = [];
  const settings = settle({ tickMs: 30, phases: 3, electionTicks: 10 });
  const ticker = new Ticker(clock, settings, (step) => steps.push(step), isIdle);
  ticker.start();
  return { clock, ticker, steps };
}

test('phases follow each other within a tick', async () => {
  const { clock, steps } = startTicker();
  for (let i = 0; i < 6; i++) await clock.pass(10);
  assert.deepEqual(steps, [1, 2, 3, 4, 5, 6]);
});

test('[H30] what a long turn missed is made up for at once, in order', async () => {
  const { clock, steps, ticker } = startTicker();
  await clock.pass(10);
  const laterMs = clock.monotonicMs() + 95;
  assert.ok(ticker.isCurrent(clock.monotonicMs()));
  assert.ok(!ticker.isCurrent(laterMs));
  ticker.catchUp(laterMs);
  assert.ok(ticker.isCurrent(laterMs));
  assert.deepEqual(steps, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});

test('[H33] one tick per round is on time, what else is made up for is late', async () => {
  const clock = new ManualClock();
  const late: boolean[] = [];
  const settings = settle({ tickMs: 30, phases: 3, electionTicks: 10 });
  const ticker = new Ticker(clock, settings, (_step, isLate) => late.push(isLate));
  ticker.start();
  await clock.pass(10);
  ticker.catchUp(clock.monotonicMs() + 20);
  assert.deepEqual(late, [false, false, false], 'each phase has had one');
  ticker.catchUp(clock.monotonicMs() + 60);
  assert.deepEqual(late.slice(3), [true, true, true, true], 'no event was heard in between');
  await clock.pass(70);
  assert.deepEqual(late.slice(7), [false]);
});

test('[H31] no more than an election timeout is made up for, the same for every phase', () => {
  const { steps, ticker } = startTicker();
  ticker.catchUp(3_600_000);
  assert.equal(steps.length, 30);
  for (const phase of [0, 1, 2]) {
    assert.equal(steps.filter((step) => step % 3 === phase).length, 10);
  }
  assert.equal(steps.at(-1), 360_000);
});

test('an idle member wakes once per tick, and makes all steps of it', async () => {
  let isIdle = true;
  const { clock, steps, ticker } = startTicker(() => isIdle);
  await clock.pass(25);
  assert.deepEqual(steps, []);
  await clock.pass(5);
  assert.deepEqual(steps, [1, 2, 3]);
  isIdle = false;
  await clock.pass(30);
  assert.deepEqual(steps, [1, 2, 3, 4, 5, 6]);
  await clock.pass(10);
  assert.deepEqual(steps, [1, 2, 3, 4, 5, 6, 7]);
  assert.ok(ticker.isCurrent(clock.monotonicMs()));
});

test('a ticker that is closed says nothing more', async () => {
  const { clock, steps, ticker } = startTicker();
  ticker.close();
  await clock.pass(100);
  ticker.catchUp(1_000);
  assert.deepEqual(steps, []);
});
