import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../../../sim/index.ts';
import { TurnEnd } from './turn-end.ts';

function stage() {
  const world = new World({ seed: 1 });
  const turnEnd = new TurnEnd(world.machine('n1').capabilities.clock);
  const done: string[] = [];
  return { world, turnEnd, done };
}

test('[T9] what is added twice in a turn is done once, and may be added again', async () => {
  const { world, turnEnd, done } = stage();
  const work = { isDirty: false, flush: () => void done.push('work') };
  turnEnd.add(work);
  turnEnd.add(work);
  assert.deepEqual(done, []);
  await world.runFor(1);
  turnEnd.add(work);
  await world.runFor(1);
  assert.deepEqual(done, ['work', 'work']);
});

test('[T9] what is expected of a callback at the end of a turn is done at that end', async () => {
  for (const isExpected of [true, false]) {
    const { world, turnEnd, done } = stage();
    const { clock } = world.machine('n1').capabilities;
    clock.afterTurn(() => {
      clock.afterTurn(() => done.push('next turn'));
      turnEnd.later(() => done.push('work'));
    });
    if (isExpected) turnEnd.expect();
    await world.runFor(1);
    assert.deepEqual(done, isExpected ? ['work', 'next turn'] : ['next turn', 'work']);
  }
});

test('[T9] an end of the turn within another one loses nothing and repeats nothing', async () => {
  const { world, turnEnd, done } = stage();
  turnEnd.later(() => {
    done.push('a');
    turnEnd.later(() => done.push('c'));
    turnEnd.flush();
    turnEnd.later(() => done.push('d'));
    turnEnd.flush();
    turnEnd.later(() => done.push('e'));
  });
  turnEnd.later(() => done.push('b'));
  await world.runFor(1);
  assert.deepEqual(done, ['a', 'c', 'd', 'b', 'e']);
});

test('[T9] work that comes up again and again does not keep a turn from ending', () => {
  const { turnEnd, done } = stage();
  const again = {
    isDirty: false,
    flush: () => {
      done.push('again');
      if (done.length < 50) turnEnd.add(again);
    },
  };
  turnEnd.later(() => {
    turnEnd.add(again);
    turnEnd.flush();
  });
  turnEnd.flush();
  assert.deepEqual(done, ['again']);
});
