import { LIMITS } from '../../../src/base/limits.ts';
import { converged, sameStates, valueSeen } from '../agreement.ts';
import type { Entries, Peer } from '../peer.ts';
import { until } from '../until.ts';
import type { Check } from './check.ts';

const SPREAD_MS = 6_000;
const LARGE_STATE_KEYS = 5_000;
/** Chitchat has no limit, but a datagram has: a longer value would never be sent. */
const RUST_VALUE_BYTES = 60_000;

/** Values that a careless codec breaks: none, many bytes per character, line ends, a NUL. */
const DIFFICULT: Entries = [
  ['empty', ''],
  ['greek', 'γνῶθι σεαυτόν'],
  ['emoji', '🦜 ünïcödé 例え'],
  ['a key with blanks & signs = %25 +', 'a value with "quotes" \\ and\nlines'],
  ['kλειδί', 'the key too'],
  ['nul', 'a\u0000b\uFEFF'],
];

export const keys: readonly Check[] = [
  {
    name: 'keys and their updates travel both ways with equal versions',
    run: async (arena) => {
      const rust = await arena.rust('rust');
      const parley = await arena.parley('parley', { seeds: [rust] });
      const both = [rust, parley];
      for (const peer of both) await peer.set(DIFFICULT);
      await until('the first values to arrive', SPREAD_MS, () => converged(both));
      for (const peer of both) await peer.set([['greek', `updated by ${peer.nodeId}`]]);
      await until('the update to arrive', SPREAD_MS, () => sameStates(both));
      await expectValues(rust, parley, 'updated by parley');
      await expectValues(parley, rust, 'updated by rust');
    },
  },
  {
    name: 'the longest values of both sides travel',
    run: async (arena) => {
      const rust = await arena.rust('rust');
      const core = await arena.core('core', { seeds: [rust] });
      const both = [rust, core];
      await rust.set([['large', noise(RUST_VALUE_BYTES)]]);
      await core.set([['large', noise(LIMITS.gossip.valueBytesMax)]]);
      await until('the large values to arrive', SPREAD_MS, () => converged(both));
    },
  },
  {
    name: `${LARGE_STATE_KEYS} keys of each side travel in compressed blocks`,
    run: async (arena) => {
      const rust = await arena.rust('rust');
      const core = await arena.core('core', { seeds: [rust] });
      const both = [rust, core];
      for (const peer of both) await peer.set(manyEntries(peer.nodeId));
      await until('all keys to arrive', SPREAD_MS, () => converged(both));
      const { compressed, decompressed } = core.blockCounts();
      if (compressed === 0 || decompressed === 0) {
        throw new Error(`blocks compressed: ${compressed}, decompressed: ${decompressed}`);
      }
    },
  },
  {
    name: `a newcomer takes over ${LARGE_STATE_KEYS} keys of a Rust peer and of a Parley member`,
    run: async (arena) => {
      const rust = await arena.rust('rust');
      const parley = await arena.parley('parley', { seeds: [rust] });
      for (const peer of [rust, parley]) await peer.set(manyEntries(peer.nodeId));
      const rustNewcomer = await arena.rust('rust-newcomer', { seeds: [parley] });
      const parleyNewcomer = await arena.parley('parley-newcomer', { seeds: [rust] });
      const all = [rust, parley, rustNewcomer, parleyNewcomer];
      await until('four equal states', 10_000, () => converged(all));
    },
  },
  {
    name: 'values that compress to next to nothing travel both ways, and to newcomers',
    run: async (arena) => {
      const rust = await arena.rust('rust');
      const core = await arena.core('core', { seeds: [rust] });
      const both = [rust, core];
      await until('both to meet', SPREAD_MS, () => converged(both));
      // Datagrams that unpack to five megabytes and more, were they not bounded.
      for (const peer of both) await peer.set(emptyEntries(peer.nodeId));
      await until('all keys to arrive', 20_000, () => converged(both));
      const rustNewcomer = await arena.rust('rust-newcomer', { seeds: [core] });
      const coreNewcomer = await arena.core('core-newcomer', { seeds: [rust] });
      const all = [...both, rustNewcomer, coreNewcomer];
      await until('four equal states', 20_000, () => converged(all));
    },
  },
  {
    name: 'a tombstone for a key that its member never had reaches Rust peers and harms nobody',
    run: async (arena) => {
      const rust = await arena.rust('rust');
      const core = await arena.core('core', { seeds: [rust] });
      const both = [rust, core];
      await rust.set([['shared', 'by rust']]);
      await until('the value to arrive', SPREAD_MS, () => converged(both));
      await core.delete(['shared', 'unknown']);
      await until('the tombstones to arrive', SPREAD_MS, () => converged(both));
      await rust.set([['shared', 'by rust again']]);
      await until('the value to arrive again', SPREAD_MS, () => converged(both));
    },
  },
];

/** As long as a member's values may be, and all the same letter. */
function emptyEntries(owner: string): Entries {
  const value = 'x'.repeat(LIMITS.gossip.valueBytesMax);
  return Array.from({ length: 290 }, (_, i) => [`${owner}-${i}`, value] as const);
}

async function expectValues(observer: Peer, owner: Peer, value: string): Promise<void> {
  const seen = await valueSeen(observer, owner, 'greek');
  if (seen !== value) throw new Error(`${observer.nodeId} reads ${seen} instead of ${value}`);
}

function manyEntries(owner: string): Entries {
  return Array.from(
    { length: LARGE_STATE_KEYS },
    (_, i) => [`key-${i}`, `value ${i} of ${owner}`] as const,
  );
}

/** Text that hardly compresses, the same in every run. */
function noise(length: number): string {
  let state = 1;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += state.toString(36);
  }
  return text.slice(0, length);
}
