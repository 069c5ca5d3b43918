import { converged, sameStates } from '../agreement.ts';
import type { Arena } from '../arena.ts';
import type { Peer } from '../peer.ts';
import { until } from '../until.ts';
import { nodeOf } from '../view.ts';
import type { Check } from './check.ts';

const SPREAD_MS = 6_000;
const KEY_GRACE_MS = 600;
const GRACE = { keyGraceMs: KEY_GRACE_MS };

export const resets: readonly Check[] = [
  {
    name: 'a newcomer takes over states that were purged before it came',
    run: async (arena) => {
      const rust = await arena.rust('rust', GRACE);
      const parley = await arena.parley('parley', { ...GRACE, seeds: [rust] });
      const owners = [rust, parley];
      for (const owner of owners)
        await owner.set([
          ['a', '1'],
          ['b', '2'],
          ['c', '3'],
        ]);
      for (const owner of owners) await owner.delete(['a', 'c']);
      await until('the owners to purge', SPREAD_MS, () => purged(owners, 'a'));
      const rustNewcomer = await arena.rust('rust-newcomer', { ...GRACE, seeds: [parley] });
      const parleyNewcomer = await arena.parley('parley-newcomer', { ...GRACE, seeds: [rust] });
      const all = [...owners, rustNewcomer, parleyNewcomer];
      await until('four equal states', SPREAD_MS, () => converged(all));
      await expectCatchups(rustNewcomer);
    },
  },
  {
    name: 'a Rust peer that slept through a purge at a Parley member is reset and agrees again',
    run: async (arena) => {
      const parley = await arena.parley('parley', GRACE);
      const rust = await arena.rust('rust', { ...GRACE, seeds: [parley] });
      await sleepThroughPurge(parley, rust);
      await expectCatchups(rust);
    },
  },
  {
    name: 'a Parley member that slept through a purge at a Rust peer is reset and agrees again',
    run: async (arena) => {
      const rust = await arena.rust('rust', GRACE);
      await sleepThroughPurge(rust, await arena.parley('parley', { ...GRACE, seeds: [rust] }));
    },
  },
  {
    name: 'a core that was cut off during a purge at a Rust peer reports one catch-up',
    run: cutOffDuringPurge,
  },
];

async function sleepThroughPurge(owner: Peer, sleeper: Peer): Promise<void> {
  const both = [owner, sleeper];
  await owner.set([
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ]);
  await until('the keys to arrive', SPREAD_MS, () => converged(both));
  sleeper.freeze();
  await owner.delete(['a']);
  await until('the owner to purge', KEY_GRACE_MS + SPREAD_MS, () => purged([owner], 'a'));
  sleeper.thaw();
  // Its newest version is purged, so that no entry carries it: it must be told by itself.
  await until('the sleeper to lose the purged key', SPREAD_MS, () => sameStates(both));
  await owner.set([['d', '4']]);
  await until('both to live again and to agree', SPREAD_MS, () => converged(both));
}

async function cutOffDuringPurge(arena: Arena): Promise<void> {
  const rust = await arena.rust('rust', GRACE);
  const core = await arena.core('core', { ...GRACE, seeds: [rust] });
  await sleepThroughPurge(rust, core);
  const catchups = core.catchups();
  if (catchups !== 1) throw new Error(`the core reported ${catchups} catch-ups`);
}

/** The owner has forgotten `key`, tombstone and all. */
async function purged(owners: readonly Peer[], key: string): Promise<string | undefined> {
  for (const owner of owners) {
    const own = nodeOf(await owner.view(), owner.id);
    if (own.entries.has(key) || own.lastGcVersion === 0) return `${owner.nodeId} keeps ${key}`;
  }
  return undefined;
}

async function expectCatchups(peer: {
  nodeId: string;
  catchups(): Promise<number>;
}): Promise<void> {
  if ((await peer.catchups()) === 0) throw new Error(`${peer.nodeId} was never reset`);
}
