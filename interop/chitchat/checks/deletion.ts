import { converged, sameStates, valueSeen } from '../agreement.ts';
import type { CorePeer } from '../core-peer.ts';
import type { Peer } from '../peer.ts';
import type { RustPeer } from '../rust-peer.ts';
import { until } from '../until.ts';
import { nodeOf } from '../view.ts';
import type { Check } from './check.ts';

const SPREAD_MS = 6_000;
const KEY_GRACE_MS = 2_000;

export const deletion: readonly Check[] = [
  {
    name: 'a deleted key leaves a tombstone on both sides and is then purged from both',
    run: async (arena) => {
      const rust = await arena.rust('rust', { keyGraceMs: KEY_GRACE_MS });
      const parley = await arena.parley('parley', { keyGraceMs: KEY_GRACE_MS, seeds: [rust] });
      await goThroughLife([rust, parley], async (peer) => await peer.delete(['doomed']), 'Delete');
    },
  },
  {
    name: 'a key deleted after its TTL stays readable until it is purged from both sides',
    run: async (arena) => {
      const rust = await arena.rust('rust', { keyGraceMs: KEY_GRACE_MS });
      const core = await arena.core('core', { keyGraceMs: KEY_GRACE_MS, seeds: [rust] });
      const both: (RustPeer | CorePeer)[] = [rust, core];
      await goThroughLife(both, (peer) => peer.deleteAfterTtl(['doomed']), 'DeleteAfterTtl');
    },
  },
  {
    name: 'a key set with a TTL is readable on both sides until it is purged from both',
    run: async (arena) => {
      const rust = await arena.rust('rust', { keyGraceMs: KEY_GRACE_MS });
      const core = await arena.core('core', { keyGraceMs: KEY_GRACE_MS, seeds: [rust] });
      const both: (RustPeer | CorePeer)[] = [rust, core];
      const mark = (peer: RustPeer | CorePeer): Promise<void> =>
        peer.setWithTtl([['doomed', 'soon gone']]);
      await goThroughLife(both, mark, 'DeleteAfterTtl');
    },
  },
];

/** Two keys are set, `doomed` is marked, the mark is seen by both, then nothing is left of it. */
async function goThroughLife<P extends Peer>(
  both: readonly P[],
  mark: (peer: P) => Promise<void>,
  status: 'Delete' | 'DeleteAfterTtl',
): Promise<void> {
  for (const peer of both)
    await peer.set([
      ['doomed', 'still here'],
      ['kept', 'for good'],
    ]);
  await until('the keys to arrive', SPREAD_MS, () => converged(both));
  for (const peer of both) await mark(peer);
  await until(`both to see ${status}`, KEY_GRACE_MS, () => seeMark(both, status));
  await until('the purge on both sides', KEY_GRACE_MS + SPREAD_MS, () => sawPurge(both));
  await until('equal states after the purge', SPREAD_MS, () => sameStates(both));
}

async function seeMark(both: readonly Peer[], status: string): Promise<string | undefined> {
  for (const observer of both) {
    const view = await observer.view();
    for (const owner of both) {
      const entry = view.nodes.get(owner.id)?.entries.get('doomed');
      if (entry?.status !== status) {
        return `${observer.nodeId} sees ${JSON.stringify(entry)} at ${owner.nodeId}`;
      }
      const value = await valueSeen(observer, owner, 'doomed');
      if ((value === undefined) !== (status === 'Delete')) return `its value is ${value}`;
    }
  }
  return undefined;
}

async function sawPurge(both: readonly Peer[]): Promise<string | undefined> {
  for (const observer of both) {
    const view = await observer.view();
    for (const owner of both) {
      const node = nodeOf(view, owner.id);
      const marked = node.entries.get('doomed');
      if (marked !== undefined) return `${observer.nodeId} keeps ${JSON.stringify(marked)}`;
      // The mark was the last write, so the purge raises the watermark to the newest version.
      if (node.lastGcVersion !== node.maxVersion) return `${observer.nodeId} purged nothing`;
    }
  }
  return undefined;
}
