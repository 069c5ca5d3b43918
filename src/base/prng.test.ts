import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { AssertionError } from './assert.ts';
import { Prng, shuffle } from './prng.ts';

function draw(random: Prng, count: number): number[] {
  return Array.from({ length: count }, () => random.u32());
}

test('the generator is sfc32, checked against its definition in large integers', () => {
  const mask = (1n << 32n) - 1n;
  let [a, b, c, counter] = [1n, 2n, 3n, 1n];
  const next = (): number => {
    const sum = (a + b + counter) & mask;
    counter = (counter + 1n) & mask;
    a = b ^ (b >> 9n);
    b = (c + (c << 3n)) & mask;
    c = ((((c << 21n) & mask) | (c >> 11n)) + sum) & mask;
    return Number(sum);
  };
  // The first twelve only stir the state.
  for (let i = 0; i < 12; i++) next();
  const expected = Array.from({ length: 1_000 }, next);
  assert.deepEqual(draw(Prng.fromWords([1, 2, 3]), 1_000), expected);
});

test('a seed gives the same numbers in another process', () => {
  const file = JSON.stringify(new URL('prng.ts', import.meta.url).href);
  const program = `
    const { Prng } = await import(${file});
    const random = Prng.from(20_260_101, 'network');
    console.log(JSON.stringify(Array.from({ length: 100 }, () => random.u32())));
  `;
  const args = ['--input-type=module', '--eval', program];
  const elsewhere = execFileSync(process.execPath, args, { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(elsewhere), draw(Prng.from(20_260_101, 'network'), 100));
});

test('seeds and streams that differ a little give unrelated numbers', () => {
  const sources: [number, string][] = [
    [1, ''],
    [2, ''],
    [-1, ''],
    [2 ** 32 + 1, ''],
    [1, 'a'],
    [1, 'b'],
    [1, 'ab'],
    [1, 'ba'],
  ];
  const drawn = sources.map(([seed, stream]) => draw(Prng.from(seed, stream), 256));
  for (const [i, one] of drawn.entries()) {
    for (const other of drawn.slice(i + 1)) {
      assert.equal(one.filter((value, at) => value === other[at]).length, 0);
      const sameBits = one.reduce((sum, value, at) => {
        return sum + 32 - countBits((value ^ (other[at] as number)) >>> 0);
      }, 0);
      // Half of 8192 bits agree by chance; 6 deviations of 45 to either side.
      assert.ok(Math.abs(sameBits - 4_096) < 270, `${sameBits} of 8192 bits agree`);
    }
  }
});

test('a draw in one stream does not change what another one sees', () => {
  const before = draw(Prng.from(7, 'disk'), 10);
  draw(Prng.from(7, 'network'), 1_000);
  assert.deepEqual(draw(Prng.from(7, 'disk'), 10), before);
});

test('a seed that would not print and replay is refused', () => {
  for (const seed of [0.5, Number.NaN, 2 ** 53]) {
    assert.throws(() => Prng.from(seed), AssertionError);
  }
});

test('below is uniform, also for bounds that do not divide 2^32', () => {
  const random = Prng.from(99);
  for (const bound of [2, 3, 10, 1_000]) {
    const draws = bound * 1_000;
    const counts = new Float64Array(bound);
    for (let i = 0; i < draws; i++) {
      const value = random.below(bound);
      counts[value] = (counts[value] as number) + 1;
    }
    const chiSquare = counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0);
    // Mean bound - 1, deviation sqrt(2 (bound - 1)): six of them are one in a billion.
    const limit = bound - 1 + 6 * Math.sqrt(2 * (bound - 1)) + 10;
    assert.ok(chiSquare < limit, `chi-square ${chiSquare} of ${bound}, at most ${limit}`);
  }
});

test('below rejects the uneven tail: two thirds of 2^32 would favour the lower half', () => {
  const random = Prng.from(5);
  const bound = 3 * 2 ** 30;
  let low = 0;
  for (let i = 0; i < 30_000; i++) if (random.below(bound) < 2 ** 30) low += 1;
  // A third is 10,000; without rejection it would be a half, 15,000.
  assert.ok(Math.abs(low - 10_000) < 500, `${low} of 30000 in the lowest third`);
});

test('below takes one to 2^32', () => {
  const random = Prng.from(1);
  assert.equal(random.below(1), 0);
  assert.ok(random.below(2 ** 32) < 2 ** 32);
  for (const bound of [0, -1, 1.5, 2 ** 32 + 1]) {
    assert.throws(() => random.below(bound), AssertionError);
  }
});

test('unit stays in [0, 1), uses 53 bits and is even', () => {
  const random = Prng.from(3);
  let sum = 0;
  let fine = 0;
  for (let i = 0; i < 10_000; i++) {
    const value = random.unit();
    assert.ok(value >= 0 && value < 1);
    sum += value;
    if ((value * 2 ** 53) % 2 === 1) fine += 1;
  }
  assert.ok(Math.abs(sum / 10_000 - 0.5) < 0.02);
  assert.ok(fine > 4_500 && fine < 5_500, 'the last bit is drawn as well');
});

test('a shuffle keeps what there is and reaches every order equally', () => {
  const random = Prng.from(11);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6_000; i++) {
    const items = [1, 2, 3];
    shuffle(items, random);
    const order = items.join('');
    counts.set(order, (counts.get(order) ?? 0) + 1);
  }
  assert.equal(counts.size, 6);
  for (const [order, count] of counts)
    assert.ok(Math.abs(count - 1_000) < 200, `${order} ${count}`);
});

function countBits(value: number): number {
  let bits = 0;
  for (let rest = value; rest !== 0; rest = (rest & (rest - 1)) >>> 0) bits += 1;
  return bits;
}
