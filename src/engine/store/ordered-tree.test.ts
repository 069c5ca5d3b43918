import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listed } from '../../../test/contracts/store.ts';
import { Prng } from '../../base/prng.ts';
import { mergedRange } from './merged-range.ts';
import { OrderedTree } from './ordered-tree.ts';
import type { StoreView } from './types.ts';

const FIRST = new Uint8Array(0);

function keyOf(number: number): Uint8Array {
  return Buffer.from(String(number).padStart(6, '0'));
}

function all(view: StoreView): string {
  return listed(view.range(FIRST, undefined));
}

function sorted(map: ReadonlyMap<number, string>): string {
  const pairs = [...map].toSorted(([a], [b]) => a - b);
  return listed(pairs.map(([key, value]) => ({ key: keyOf(key), value: Buffer.from(value) })));
}

test('a tree of thousands of pairs is a sorted map, and each view stays as it was', () => {
  const random = Prng.from(1, 'tree');
  const tree = new OrderedTree();
  const map = new Map<number, string>();
  const views: { readonly view: StoreView; readonly expected: string }[] = [];
  for (let step = 0; step < 40_000; step++) {
    // Grows, shrinks to nothing, and grows again.
    const grows = step % 20_000 < 8_000;
    const key = random.below(4_000);
    if (random.below(10) < (grows ? 8 : 1)) {
      const was = tree.set(keyOf(key), Buffer.from(String(step)));
      assert.equal(was?.toString(), map.get(key));
      map.set(key, String(step));
    } else {
      assert.equal(tree.delete(keyOf(key))?.toString(), map.get(key));
      map.delete(key);
    }
    assert.equal(tree.size, map.size);
    if (step % 2_500 !== 0) continue;
    assert.equal(all(tree), sorted(map));
    views.push({ view: tree.view(), expected: sorted(map) });
  }
  for (const { view, expected } of views) assert.equal(all(view), expected);
});

test('runs of keys in order find their places between views, splits and deletions', () => {
  const random = Prng.from(3, 'runs');
  const tree = new OrderedTree();
  const map = new Map<number, string>();
  const views: { readonly view: StoreView; readonly expected: string }[] = [];
  for (let run = 0; run < 600; run++) {
    // Steps of several leave places between keys for later runs; one goes down now and then.
    let key = random.below(9_000);
    const step = run % 7 === 0 ? -1 : 1 + random.below(9);
    for (let i = random.below(120); i > 0 && key >= 0; i--, key += step) {
      const value = `${run}:${i}`;
      assert.equal(tree.set(keyOf(key), Buffer.from(value))?.toString(), map.get(key));
      map.set(key, value);
      if (random.below(400) === 0) views.push({ view: tree.view(), expected: sorted(map) });
      if (random.below(60) > 0) continue;
      // Leaves become small and join: those that come next must not go into one that is none.
      for (let gone = Math.max(0, key - 200); gone < key + 200; gone++) {
        if (random.below(8) === 0) continue;
        assert.equal(tree.delete(keyOf(gone))?.toString(), map.get(gone));
        map.delete(gone);
      }
    }
    assert.equal(tree.size, map.size);
    if (run % 50 === 0) assert.equal(all(tree), sorted(map));
  }
  assert.equal(all(tree), sorted(map));
  assert.ok(views.length > 30, `${views.length} views`);
  for (const { view, expected } of views) assert.equal(all(view), expected);
});

test('a tree that lost every key is empty, and takes keys again', () => {
  const tree = new OrderedTree();
  for (let key = 0; key < 3_000; key++) tree.set(keyOf(key), FIRST);
  const view = tree.view();
  for (let key = 2_999; key >= 0; key--) tree.delete(keyOf(key));
  assert.equal(tree.size, 0);
  assert.equal(all(tree), '');
  tree.set(keyOf(7), Buffer.from('seven'));
  assert.equal(all(tree), '000007=seven');
  assert.equal([...view.range(FIRST, undefined)].length, 3_000);
});

test('ranges of a large tree begin and end between keys and on them', () => {
  const tree = new OrderedTree();
  for (let key = 0; key < 10_000; key += 2) tree.set(keyOf(key), FIRST);
  const random = Prng.from(2, 'ranges');
  for (let round = 0; round < 300; round++) {
    const [low, high] = [random.below(10_100), random.below(10_100)];
    const found = [...tree.range(keyOf(low), keyOf(high))].map(({ key }) => Number(key.toString()));
    const expected: number[] = [];
    for (let key = low + (low % 2); key < Math.min(high, 10_000); key += 2) expected.push(key);
    assert.deepEqual(found, expected);
  }
});

test('of ranges that lie over each other, the first that has a key counts', () => {
  const trees = [3, 2, 5].map((step, at) => {
    const tree = new OrderedTree();
    for (let key = 0; key < 31; key += step) tree.set(keyOf(key), Buffer.from('abc'.charAt(at)));
    return tree;
  });
  const expected = new Map<number, string>();
  for (const [at, step] of [3, 2, 5].entries()) {
    for (let key = 0; key < 31; key += step) {
      if (!expected.has(key)) expected.set(key, 'abc'.charAt(at));
    }
  }
  const merged = mergedRange(trees.map((tree) => tree.range(FIRST, undefined)));
  assert.equal(listed(merged), sorted(expected));
  assert.equal(listed(mergedRange([])), '');
});

test('whoever leaves a merged range half-way lets go of all its sources', () => {
  const left: string[] = [];
  function* source(name: string) {
    try {
      for (let key = 0; ; key++) yield { key: keyOf(key), value: FIRST };
    } finally {
      left.push(name);
    }
  }
  for (const { key } of mergedRange([source('one'), source('two')])) {
    if (key.toString() === '000005') break;
  }
  assert.deepEqual(left, ['one', 'two']);
});
