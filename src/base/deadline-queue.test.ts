import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DeadlineQueue, OUTSIDE, type Queued } from './deadline-queue.ts';

interface Named extends Queued {
  readonly name: number;
}

function named(name: number, atMs: number): Named {
  return { name, atMs, order: 0, slot: OUTSIDE };
}

test('entries of equal deadline come out in the order they went in', () => {
  const queue = new DeadlineQueue<Named>();
  for (const [name, atMs] of [7, 3, 7, 3, 0].entries()) queue.push(named(name, atMs));
  const names: number[] = [];
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) names.push(entry.name);
  assert.deepEqual(names, [4, 1, 3, 0, 2]);
});

test('a removed entry can wait again, elsewhere in the order', () => {
  const queue = new DeadlineQueue<Named>();
  const moved = named(1, 10);
  queue.push(moved);
  queue.push(named(2, 20));
  assert.equal(queue.remove(moved), true);
  assert.equal(queue.remove(moved), false);
  moved.atMs = 30;
  queue.push(moved);
  assert.equal(queue.pop()?.name, 2);
  assert.equal(queue.pop()?.name, 1);
  assert.equal(queue.size, 0);
});

test('an entry in another queue, or with a deadline that is no number, is refused', () => {
  const queue = new DeadlineQueue<Named>();
  const other = new DeadlineQueue<Named>();
  const entry = named(1, 1);
  other.push(entry);
  queue.push(named(2, 2));
  assert.equal(queue.remove(entry), false);
  assert.throws(() => queue.push(entry), /waits in one queue once/);
  assert.throws(() => queue.push(named(3, Number.NaN)), /a deadline is a number/);
});

type Step = { kind: 'push'; atMs: number } | { kind: 'pop' } | { kind: 'remove'; pick: number };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('push' as const), atMs: fc.integer({ min: 0, max: 9 }) }),
    fc.record({ kind: fc.constant('pop' as const) }),
    fc.record({ kind: fc.constant('remove' as const), pick: fc.nat(50) }),
  ),
  { maxLength: 80 },
);

test('the heap agrees with a sorted list under any mix of push, pop and remove', () => {
  fc.assert(
    fc.property(steps, (script: Step[]) => {
      const queue = new DeadlineQueue<Named>();
      const list: Named[] = [];
      for (const [name, step] of script.entries()) {
        if (step.kind === 'push') {
          const entry = named(name, step.atMs);
          queue.push(entry);
          list.push(entry);
        } else if (step.kind === 'pop') {
          const expected = list.toSorted((a, b) => a.atMs - b.atMs || a.name - b.name)[0];
          assert.equal(queue.pop(), expected);
          if (expected !== undefined) list.splice(list.indexOf(expected), 1);
        } else if (list.length > 0) {
          const [victim] = list.splice(step.pick % list.length, 1);
          assert.equal(queue.remove(victim as Named), true);
        }
        assert.equal(queue.size, list.length);
        assert.equal([...queue.entries()].length, list.length);
      }
    }),
  );
});
