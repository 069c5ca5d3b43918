import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { must } from '../../base/assert.ts';
import { Detector } from './detector.ts';

const DEFAULTS = {
  phiThreshold: 8,
  samplingWindowSize: 1_000,
  maxIntervalMs: 10_000,
  initialIntervalMs: 5_000,
};

function createDetector(overrides: Partial<typeof DEFAULTS> = {}): Detector {
  const detector = new Detector({ ...DEFAULTS, ...overrides });
  detector.ensureCapacity(4);
  return detector;
}

// Seconds of silence until death, by initial interval, real interval and number of samples.
const TIMEOUTS = [
  [5_000, 1_000, [34.7, 18.7, 9.5, 8.2]],
  [5_000, 300, [33.7, 14.9, 4.2, 2.6]],
  [1_000, 1_000, [8, 8, 8, 8]],
] as const;

for (const [initialIntervalMs, intervalMs, expected] of TIMEOUTS) {
  test(`[G30] timeouts from ${initialIntervalMs} ms with heartbeats every ${intervalMs} ms`, () => {
    const found = [1, 10, 100, 1_000].map((samples) => {
      const detector = createDetector({ initialIntervalMs });
      for (let i = 0; i <= samples; i++) detector.report(0, i * intervalMs);
      return Math.round(must(detector.timeoutMs(0), 'there are samples') / 100) / 10;
    });
    assert.deepEqual(found, expected);
  });
}

test('[G30] without an interval there is no phi, and nobody is alive', () => {
  const detector = createDetector();
  assert.equal(detector.phi(0, 5), undefined);
  detector.report(0, 10);
  assert.equal(detector.phi(0, 20), undefined);
  assert.equal(detector.timeoutMs(0), undefined);
  assert.equal(detector.isAlive(0, 20), false);
  detector.report(0, 20);
  assert.equal(detector.isAlive(0, 20), true);
});

test('[G30] alive up to the threshold and not beyond', () => {
  const detector = createDetector({ initialIntervalMs: 1_000 });
  detector.report(0, 0);
  detector.report(0, 1_000);
  assert.equal(detector.phi(0, 9_000), 8);
  assert.equal(detector.isAlive(0, 9_000), true);
  assert.equal(detector.isAlive(0, 9_001), false);
});

test('[G30] an interval beyond the maximum is an outage and no sample', () => {
  const detector = createDetector({ maxIntervalMs: 1_000 });
  detector.report(0, 0);
  detector.report(0, 1_001);
  assert.equal(detector.phi(0, 1_001), undefined);
  detector.report(0, 2_001);
  assert.equal(detector.phi(0, 2_001), 0);
});

test('[G30] death empties the window and keeps the time of the last heartbeat', () => {
  const detector = createDetector();
  detector.report(0, 0);
  detector.report(0, 100);
  detector.forgetIntervals(0);
  assert.equal(detector.phi(0, 200), undefined);
  detector.report(0, 300);
  assert.equal(detector.phi(0, 300), 0);
  detector.clear(0);
  detector.report(0, 400);
  assert.equal(detector.phi(0, 400), undefined);
});

/** The window as a plain list. */
class DumbDetector {
  readonly #samples: number[] = [];
  #lastMs = Number.NaN;

  report(nowMs: number): void {
    const interval = nowMs - this.#lastMs;
    if (interval <= DEFAULTS.maxIntervalMs) this.#samples.push(interval);
    this.#lastMs = nowMs;
  }

  /** Timeouts with windows of every length from `least` to `most`. */
  timeouts(least: number, most: number): number[] {
    const timeouts: number[] = [];
    for (let size = least; size <= most; size++) {
      const window = this.#samples.slice(-size);
      const sum = window.reduce((total, interval) => total + interval, 0);
      timeouts.push((8 * (sum + 5 * DEFAULTS.initialIntervalMs)) / (window.length + 5));
    }
    return timeouts;
  }
}

test('[G30] the window of blocks agrees with a plain list', () => {
  const intervals = fc.array(fc.nat(12_000), { minLength: 2, maxLength: 300 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), intervals, (window, steps) => {
      const detector = createDetector({ samplingWindowSize: window });
      const dumb = new DumbDetector();
      let nowMs = 0;
      for (const step of steps) {
        nowMs += step;
        detector.report(2, nowMs);
        dumb.report(nowMs);
      }
      const timeout = detector.timeoutMs(2);
      if (timeout === undefined) return;
      // Windows of up to 32 are exact; larger ones forget a block of a 32nd at a time.
      const block = Math.ceil(window / 32);
      const candidates = dumb.timeouts(window - block + 1, window);
      const nearest = Math.min(...candidates.map((candidate) => Math.abs(candidate - timeout)));
      assert(nearest < 1e-6, `${timeout} is none of ${candidates.join(' ')}`);
    }),
  );
});
