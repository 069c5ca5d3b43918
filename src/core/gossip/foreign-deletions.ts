// Own values whose keys other nodes deleted. A tombstone of somebody else is gone after its grace,
// and the value would win again: so the value's own node deletes it, too. Not at once: a tombstone
// that its owner never made is healed by the owner within a few rounds, and must have cost nothing
// until then. And not unless the owner is heard meanwhile, or there is nobody to heal it [G39].

import { LIFE } from './columns.ts';
import type { Entry } from './entry-table.ts';
import type { NodeState } from './node-state.ts';
import type { Roster } from './roster.ts';
import type { GossipConfig } from './types.ts';
import { Ranks } from './versions.ts';

/** Rounds in which a node is heard while its tombstone stands, before an own value follows it. */
const ROUNDS_HEARD = 8;
/** Keys that every member has of its own: nobody deletes those of another. */
const PER_NODE_PREFIX = 'parley.';

interface Deletion {
  readonly state: NodeState;
  readonly tombstone: Entry;
  /** Of its node at the last round. */
  heartbeat: number;
  /** In which its node was heard since: it could have denied it. */
  rounds: number;
}

export class ForeignDeletions {
  readonly #roster: Roster;
  readonly #roundsHeard: number;
  readonly #graceMs: number;
  /** By node and key: each may be a lie, or not. */
  readonly #deletions = new Map<string, Deletion>();

  constructor(roster: Roster, { gossipIntervalMs, keyGraceMs }: GossipConfig) {
    this.#roster = roster;
    this.#graceMs = keyGraceMs;
    // It must happen while the tombstone is there.
    const graceRounds = Math.floor(keyGraceMs / gossipIntervalMs / 2);
    this.#roundsHeard = Math.max(1, Math.min(ROUNDS_HEARD, graceRounds));
  }

  /** A node has a tombstone now: does it delete a key that this node has? */
  note(state: NodeState, tombstone: Entry): void {
    if (tombstone.key.startsWith(PER_NODE_PREFIX)) return;
    if (this.#rankOver(state, tombstone) === undefined) return;
    const { heartbeat, slot } = state;
    this.#deletions.set(`${slot} ${tombstone.key}`, { state, tombstone, heartbeat, rounds: 0 });
  }

  /** Own values count for less than before: what deletes them now? */
  noteAgain(keys: Iterable<string>): void {
    for (const key of keys) {
      for (const state of this.#roster.order().states) {
        const entry = state.table.find(key);
        if (entry?.status === 'deleted' && state !== this.#roster.self) this.note(state, entry);
      }
    }
  }

  /** Once per round: the deletions to follow, by key, and their ranks. */
  takeDue(): ReadonlyMap<string, number> {
    const due = new Map<string, number>();
    for (const [place, deletion] of this.#deletions) {
      const { state, tombstone } = deletion;
      const stands = !this.#roster.isGone(state) && state.table.find(tombstone.key) === tombstone;
      const rank = stands ? this.#rankOver(state, tombstone) : undefined;
      if (rank === undefined) {
        this.#deletions.delete(place);
        continue;
      }
      if (state.heartbeat > deletion.heartbeat) deletion.rounds += 1;
      deletion.heartbeat = state.heartbeat;
      if (!this.#isToFollow(deletion, rank)) continue;
      this.#deletions.delete(place);
      due.set(tombstone.key, Math.max(rank, due.get(tombstone.key) ?? 0));
    }
    return due;
  }

  /** The tombstone's rank, if the own node has a value that it deletes. */
  #rankOver(state: NodeState, tombstone: Entry): number | undefined {
    const { table } = this.#roster.self;
    const own = table.find(tombstone.key);
    if (own === undefined || own.status === 'deleted') return undefined;
    const rank = new Ranks(state.table).of(tombstone);
    return rank < new Ranks(table).of(own) ? undefined : rank;
  }

  #isToFollow({ state, tombstone, rounds }: Deletion, rank: number): boolean {
    const { clock, columns, nowMs } = this.#roster;
    if (rounds < this.#roundsHeard || columns.life[state.slot] !== LIFE.live) return false;
    // One that went beyond a lie has time to come back first [G44].
    return !clock.isAhead(rank) || nowMs - tombstone.statusAtMs >= (3 * this.#graceMs) / 4;
  }
}
