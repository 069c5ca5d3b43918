// Own values whose keys other nodes deleted. A tombstone of somebody else is gone after its grace,
// and the value would win again: so the value's own node deletes it, too. But a tombstone can be a
// lie, and what is deleted is lost: so the node that it is said to come from is asked first [G39].
//
// Tombstones are in the tables of their nodes already. Here is one number per node that was ever
// seen alive: the version from which on it is still to be asked. Anybody can make up nodes and
// tombstones by the thousand; they cost as much as their entries do, and little time per round.

import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { LIFE } from './columns.ts';
import type { EntryCursor } from './delta-reader.ts';
import type { Entry } from './entry-table.ts';
import type { NodeState } from './node-state.ts';
import type { Roster } from './roster.ts';
import type { GossipConfig } from './types.ts';
import { Ranks } from './versions.ts';

const { aheadDeletionsMax, inquiriesPerRoundMax, looksPerRoundMax } = LIMITS.gossip;

/** Keys that every member has of its own: nobody deletes those of another. */
const PER_NODE_PREFIX = 'parley.';

/** Confirmed by its node, and so far ahead of the clock that it waits. */
interface AheadDeletion {
  readonly state: NodeState;
  readonly key: string;
  readonly rank: number;
  readonly sinceMs: number;
}

/** A node to ask for what it has behind a version. */
export interface Inquiry {
  readonly state: NodeState;
  readonly fromExcluded: number;
}

export class ForeignDeletions {
  readonly #roster: Roster;
  readonly #graceMs: number;
  /**
   * Nodes that may have deleted own values, by address, since that is where a question goes; and
   * up to which version there is nothing to ask. A node that restarted has two ids at one address.
   */
  readonly #suspects = new Map<SocketAddress, Map<NodeState, number>>();
  /** Confirmed ones to follow now, by key, and their ranks. */
  #due = new Map<string, number>();
  /** By node and key. */
  readonly #ahead = new Map<string, AheadDeletion>();
  #looksLeft = looksPerRoundMax;

  constructor(roster: Roster, { keyGraceMs }: GossipConfig) {
    this.#roster = roster;
    this.#graceMs = keyGraceMs;
  }

  /** Some were confirmed since they were last taken. */
  get hasAnswers(): boolean {
    return this.#due.size > 0;
  }

