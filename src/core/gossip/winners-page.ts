// The winners of all keys [G20] page by page, for readers that must not hold up the member: what a
// page costs depends on its size and the number of nodes, not on how many keys there are.

import { compareText } from '../../base/bytes.ts';
import { LIFE } from './columns.ts';
import type { Roster } from './roster.ts';
import type { WonKey } from './types.ts';
import { Ranks } from './versions.ts';

/** Entries looked at for one page: a millisecond or two. Deleted keys can be a million in a row. */
const LOOKS_MAX = 4_096;

interface Best {
  readonly rank: number;
  /** Undefined if the key is deleted. */
  readonly value: string | undefined;
}

/**
 * Each live node gives its first `count` keys behind `after`, so the first `count` distinct ones of
 * them all are complete: A gives a, c, e and B gives b, c, d; of these a, b, c are the first three,
 * and no node has anything in between that it did not give. A page in which all winners were
 * deleted is not the last one, so the search goes on until there is one winner or no key, or it has
 * looked at so many that others must have their turn: then the last of them is the page.
 */
export function pageOfWinners(
  roster: Roster,
  prefix: string,
  after: string | undefined,
  count: number,
): readonly WonKey[] {
  let behind = after;
  let looks = 0;
  for (;;) {
    const { bests, full, looked } = collect(roster, prefix, behind, count);
    const keys = [...bests.keys()].sort(compareText).slice(0, count);
    const won: WonKey[] = [];
    for (const key of keys) {
      const best = bests.get(key);
      if (best?.value !== undefined) won.push({ key, value: best.value });
    }
    if (won.length > 0 || !full) return won;
    behind = keys.at(-1) as string;
    looks += looked;
    if (looks >= LOOKS_MAX) return [{ key: behind, value: undefined }];
  }
}

/** The best entry of every key given. */
function collect(
  roster: Roster,
  prefix: string,
  after: string | undefined,
  count: number,
): { readonly bests: Map<string, Best>; readonly full: boolean; readonly looked: number } {
  const { life } = roster.columns;
  const bests = new Map<string, Best>();
  let looked = 0;
  for (const { slot, table } of roster.order().states) {
    if (life[slot] !== LIFE.live) continue;
    const ranks = new Ranks(table);
    for (const entry of table.page(prefix, after, count)) {
      looked += 1;
      const rank = ranks.of(entry);
      // States come in id order, so at equal ranks the later one is the greater id.
      if (rank < (bests.get(entry.key)?.rank ?? 0)) continue;
      const value = entry.status === 'deleted' ? undefined : entry.value;
      bests.set(entry.key, { rank, value });
    }
  }
  return { bests, full: bests.size >= count, looked };
}
