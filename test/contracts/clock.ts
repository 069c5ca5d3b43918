import assert from 'node:assert/strict';
import type { Clock } from '../../src/base/capabilities.ts';
import { type MakeBench, rulesFor } from './contract.ts';

export function clockContract(name: string, make: MakeBench<Clock>): void {
  const rule = rulesFor(name, make);

  rule('monotonic time goes forward while time passes', async ({ subject: clock, wait }) => {
    const before = clock.monotonicMs();
    await wait(5);
    assert.ok(clock.monotonicMs() - before >= 4);
  });

  rule('wall time is a plausible date in milliseconds', ({ subject: clock }) => {
    assert.ok(clock.wallMs() > Date.UTC(2025, 0));
    assert.ok(clock.wallMs() < Date.UTC(2100, 0));
  });

  rule('a timer fires once, not before its delay has passed', async ({ subject, wait }) => {
    for (const delayMs of [0, 0.3, 1, 7.7]) {
      const before = subject.monotonicMs();
      const firings: number[] = [];
      subject.setTimer(delayMs, () => firings.push(subject.monotonicMs() - before));
      assert.deepEqual(firings, [], 'never within the call');
      await wait(30);
      assert.equal(firings.length, 1);
      assert.ok(Number(firings[0]) >= delayMs, `${firings[0]} >= ${delayMs}`);
    }
  });

  rule('work put off to the end of a turn comes soon, once and in order', async (bench) => {
    const done: number[] = [];
    bench.subject.afterTurn(() => {
      done.push(1);
      bench.subject.afterTurn(() => done.push(3));
      assert.deepEqual(done, [1], 'never within the call');
    });
    bench.subject.afterTurn(() => done.push(2));
    assert.deepEqual(done, [], 'never within the call');
    await bench.until(() => done.length === 3, 'all of it comes');
    assert.deepEqual(done, [1, 2, 3]);
  });

  rule(
    'of timers set at any moment with any delay none overtakes an earlier one',
    async (bench) => {
      const { subject: clock, until } = bench;
      // A deadline lies between the two readings of the clock around `setTimer`, plus the delay.
      const fired: { least: number; most: number }[] = [];
      for (let i = 0; i < 200; i++) {
        const delayMs = ((i * 7919) % 200) / 10;
        const deadline = { least: clock.monotonicMs() + delayMs, most: 0 };
        clock.setTimer(delayMs, () => {
          assert.ok(clock.monotonicMs() >= deadline.least);
          fired.push(deadline);
        });
        deadline.most = clock.monotonicMs() + delayMs;
      }
      await until(() => fired.length === 200, 'all timers fire');
      let latest = 0;
      for (const { least, most } of fired) {
        assert.ok(most >= latest, 'none fires after one that was due later');
        latest = Math.max(latest, least);
      }
    },
  );

  rule('timers set in one breath with one delay fire in that order', async ({ subject, until }) => {
    const order: number[] = [];
    for (let i = 0; i < 20; i++) subject.setTimer(2, () => order.push(i));
    await until(() => order.length === 20, 'all timers fire');
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
    );
  });

  rule('a cancelled timer stays silent, also when cancelled by another', async (bench) => {
    const { subject, wait } = bench;
    let fired = 0;
    const early = subject.setTimer(1, () => fired++);
    early.cancel();
    const late = subject.setTimer(5, () => fired++);
    subject.setTimer(3, () => late.cancel());
    await wait(20);
    assert.equal(fired, 0);
    late.cancel();
  });

  rule(
    'a timer may set the next one, and one of no delay does not starve the rest',
    async (bench) => {
      const { subject, until, wait } = bench;
      let repeats = 0;
      const again = (): void => {
        repeats += 1;
        if (repeats < 50) subject.setTimer(0, again);
      };
      subject.setTimer(0, again);
      await until(() => repeats === 50, 'the chain of timers comes to its end');
      await wait(1);
      assert.equal(repeats, 50);
    },
  );

  rule('a delay that is negative or no number is a bug and is stopped', ({ subject }) => {
    assert.throws(() => subject.setTimer(-1, () => {}), /a delay is finite/);
    assert.throws(() => subject.setTimer(Number.NaN, () => {}), /a delay is finite/);
  });
}
