// Own writes that count for later than the own clock said, since another node's entry of the key
// did. Mostly that is a node whose clock is ahead. But it can be a lie that its supposed owner has
// gone beyond meanwhile: then nothing is left that the write had to win over, and it comes back to
// the time at which it was written [G44].

import { LIMITS } from '../../base/limits.ts';
import type { Entry } from './entry-table.ts';
import type { NodeState } from './node-state.ts';
import type { Roster } from './roster.ts';
import { CLOCK_ERROR, Ranks } from './versions.ts';

const { aheadRivalsMax, aheadWritesMax, looksPerRoundMax } = LIMITS.gossip;

/** Of a key that is deleted and set again and again. */
const DELETIONS_MAX = 8;

/** A write that nothing is left for, and what it counts for without. */
interface Found {
  readonly key: string;
  readonly write: AheadWrite;
  readonly founded: number;
}

interface AheadWrite {
  readonly rank: number;
  /** What it would have counted for without the entries that were ahead. */
  readonly rankByClock: number;
  readonly rivals: readonly Rival[];
  /** At the last look, then, nothing was left that the write had to win over. */
  doubtedAtMs: number | undefined;
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
  /** The rest of a look that takes several rounds, and what it has found. */
  #rest: Iterator<[string, AheadWrite]> | undefined;
  #found: Found[] = [];

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
    const hasRoom = this.#writes.has(key) || this.#writes.size < aheadWritesMax;
    if (!hasRoom || rivals.length > aheadRivalsMax) {
      // Not watched: it keeps its rank. To come back below a rival left out would lose it.
      this.#writes.delete(key);
      return;
    }
    const seen = others
      .filter((other) => !clock.isAhead(other.rank))
      .map((other) => other.rank + 1);
    const rankByClock = seen.reduce((a, b) => Math.max(a, b), clock.present);
    this.#writes.set(key, { rank, rankByClock, rivals, doubtedAtMs: undefined });
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
    return this.#roster.everLive().flatMap((state) => {
      const entry = state.table.find(key);
      if (entry === undefined) return [];
      return [{ state, entry, rank: new Ranks(state.table).of(entry) }];
    });
  }

  /** The writes that come back now, by key, and what they count for from then on. */
  takeUnfounded(): ReadonlyMap<string, number> {
    const { nowMs } = this.#roster;
    const unfounded = new Map<string, number>();
    if (this.#rest === undefined) {
      if (this.#writes.size === 0 || nowMs - this.#lookedAtMs < this.#lookEveryMs) return unfounded;
      this.#lookedAtMs = nowMs;
      this.#rest = this.#writes.entries();
    }
    if (this.#lookOn(this.#rest) === 'notDone') return unfounded;
    this.#rest = undefined;
    const ranks = new Ranks(this.#roster.self.table);
    // All at once: each time peers are told the whole state anew.
    for (const { key, write, founded } of this.#found) {
      if (this.#writes.get(key) !== write || !this.#isAhead(key, write, ranks)) continue;
      unfounded.set(key, founded);
      this.#writes.delete(key);
    }
    this.#found = [];
    return unfounded;
  }

  /** Looks at some more of the writes: no longer in a round than others can wait. */
  #lookOn(rest: Iterator<[string, AheadWrite]>): 'done' | 'notDone' {
    const { nowMs } = this.#roster;
    const ranks = new Ranks(this.#roster.self.table);
    const looksPerWrite = this.#roster.everLive().length + 1;
    for (let looks = 0; looks < looksPerRoundMax; looks += looksPerWrite) {
      const next = rest.next();
      if (next.done === true) return 'done';
      const [key, write] = next.value;
      if (!this.#isAhead(key, write, ranks)) {
        this.#writes.delete(key);
        continue;
      }
      const founded = this.#rankFounded(key, write);
      const isUnfounded = founded + CLOCK_ERROR < write.rank;
      const sinceMs = isUnfounded ? (write.doubtedAtMs ?? nowMs) : undefined;
      write.doubtedAtMs = sinceMs;
      // Twice: while a state is told anew, a part of it can be missing.
      if (sinceMs === undefined || nowMs - sinceMs < this.#lookEveryMs) continue;
      this.#found.push({ key, write, founded });
    }
    return 'notDone';
  }

  /** Whether the entry is still what was noted, and the clock has not caught up with it. */
  #isAhead(key: string, { rank }: AheadWrite, ranks: Ranks): boolean {
    const own = this.#roster.self.table.find(key);
    return own !== undefined && ranks.of(own) === rank && this.#roster.clock.isAhead(rank);
  }

  /** What wins over all that is there still of what it had to win over. */
  #rankFounded(key: string, { rank, rankByClock, rivals }: AheadWrite): number {
    let founded = rankByClock;
    for (const other of this.#findOthers(key)) {
      if (other.rank >= rank || other.rank < founded) continue;
      if (rivals.some((rival) => isLeftOf(rival, other))) founded = other.rank + 1;
    }
    return founded;
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
