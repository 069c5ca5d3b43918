// Own writes that count for later than the own clock said, since another node's entry of the key
// did. Mostly that is a node whose clock is ahead. But it can be a lie that its supposed owner has
// gone beyond meanwhile: then nothing is left that the write had to win over, and it comes back to
// the time at which it was written [G44].

import type { Entry } from './entry-table.ts';
import type { NodeState } from './node-state.ts';
import { type Roster, SELF_SLOT } from './roster.ts';
import { CLOCK_ERROR, Ranks } from './versions.ts';

/** Of a key that is deleted and set again and again. */
const DELETIONS_MAX = 8;

interface AheadWrite {
  readonly rank: number;
  /** What it would have counted for without the entries that were ahead. */
  readonly rankByClock: number;
  readonly rivals: readonly Rival[];
  /** At the last look nothing was left that the write had to win over. */
  isDoubted: boolean;
}

/** An entry of the key that was ahead of the clock when the own one was written. */
interface Rival {
  readonly state: NodeState;
  readonly entry: Entry;
  readonly rank: number;
}

export class AheadWrites {
  readonly #roster: Roster;
  readonly #lookEveryMs: number;
  readonly #writes = new Map<string, AheadWrite>();
  #lookedAtMs = Number.NEGATIVE_INFINITY;

  constructor(roster: Roster, lookEveryMs: number) {
    this.#roster = roster;
    this.#lookEveryMs = lookEveryMs;
  }

  /** The key was written in place of `replaced`, and counts for `rank`. */
  note(key: string, rank: number, replaced: Entry | undefined): void {
    const { clock } = this.#roster;
    if (!clock.isAhead(rank)) {
      if (this.#writes.size > 0) this.#writes.delete(key);
      return;
    }
    const others = this.#findOthers(key);
    const rivals = others.filter((other) => clock.isAhead(other.rank));
    rivals.push(...this.#findOwnDeletions(key, replaced));
    const seen = others
      .filter((other) => !clock.isAhead(other.rank))
      .map((other) => other.rank + 1);
    const rankByClock = Math.max(clock.present, ...seen);
    this.#writes.set(key, { rank, rankByClock, rivals, isDoubted: false });
  }

  /** Whoever follows one of them later may do so with its rank. */
  #findOwnDeletions(key: string, replaced: Entry | undefined): Rival[] {
    const state = this.#roster.self;
    const before = this.#writes.get(key)?.rivals ?? [];
    const deletions = before.filter(({ entry }) => entry.status === 'deleted');
    if (replaced?.status === 'deleted') {
      deletions.push({ state, entry: replaced, rank: new Ranks(state.table).of(replaced) });
    }
    return deletions.slice(-DELETIONS_MAX);
  }

  #findOthers(key: string): Rival[] {
    const { lived } = this.#roster.columns;
    return this.#roster.order().states.flatMap((state) => {
      if (state.slot === SELF_SLOT || lived[state.slot] === 0) return [];
      const entry = state.table.find(key);
      if (entry === undefined) return [];
      return [{ state, entry, rank: new Ranks(state.table).of(entry) }];
    });
  }

  /** The writes that come back now, by key, and what they count for from then on. */
  takeUnfounded(): ReadonlyMap<string, number> {
    const { nowMs } = this.#roster;
    const unfounded = new Map<string, number>();
    if (this.#writes.size === 0 || nowMs - this.#lookedAtMs < this.#lookEveryMs) return unfounded;
    this.#lookedAtMs = nowMs;
    const ranks = new Ranks(this.#roster.self.table);
    for (const [key, write] of this.#writes) {
      const own = this.#roster.self.table.find(key);
      if (own === undefined || !this.#isAhead(own, write, ranks)) {
        this.#writes.delete(key);
        continue;
      }
      const founded = Math.max(write.rankByClock, ...this.#ranksLeft(key, write));
      const isUnfounded = founded + CLOCK_ERROR < write.rank;
      // Twice: while a state is told anew, a part of it can be missing.
      if (isUnfounded && write.isDoubted) unfounded.set(key, founded);
      write.isDoubted = isUnfounded;
    }
    for (const key of unfounded.keys()) this.#writes.delete(key);
    return unfounded;
  }

  /** Whether the entry is still what was noted, and the clock has not caught up with it. */
  #isAhead(own: Entry, { rank }: AheadWrite, ranks: Ranks): boolean {
    return ranks.of(own) === rank && this.#roster.clock.isAhead(rank);
  }

  /** What wins over all that is there still of what it had to win over. */
  #ranksLeft(key: string, { rank, rivals }: AheadWrite): number[] {
    return this.#findOthers(key).flatMap((other) => {
      const isLeft = other.rank < rank && rivals.some((rival) => isLeftOf(rival, other));
      return isLeft ? [other.rank + 1] : [];
    });
  }
}

/**
 * Whether an entry is a rival as it is now, or follows the deletion that the rival was [G39]. A
 * later write is none that the own one had to win over. Of a deletion that came back itself and a
 * later one of that node, both told anew, nothing says which it is: what was seen must be beaten.
 */
function isLeftOf(rival: Rival, { entry, rank, state }: Rival): boolean {
  if (entry.status !== rival.entry.status) return false;
  const isSameNode = state === rival.state;
  if (entry.status !== 'deleted') return isSameNode && entry.value === rival.entry.value;
  if (rank === rival.rank || entry.value === `${rival.rank}`) return true;
  return isSameNode && entry.value !== '' && rank < rival.rank;
}
