import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../sim/index.ts';
import { Rounds } from './rounds.ts';

interface Beats {
  readonly world: World;
  readonly rounds: Rounds;
  readonly atMs: number[];
}

function start(onRound: () => void = () => {}): Beats {
  const world = new World({ seed: 1 });
  const { clock } = world.machine('n1').capabilities;
  const atMs: number[] = [];
  const zeroMs = clock.monotonicMs();
  const rounds = new Rounds(clock, 500, () => {
    atMs.push(Math.round(clock.monotonicMs() - zeroMs));
    onRound();
  });
  rounds.start();
  return { world, rounds, atMs };
}

test('the first round is at once, the others every interval from there', async () => {
  const { world, atMs } = start();
  assert.deepEqual(atMs, [0]);
  await world.runFor(2_100);
  assert.deepEqual(atMs, [0, 500, 1000, 1500, 2000]);
});

test('rounds missed in a pause are dropped, and the beat stays where it was', async () => {
  const { world, atMs } = start();
  await world.runFor(600);
  world.machine('n1').pause();
  await world.runFor(2_150);
  world.machine('n1').resume();
  await world.runFor(1_000);
  // The round due at 1,000 runs late, at 2,750; those of 1,500 to 2,500 are gone.
  assert.deepEqual(atMs, [0, 500, 2750, 3000, 3500]);
});

test('nothing beats after stop, not even when a round itself stops the rounds', async () => {
  const { world, rounds, atMs } = start();
  await world.runFor(600);
  rounds.stop();
  await world.runFor(2_000);
  assert.equal(atMs.length, 2);

  let stop = (): void => {};
  const inside = start(() => stop());
  stop = () => inside.rounds.stop();
  await inside.world.runFor(2_000);
  assert.deepEqual(inside.atMs, [0, 500]);
});
