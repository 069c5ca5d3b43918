import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MemberNumbers } from './member-numbers.ts';

test('a member is found by its name and by its number, until it is forgotten', () => {
  const numbers = new MemberNumbers();
  numbers.assign('node_10001', 1);
  numbers.assign('node_10002', 2);
  assert.equal(numbers.numberOf('node_10002'), 2);
  assert.equal(numbers.nameOf(1), 'node_10001');
  numbers.forget(1);
  assert.equal(numbers.nameOf(1), undefined);
  assert.equal(numbers.numberOf('node_10001'), undefined);
});

test('whatever is assigned in whatever order, no two members share a name or a number', () => {
  const assignments = fc.array(
    fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: 1, max: 3 })),
  );
  fc.assert(
    fc.property(assignments, (given) => {
      const numbers = new MemberNumbers();
      for (const [name, member] of given) {
        numbers.assign(name, member);
        assert.equal(numbers.numberOf(name), member);
        assert.equal(numbers.nameOf(member), name);
      }
      for (const name of ['a', 'b', 'c']) {
        const member = numbers.numberOf(name);
        if (member !== undefined) assert.equal(numbers.nameOf(member), name);
      }
      for (const member of [1, 2, 3]) {
        const name = numbers.nameOf(member);
        if (name !== undefined) assert.equal(numbers.numberOf(name), member);
      }
    }),
  );
});
