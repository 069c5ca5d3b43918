// What peers are expected to agree on, as questions for `until`: each answers what is missing.

import type { Peer } from './peer.ts';
import { difference, nodeOf } from './view.ts';

/** `observer` counts exactly these peers as live, itself included. */
export async function seesLive(
  observer: Peer,
  expected: readonly Peer[],
): Promise<string | undefined> {
  const { live, dead } = await observer.view();
  const wanted = sorted(expected.map((peer) => peer.id));
  if (sorted(live) === wanted) return undefined;
  return `${observer.nodeId} sees live: ${sorted(live)}\n  dead: ${sorted(dead)}\n  not: ${wanted}`;
}

export async function seesDead(observer: Peer, id: string): Promise<string | undefined> {
  const { live, dead } = await observer.view();
  if (dead.includes(id) && !live.includes(id)) return undefined;
  return `${observer.nodeId} sees ${id} ${live.includes(id) ? 'live' : 'neither live nor dead'}`;
}

export async function forgot(observer: Peer, id: string): Promise<string | undefined> {
  const { live, dead, nodes } = await observer.view();
  if (!nodes.has(id) && !live.includes(id) && !dead.includes(id)) return undefined;
  return `${observer.nodeId} still knows ${id}`;
}

/** Every peer tells of every peer what that peer tells of itself: keys, versions, statuses. */
export async function sameStates(peers: readonly Peer[]): Promise<string | undefined> {
  const views = await Promise.all(peers.map((peer) => peer.view()));
  for (const [i, owner] of peers.entries()) {
    const own = nodeOf(views[i] as (typeof views)[number], owner.id);
    for (const [j, observer] of peers.entries()) {
      const differs = difference(own, views[j]?.nodes.get(owner.id));
      if (differs !== undefined) return `${observer.nodeId} about ${owner.nodeId}: ${differs}`;
    }
  }
  return undefined;
}

/** Everyone lives in everyone's eyes, and all states agree. */
export async function converged(peers: readonly Peer[]): Promise<string | undefined> {
  for (const observer of peers) {
    const lack = await seesLive(observer, peers);
    if (lack !== undefined) return lack;
  }
  return await sameStates(peers);
}

/** The value `observer` has under `key` of `owner`; tombstones have none. */
export async function valueSeen(
  observer: Peer,
  owner: Peer,
  key: string,
): Promise<string | undefined> {
  const { nodes } = await observer.view();
  const entry = nodes.get(owner.id)?.entries.get(key);
  return entry === undefined || entry.status === 'Delete' ? undefined : entry.value;
}

function sorted(ids: readonly string[]): string {
  return ids.toSorted().join(', ');
}
