// What the cluster says of a key: the last of all the writes that live nodes hold [G20].

import { LIFE } from './columns.ts';
import type { Entry } from './entry-table.ts';
import type { NodeState } from './node-state.ts';
import type { Roster } from './roster.ts';
import type { Winner } from './types.ts';
import { rankOf } from './versions.ts';

/** For every key that is not deleted, the value with the highest version, then greatest id. */
export function findWinners(roster: Roster): Map<string, Winner> {
  const { life } = roster.columns;
  const live = roster.order().states.filter((state) => life[state.slot] === LIFE.live);
  const deletions = findDeletions(live);
  const winners = new Map<string, Winner>();
  // States come in id order, so at equal versions the later one is the greater id.
  for (const [position, state] of live.entries()) {
    for (const entry of state.table.after(0)) {
      const { key, value, version, status } = entry;
      if (status === 'deleted' || version < (winners.get(key)?.version ?? 0)) continue;
      const deletion = deletions.get(key);
      if (deletion !== undefined && isBefore(entry, position, deletion)) continue;
      winners.set(key, { value, owner: state.id, version });
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
    for (const entry of state.table.after(0)) {
      if (entry.status !== 'deleted') continue;
      const rank = rankOf(entry);
      if (rank >= (deletions.get(entry.key)?.rank ?? 0)) {
        deletions.set(entry.key, { rank, position });
      }
    }
  }
  return deletions;
}

function isBefore(entry: Entry, position: number, deletion: Deletion): boolean {
  if (entry.version !== deletion.rank) return entry.version < deletion.rank;
  return position < deletion.position;
}