  /** A node has a tombstone now: does it delete a key that this node has? */
  note(state: NodeState, tombstone: Entry): void {
    // Nobody asks a node that was never alive. It is looked at when it comes alive.
    if (this.#roster.columns.lived[state.slot] === 0) return;
    if (this.#rankOver(state, tombstone) === undefined) return;
    this.#suspect(state, tombstone.version - 1);
  }

  /** A node was seen alive for the first time: what it was said to have deleted counts from now. */
  noteArrival(state: NodeState): void {
    if (state.table.hasMarks) this.#suspect(state, 0);
  }

  /**
   * Own values count for less than before: what deletes them now? Found in the rounds to come: to
   * look for thousands of keys at thousands of nodes at once would take a second.
   */
  noteAgain(): void {
    for (const state of this.#roster.everLive()) {
      if (state.table.hasMarks) this.#suspect(state, 0);
    }
  }

  #suspect(state: NodeState, fromExcluded: number): void {
    const { address } = state.id;
    // An earlier run of the own node may have had its address.
    if (address === this.#roster.self.id.address) return;
    const atAddress = this.#suspects.get(address) ?? new Map<NodeState, number>();
    this.#suspects.set(address, atAddress);
    atAddress.set(state, Math.min(fromExcluded, atAddress.get(state) ?? fromExcluded));
  }

  /** The deletions to follow, by key, and their ranks. */
  takeDue(): ReadonlyMap<string, number> {
    const due = this.#due;
    this.#due = new Map();
    for (const [place, { state, key, rank, sinceMs }] of this.#ahead) {
      const entry = this.#roster.isGone(state) ? undefined : state.table.find(key);
      // It may have been told anew since: then it is another entry of the same rank.
      const stands = entry !== undefined && this.#rankOver(state, entry) === rank;
      if (stands && this.#waits(rank, sinceMs)) continue;
      this.#ahead.delete(place);
      if (stands) due.set(key, Math.max(rank, due.get(key) ?? 0));
    }
    return due;
  }

  /** The tombstone's rank, if the own node has a value that it deletes. */
  #rankOver(state: NodeState, tombstone: Entry): number | undefined {
    if (tombstone.status !== 'deleted' || tombstone.key.startsWith(PER_NODE_PREFIX))
      return undefined;
    const { table } = this.#roster.self;
    const own = table.find(tombstone.key);
    if (own === undefined || own.status === 'deleted') return undefined;
    const rank = new Ranks(state.table).of(tombstone);
    return rank < new Ranks(table).of(own) ? undefined : rank;
  }

  /** One that went beyond a lie has time to come back first [G44]. */
  #waits(rank: number, sinceMs: number): boolean {
    const { clock, nowMs } = this.#roster;
    return clock.isAhead(rank) && nowMs - sinceMs < this.#graceMs / 2;
  }

  /** Once per round: live nodes that are said to have deleted a key, the next ones each time. */
  nextInquiries(): readonly SocketAddress[] {
    this.#looksLeft = looksPerRoundMax;
    const asked: SocketAddress[] = [];
    for (const address of this.#suspects.keys()) {
      if (asked.length === inquiriesPerRoundMax || this.#looksLeft <= 0) break;
      if (this.inquiryTo(address) !== undefined) asked.push(address);
    }
    for (const address of asked) {
      const atAddress = this.#suspects.get(address);
      if (atAddress === undefined) continue;
      this.#suspects.delete(address);
      this.#suspects.set(address, atAddress);
    }
    return asked;
  }

  /** What to ask a node that has just been heard from this address. */
  inquiryTo(address: SocketAddress): Inquiry | undefined {
    const atAddress = this.#suspects.get(address);
    if (atAddress === undefined) return undefined;
    let inquiry: Inquiry | undefined;
    for (const state of atAddress.keys()) {
      if (this.#looksLeft <= 0) break;
      inquiry = this.#inquiryAbout(state, atAddress);
      if (inquiry !== undefined) break;
    }
    if (atAddress.size === 0) this.#suspects.delete(address);
    return inquiry;
  }

  /** Goes on to the first tombstone that there is still something to ask about. */
  #inquiryAbout(state: NodeState, atAddress: Map<NodeState, number>): Inquiry | undefined {
    this.#looksLeft -= 1;
    if (this.#roster.isGone(state)) atAddress.delete(state);
    const from = atAddress.get(state);
    if (from === undefined || this.#roster.columns.life[state.slot] !== LIFE.live) return undefined;
    if (this.#isContested(state)) return undefined;
    for (let i = state.table.indexAfter(from); this.#looksLeft > 0; i++) {
      const entry = state.table.at(i);
      if (entry === undefined) {
        atAddress.delete(state);
        return undefined;
      }
      this.#looksLeft -= 1;
      if (!entry.superseded && this.#isToAsk(state, entry)) {
        atAddress.set(state, entry.version - 1);
        return { state, fromExcluded: entry.version - 1 };
      }
      atAddress.set(state, entry.version);
    }
    return undefined;
  }

  /**
   * Another run is at its address as well, or may be: that one would answer with what it was told
   * of this one, perhaps by us, and confirm the very lie that it is asked about. Which of them came
   * last their generations do not say, where a clock was set back: one of two must be dead.
   */
  #isContested(state: NodeState): boolean {
    const { life, lived } = this.#roster.columns;
    return this.#roster
      .runsAt(state.id.address)
      .some(
        (other) =>
          other !== state &&
          (life[other.slot] === LIFE.live ||
            (lived[other.slot] === 0 &&
              other.id.generation > state.id.generation &&
              this.#mayHaveReplaced(other, state))),
      );
  }

  /**
   * A later run that nobody saw alive may be a lie. If it is none, the run before had ended when it
   * was first heard of, and counts as dead before long.
   */
  #mayHaveReplaced({ slot }: NodeState, { slot: earlier }: NodeState): boolean {
    const { columns, detector, nowMs } = this.#roster;
    if (columns.life[slot] === LIFE.heard) return true;
    const timeoutMs = detector.timeoutMs(earlier) ?? Number.POSITIVE_INFINITY;
    return nowMs - (columns.diedAtMs[slot] as number) <= 2 * timeoutMs;
  }

  #isToAsk(state: NodeState, entry: Entry): boolean {
    const rank = this.#rankOver(state, entry);
    return rank !== undefined && this.#ahead.get(placeOf(state, entry.key))?.rank !== rank;
  }

  /** A question about the node goes out: the next one is about another at its address, if any. */
  noteAsked({ state }: Inquiry): void {
    const atAddress = this.#suspects.get(state.id.address);
    const from = atAddress?.get(state);
    if (atAddress === undefined || from === undefined) return;
    atAddress.delete(state);
    atAddress.set(state, from);
  }

  /** The node has told what it has up to a version: what is not among it, it never deleted. */
  takeAnswer({ state, fromExcluded }: Inquiry, told: EntryCursor, versionMax: number): void {
    let reached = versionMax;
    while (told.next()) {
      if (told.status !== 'deleted' || told.version > versionMax) continue;
      if (!this.#confirm(state, told.key(), told.version)) {
        reached = Math.min(reached, told.version - 1);
      }
    }
    const atAddress = this.#suspects.get(state.id.address);
    const from = atAddress?.get(state);
    // Something older may have been told of it since the question.
    if (atAddress === undefined || from === undefined || from < fromExcluded) return;
    atAddress.set(state, Math.max(from, reached));
  }

  /** False if there is no room for one that waits: it is asked for again. */
  #confirm(state: NodeState, key: string, version: number): boolean {
    const entry = state.table.find(key);
    if (entry === undefined || entry.version !== version) return true;
    const rank = this.#rankOver(state, entry);
    if (rank === undefined) return true;
    if (!this.#roster.clock.isAhead(rank)) {
      this.#due.set(key, Math.max(rank, this.#due.get(key) ?? 0));
      return true;
    }
    const place = placeOf(state, key);
    if (this.#ahead.get(place)?.rank === rank) return true;
    if (this.#ahead.size >= aheadDeletionsMax) return false;
    this.#ahead.set(place, { state, key, rank, sinceMs: entry.statusAtMs });
    return true;
  }
}

function placeOf({ slot }: NodeState, key: string): string {
  return `${slot} ${key}`;
}
