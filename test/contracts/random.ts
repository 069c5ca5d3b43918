import assert from 'node:assert/strict';
import type { Random } from '../../src/base/capabilities.ts';
import { type MakeBench, rulesFor } from './contract.ts';

export function randomContract(name: string, make: MakeBench<Random>): void {
  const rule = rulesFor(name, make);

  rule('u32 fills its range evenly', ({ subject: random }) => {
    const buckets = new Array<number>(16).fill(0);
    for (let i = 0; i < 16_000; i++) {
      const drawn = random.u32();
      assert.ok(Number.isInteger(drawn) && drawn >= 0 && drawn < 2 ** 32);
      const bucket = drawn >>> 28;
      buckets[bucket] = (buckets[bucket] as number) + 1;
    }
    // 1,000 expected each, standard deviation about 31: seven of them are out of reach of chance.
    for (const count of buckets) assert.ok(count > 780 && count < 1_220, buckets.join(' '));
  });

  rule('unit stays in [0, 1) and averages a half', ({ subject: random }) => {
    let sum = 0;
    for (let i = 0; i < 10_000; i++) {
      const drawn = random.unit();
      assert.ok(drawn >= 0 && drawn < 1);
      sum += drawn;
    }
    assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.02);
  });

  rule('below draws every value under its bound and none other', ({ subject: random }) => {
    const seen = new Set<number>();
    for (let i = 0; i < 1_000; i++) seen.add(random.below(7));
    assert.deepEqual(seen, new Set([0, 1, 2, 3, 4, 5, 6]));
    assert.equal(random.below(1), 0);
    assert.throws(() => random.below(0), /below\(\) takes/);
  });
}
