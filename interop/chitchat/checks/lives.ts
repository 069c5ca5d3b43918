import { LEAVING_KEY } from '../../../src/core/gossip/index.ts';
import { converged, forgot, seesDead, seesLive } from '../agreement.ts';
import type { Arena } from '../arena.ts';
import { until } from '../until.ts';
import type { Check } from './check.ts';

const JOIN_MS = 6_000;
const DEATH_MS = 8_000;
const DEAD_GRACE_MS = 2_000;

export const lives: readonly Check[] = [
  {
    name: 'suspended peers of both kinds are declared dead and live again on return',
    run: suspend,
  },
  { name: 'restarted peers of both kinds live on under their new generation only', run: restart },
  { name: 'a Parley member that leaves tells the others, and dies to the Rust peers', run: leave },
  { name: 'three Rust peers and three Parley members become one cluster', run: sixBecomeOne },
];

async function suspend(arena: Arena): Promise<void> {
  const rust = await arena.rust('rust');
  const parley = await arena.parley('parley', { seeds: [rust] });
  const rustSleeper = await arena.rust('rust-sleeper', { seeds: [parley] });
  const parleySleeper = await arena.parley('parley-sleeper', { seeds: [rust] });
  const all = [rust, parley, rustSleeper, parleySleeper];
  await until('four to see four', JOIN_MS, () => converged(all));
  const sleepers = [rustSleeper, parleySleeper];
  for (const sleeper of sleepers) sleeper.freeze();
  for (const observer of [rust, parley]) {
    await until(`${observer.nodeId} to see two left`, DEATH_MS, () =>
      seesLive(observer, [rust, parley]),
    );
    for (const { id } of sleepers) {
      await until(`${observer.nodeId} to list ${id} dead`, 1_000, () => seesDead(observer, id));
    }
  }
  await rust.set([['written', 'while they slept']]);
  for (const sleeper of sleepers) sleeper.thaw();
  await until('four to see four again', JOIN_MS, () => converged(all));
}

async function restart(arena: Arena): Promise<void> {
  const grace = { deadGraceMs: DEAD_GRACE_MS };
  const rust = await arena.rust('rust', grace);
  const parley = await arena.parley('parley', { ...grace, seeds: [rust] });
  const [oldRust, oldParley] = [
    await arena.rust('rust-phoenix', { ...grace, seeds: [parley], generation: 2n ** 60n }),
    await arena.parley('parley-phoenix', { ...grace, seeds: [rust] }),
  ];
  for (const old of [oldRust, oldParley]) await old.set([['life', 'first']]);
  await until('four to see four', JOIN_MS, () => converged([rust, parley, oldRust, oldParley]));
  await Promise.all([oldRust.kill(), oldParley.kill()]);
  const generation = 2n ** 60n + 1n;
  const { address } = oldRust;
  const newRust = await arena.rust('rust-phoenix', {
    ...grace,
    seeds: [rust],
    address,
    generation,
  });
  const newParley = await arena.parley('parley-phoenix', {
    ...grace,
    seeds: [parley],
    address: oldParley.address,
  });
  for (const reborn of [newRust, newParley]) await reborn.set([['life', 'second']]);
  const all = [rust, parley, newRust, newParley];
  await until('four to see the new four only', DEATH_MS, () => converged(all));
  for (const observer of [rust, parley]) {
    for (const { id } of [oldRust, oldParley]) {
      await until(`${observer.nodeId} to forget ${id}`, DEATH_MS, () => forgot(observer, id));
    }
  }
}

async function leave(arena: Arena): Promise<void> {
  const rust = await arena.rust('rust');
  // So patient that silence alone cannot be why it sees the leaver dead within a second.
  const parley = await arena.parley('parley', { seeds: [rust], initialIntervalMs: 5_000 });
  const leaver = await arena.parley('leaver', { seeds: [rust] });
  await until('three to see three', JOIN_MS, () => converged([rust, parley, leaver]));
  await leaver.leave();
  await until('the other Parley member to see it dead at once', 1_000, () =>
    seesDead(parley, leaver.id),
  );
  const farewell = (await rust.view()).nodes.get(leaver.id)?.entries.get(LEAVING_KEY);
  if (farewell?.status !== 'Set') throw new Error('the Rust peer did not get the farewell key');
  await until('the Rust peer to see it dead', DEATH_MS, () => seesDead(rust, leaver.id));
}

async function sixBecomeOne(arena: Arena): Promise<void> {
  const seed = await arena.rust('rust-0');
  const otherSeed = await arena.parley('parley-0', { seeds: [seed] });
  const rest = await Promise.all([
    arena.rust('rust-1', { seeds: [otherSeed] }),
    arena.rust('rust-2', { seeds: [seed] }),
    arena.parley('parley-1', { seeds: [seed] }),
    arena.parley('parley-2', { seeds: [otherSeed] }),
  ]);
  const all = [seed, otherSeed, ...rest];
  await Promise.all(
    all.map((peer) =>
      peer.set([
        ['color', peer.nodeId],
        ['shape', 'round'],
      ]),
    ),
  );
  await until('six to see six and agree', 8_000, () => converged(all));
  await Promise.all(all.map((peer) => peer.set([['color', `${peer.nodeId}, repainted`]])));
  await Promise.all(all.map((peer) => peer.delete(['shape'])));
  await until('six to agree on the changes', 6_000, () => converged(all));
}
