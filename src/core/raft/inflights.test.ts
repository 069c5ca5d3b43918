import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Inflights } from './inflights.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;

function filled(messagesMax: number, ...indexes: readonly number[]): Inflights {
  const window = new Inflights(messagesMax, UNLIMITED);
  for (const index of indexes) window.add(index, 10);
  return window;
}

test('[R31] a window is full at its count of messages', () => {
  const window = filled(3, 1, 2);
  assert.equal(window.isFull(), false);
  window.add(3, 10);
  assert.equal(window.isFull(), true);
  assert.throws(() => window.add(4, 10), /full window/);
});

test('[R31] the append that passes the byte limit is taken, the next one is not', () => {
  const window = new Inflights(100, 25);
  window.add(1, 10);
  window.add(2, 10);
  assert.equal(window.isFull(), false);
  window.add(3, 400);
  assert.equal(window.isFull(), true);
  window.freeUpTo(2);
  assert.equal(window.isFull(), true, 'the large one is still under way');
  window.freeUpTo(3);
  assert.equal(window.bytes, 0);
});

test('[R31] an acknowledgement frees all up to its index, a late one nothing', () => {
  const window = filled(5, 10, 20, 30, 40);
  window.freeUpTo(25);
  assert.equal(window.count, 2);
  window.freeUpTo(20);
  assert.equal(window.count, 2);
  window.freeUpTo(40);
  assert.equal(window.count, 0);
});

test('[R31] appends leave in the order of their entries', () => {
  assert.throws(() => filled(5, 10, 10), /order of their entries/);
});

test('[R31] the ring behaves as a list, however it wraps and grows', () => {
  const steps = fc.array(fc.integer({ min: -6, max: 5 }), { maxLength: 200 });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 40 }), (moves, messagesMax) => {
      const window = new Inflights(messagesMax, UNLIMITED);
      let model: { index: number; bytes: number }[] = [];
      let index = 0;
      for (const move of moves) {
        if (move > 0 && model.length < messagesMax) {
          index += move;
          model.push({ index, bytes: move });
          window.add(index, move);
        } else {
          const freed = index + move * 2;
          model = model.filter((append) => append.index > freed);
          window.freeUpTo(freed);
        }
        assert.equal(window.count, model.length);
        assert.equal(
          window.bytes,
          model.reduce((sum, { bytes }) => sum + bytes, 0),
        );
        assert.equal(window.isFull(), model.length >= messagesMax);
      }
    }),
  );
});
