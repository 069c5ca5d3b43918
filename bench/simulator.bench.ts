// How fast virtual time passes when nothing happens in it: the ceiling of every simulation.

import { World } from '../sim/index.ts';

const TIMERS = 1_000;
const EVENTS = 2_000_000;
/** The figure to meet. */
const EVENTS_PER_SECOND_MIN = 1_000_000;

/** A world in which `TIMERS` timers set themselves again for ever. */
function ticking(): World {
  const world = new World({ seed: 1 });
  const { clock, random } = world.machine('n1').capabilities;
  const tick = (): void => void clock.setTimer(random.below(1_000), tick);
  for (let i = 0; i < TIMERS; i++) tick();
  return world;
}

/** Simulated milliseconds that hold about `EVENTS` events. */
const DURATION_MS = (EVENTS / TIMERS) * 500;

const world = ticking();
await world.runFor(DURATION_MS);
const before = world.events;
const started = performance.now();
await world.runFor(DURATION_MS);
const perSecond = ((world.events - before) * 1_000) / (performance.now() - started);
console.log(
  `${Math.round(perSecond).toLocaleString('en')} empty events/s, promises drained after each`,
);
if (perSecond < EVENTS_PER_SECOND_MIN) {
  console.error(`below ${EVENTS_PER_SECOND_MIN.toLocaleString('en')} events/s`);
  process.exitCode = 1;
}
