// What the cluster says of a key: the last of all the writes that live nodes hold [G20].

import { LIFE } from './columns.ts';
import type { NodeState } from './node-state.ts';
import type { Roster } from './roster.ts';
import type { Winner } from './types.ts';
import { Ranks } from './versions.ts';

/** For every key that is not deleted, the value with the greatest rank, then greatest id. */
export function findWinners(roster: Roster): Map<string, Winner> {
  const { life } = roster.columns;
  const live = roster.order().states.filter((state) => life[state.slot] === LIFE.live);
  const deletions = findDeletions(live);
  const winners = new Map<string, Winner>();
  // States come in id order, so at equal ranks the later one is the greater id.
  for (const [position, state] of live.entries()) {
    const ranks = new Ranks(state.table);
    for (const entry of state.table.after(0)) {
      const { key, value, version, status } = entry;
      if (status === 'deleted') continue;
      const rank = ranks.of(entry);
      if (rank < (winners.get(key)?.rank ?? 0)) continue;
      const deletion = deletions.get(key);
      if (deletion !== undefined && isBefore(rank, position, deletion)) continue;
      winners.set(key, { value, owner: state.id, version, rank });
    }
  }
  return winners;
}

interface Deletion {
  readonly rank: number;
  /** Of the deleter among the live nodes. */
  readonly position: number;
}

function findDeletions(live: readonly NodeState[]): Map<string, Deletion> {
  const deletions = new Map<string, Deletion>();
  for (const [position, state] of live.entries()) {
    if (!state.table.hasMarks) continue;
    const ranks = new Ranks(state.table);
    for (const entry of state.table.after(0)) {
      if (entry.status !== 'deleted') continue;
      const rank = ranks.of(entry);
      if (rank >= (deletions.get(entry.key)?.rank ?? 0)) {
        deletions.set(entry.key, { rank, position });
      }
    }
  }
  return deletions;
}

function isBefore(rank: number, position: number, deletion: Deletion): boolean {
  if (rank !== deletion.rank) return rank < deletion.rank;
  return position < deletion.position;
}
