// Own values whose keys other nodes deleted. A tombstone of somebody else is gone after its grace,
// and the value would win again: so the value's own node deletes it, too. But a tombstone can be a
// lie, and what is deleted is lost: so the node that it is said to come from is asked first [G39].

import type { SocketAddress } from '../../base/ids.ts';
import { LIFE } from './columns.ts';
import type { EntryCursor } from './delta-reader.ts';
import type { Entry } from './entry-table.ts';
import type { NodeState } from './node-state.ts';
import type { Roster } from './roster.ts';
import type { GossipConfig } from './types.ts';
import { Ranks } from './versions.ts';

/** Keys that every member has of its own: nobody deletes those of another. */
const PER_NODE_PREFIX = 'parley.';

interface Deletion {
  readonly state: NodeState;
  readonly tombstone: Entry;
  readonly rank: number;
  /** It may have been told anew since. */
  readonly sinceMs: number;
  /** The node itself has told it, when asked. */
  isConfirmed: boolean;
}

/** A node to ask for what it has behind a version. */
export interface Inquiry {
  readonly state: NodeState;
  readonly fromExcluded: number;
}

export class ForeignDeletions {
  readonly #roster: Roster;
  readonly #graceMs: number;
  /** By node and key: each may be a lie, or not. */
  readonly #deletions = new Map<string, Deletion>();
  /** Some were confirmed since the last look. */
  hasAnswers = false;

  constructor(roster: Roster, { keyGraceMs }: GossipConfig) {
    this.#roster = roster;
    this.#graceMs = keyGraceMs;
  }

  /** A node has a tombstone now: does it delete a key that this node has? */
  note(state: NodeState, tombstone: Entry): void {
    if (tombstone.key.startsWith(PER_NODE_PREFIX)) return;
    const rank = this.#rankOver(state, tombstone);
    if (rank === undefined) return;
    const place = `${state.slot} ${tombstone.key}`;
    const before = this.#deletions.get(place);
    const isToldAnew = before?.state === state && before.rank === rank;
    const sinceMs = isToldAnew ? before.sinceMs : this.#roster.nowMs;
    const isConfirmed = isToldAnew && before.isConfirmed;
    this.#deletions.set(place, { state, tombstone, rank, sinceMs, isConfirmed });
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

  /** The deletions to follow, by key, and their ranks. */
  takeDue(): ReadonlyMap<string, number> {
    this.hasAnswers = false;
    const due = new Map<string, number>();
    for (const [place, deletion] of this.#deletions) {
      const { state, tombstone } = deletion;
      const stands = !this.#roster.isGone(state) && state.table.find(tombstone.key) === tombstone;
      const rank = stands ? this.#rankOver(state, tombstone) : undefined;
      if (rank === undefined) {
        this.#deletions.delete(place);
        continue;
      }
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

  #isToFollow({ isConfirmed, sinceMs }: Deletion, rank: number): boolean {
    const { clock, nowMs } = this.#roster;
    if (!isConfirmed) return false;
    // One that went beyond a lie has time to come back first [G44].
    return !clock.isAhead(rank) || nowMs - sinceMs >= this.#graceMs / 2;
  }

  /** Once per round: a live node that is said to have deleted a key, the next one each time. */
  nextInquiry(): NodeState | undefined {
    for (const [place, deletion] of this.#deletions) {
      const { state, isConfirmed } = deletion;
      const isLive = this.#roster.columns.life[state.slot] === LIFE.live;
      // An earlier run of the own node may have had its address.
      if (isConfirmed || !isLive || state.id.address === this.#roster.self.id.address) continue;
      this.#deletions.delete(place);
      this.#deletions.set(place, deletion);
      return state;
    }
    return undefined;
  }

  /** What to ask a node that has just been heard from this address. */
  inquiryTo(from: SocketAddress): Inquiry | undefined {
    let inquiry: Inquiry | undefined;
    for (const { isConfirmed, state, tombstone } of this.#deletions.values()) {
      if (isConfirmed || state.id.address !== from) continue;
      if (this.#roster.columns.life[state.slot] !== LIFE.live) continue;
      if (inquiry !== undefined && inquiry.state !== state) continue;
      const fromExcluded = Math.min(tombstone.version - 1, inquiry?.fromExcluded ?? Infinity);
      inquiry = { state, fromExcluded };
    }
    return inquiry;
  }

  /** The node has told what it has up to a version: what is not among it, it never deleted. */
  takeAnswer({ state, fromExcluded }: Inquiry, told: EntryCursor, versionMax: number): void {
    const deleted = new Map<string, number>();
    while (told.next()) if (told.status === 'deleted') deleted.set(told.key(), told.version);
    for (const [place, deletion] of this.#deletions) {
      const { key, version } = deletion.tombstone;
      if (deletion.state !== state || version <= fromExcluded || version > versionMax) continue;
      if (deleted.get(key) === version) {
        deletion.isConfirmed = true;
        this.hasAnswers = true;
      } else this.#deletions.delete(place);
    }
  }
}
