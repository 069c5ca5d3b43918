import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AssertionError, assert as hold, implies, maybe, must, unreachable } from './assert.ts';

test('assert passes when the condition holds and names the reason when not', () => {
  hold(1 + 1 === 2, 'arithmetic');
  assert.throws(() => hold(1 + 1 === 3, 'sums add up'), new AssertionError('sums add up'));
});

test('implies fails only for a true premise with a false conclusion', () => {
  implies(false, false, 'x');
  implies(false, true, 'x');
  implies(true, true, 'x');
  assert.throws(() => implies(true, false, 'x'), AssertionError);
});

test('must hands out what is there and stops on what is not', () => {
  assert.equal(must(0, 'zero is a value'), 0);
  assert.throws(() => must(new Map<string, number>().get('a'), 'a is known'), AssertionError);
});

test('maybe accepts both, unreachable accepts nothing', () => {
  maybe(true);
  maybe(false);
  assert.throws(() => unreachable('surprise' as never), /the types exclude: surprise/);
});
