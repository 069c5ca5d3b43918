import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng, shuffle } from '../../base/prng.ts';
import { NEVER, type Operation } from './model.ts';
import { Timeline } from './timeline.ts';

function randomOperations(random: Prng): Operation<null>[] {
  const operations = Array.from({ length: 1 + random.below(40) }, (_, process) => {
    const callAt = random.below(60);
    const returnAt = random.below(4) === 0 ? NEVER : callAt + random.below(20);
    return { process, key: '', action: null, callAt, returnAt };
  });
  return operations.sort((a, b) => a.callAt - b.callAt);
}

function nodesOf(timeline: Timeline): number[] {
  const nodes: number[] = [];
  for (let node = timeline.next[timeline.end] as number; node !== timeline.end; ) {
    nodes.push(node);
    node = timeline.next[node] as number;
  }
  return nodes;
}

test('[C6] operations that are open at the same time have different slots', () => {
  const random = Prng.from(1, 'slots');
  for (let round = 0; round < 300; round++) {
    const operations = randomOperations(random);
    const { slot, slotCount, pending, pendingCount } = new Timeline(operations);
    for (const [i, a] of operations.entries()) {
      const isPending = pending[i] === 1;
      assert.equal(isPending, a.returnAt === NEVER);
      assert((slot[i] as number) < (isPending ? pendingCount : slotCount));
      const sharing = operations.filter(
        (b, j) =>
          j !== i && slot[j] === slot[i] && (b.returnAt === NEVER) === isPending && overlap(a, b),
      );
      assert.deepEqual(sharing, []);
    }
  }
});

function overlap(a: Operation<null>, b: Operation<null>): boolean {
  return a.callAt <= b.returnAt && b.callAt <= a.returnAt;
}

test('[C5] lifting and unlifting in reverse restores the list, in time order', () => {
  const random = Prng.from(2, 'lift');
  for (let round = 0; round < 300; round++) {
    const timeline = new Timeline(randomOperations(random));
    const before = nodesOf(timeline);
    const positions = before.map((node) => timeline.position[node] as number);
    assert.deepEqual(positions, [...positions.keys()]);
    const chosen = Array.from({ length: timeline.count }, (_, i) => i);
    shuffle(chosen, random);
    chosen.length = random.below(timeline.count + 1);
    for (const operation of chosen) timeline.lift(operation);
    const lifted = new Set(chosen.flatMap((i) => [i, i + timeline.count]));
    assert.deepEqual(
      nodesOf(timeline),
      before.filter((node) => !lifted.has(node)),
    );
    for (const operation of chosen.toReversed()) timeline.unlift(operation);
    assert.deepEqual(nodesOf(timeline), before);
  }
});
