// Whether what is known of a node is what that node has. Digests compare two numbers; a lie that
// keeps to them is seen by nobody: a newcomer that was told a wrong entry 4 of a node, and that
// the node is at 4, would believe it for good. So a node asks each live peer, from time to time, to
// tell its own state again, a datagram at a time: by a SYN-ACK that understates how far it is. What
// differs twice is forgotten as a whole and told anew by the node itself [G40]. In the same way a
// node is asked whether it has deleted a key, before the deletion is followed [G39].

import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import { LIFE } from './columns.ts';
import { EntryCursor, type Section } from './delta-reader.ts';
import type { Entry } from './entry-table.ts';
import type { ForeignDeletions } from './foreign-deletions.ts';
import type { NodeState } from './node-state.ts';
import { startsAscii } from './own-keys.ts';
import type { PeerDigest } from './peer-digest.ts';
import type { Roster } from './roster.ts';

/** Rounds until a node is looked at again. */
const ROUNDS_BETWEEN = 4;
/** And a round more for so many bytes that were told again: kilobytes a second, however large. */
const BYTES_PER_ROUND = 4_096;

interface Progress {
  /** Up to this version the state was looked at; 0 at its beginning. */
  cursor: number;
  /** The round of the last look. */
  round: number;
  /** What differed at the last look. */
  doubt: string | undefined;
}

/** A question on its way. */
interface Question {
  readonly from: SocketAddress;
  readonly state: NodeState;
  readonly fromExcluded: number;
}

export class Audits {
  readonly #roster: Roster;
  readonly #deletions: ForeignDeletions;
  readonly #progress = new Map<NodeState, Progress>();
  #round = 0;
  /** The first round in which there may be another question. */
  #nextRound = 1;
  #audit: Question | undefined;
  /** Beside the audit, or deletions that somebody makes up would leave no room for it. */
  readonly #inquiries = new Map<SocketAddress, Question>();
  /** Who was last asked about a deletion: an audit that is due comes first then. */
  readonly #inquired = new Set<SocketAddress>();

  constructor(roster: Roster, deletions: ForeignDeletions) {
    this.#roster = roster;
    this.#deletions = deletions;
  }

  beginRound(): void {
    this.#round += 1;
    this.#audit = undefined;
    this.#inquiries.clear();
    // Those who are gone are not worth a list of their own.
    if (this.#inquired.size > LIMITS.gossip.nodesMax) this.#inquired.clear();
    for (const state of this.#progress.keys()) {
      if (this.#roster.isGone(state)) this.#progress.delete(state);
    }
  }

  /**
   * The digest of a peer came and its delta was applied: whom to ask about, and from which version,
   * if the peer is a live node whose turn it is and of whom all is known that it has.
   */
  take(from: SocketAddress, digest: PeerDigest): Question | undefined {
    // What comes from there next must say which question it answers.
    if (this.isAnswer(from)) return undefined;
    const audited = this.#findAudited(from, digest);
    const inquiry = this.#findInquiry(from, digest);
    if (inquiry !== undefined && (audited === undefined || !this.#inquired.has(from))) {
      this.#deletions.noteAsked(inquiry);
      this.#inquired.add(from);
      this.#inquiries.set(from, inquiry);
      return inquiry;
    }
    if (audited === undefined) return undefined;
    this.#inquired.delete(from);
    const progress = this.#progress.get(audited) ?? { cursor: 0, round: -1, doubt: undefined };
    this.#progress.set(audited, progress);
    progress.round = this.#round;
    this.#nextRound = this.#round + 1;
    this.#audit = { from, state: audited, fromExcluded: progress.cursor };
    return this.#audit;
  }

  #findInquiry(from: SocketAddress, digest: PeerDigest): Question | undefined {
    if (this.#inquiries.size >= LIMITS.gossip.inquiriesPerRoundMax) return undefined;
    const inquiry = this.#deletions.inquiryTo(from);
    if (inquiry === undefined) return undefined;
    const { state, fromExcluded } = inquiry;
    return digest.maxOf(state.slot) > fromExcluded ? { from, state, fromExcluded } : undefined;
  }

  #findAudited(from: SocketAddress, digest: PeerDigest): NodeState | undefined {
    if (this.#audit !== undefined || this.#round < this.#nextRound) return undefined;
    const state = this.#findSender(from);
    if (state === undefined) return undefined;
    const { max, withheld } = this.#roster.columns;
    if (max[state.slot] === 0 || withheld[state.slot] === 1) return undefined;
    if (digest.maxOf(state.slot) !== max[state.slot]) return undefined;
    const progress = this.#progress.get(state);
    if (progress === undefined || progress.doubt !== undefined) return state;
    return this.#round < progress.round + ROUNDS_BETWEEN ? undefined : state;
  }

  /** One that left says nothing any more: that it leaves may be the very lie. */
  #findSender(from: SocketAddress): NodeState | undefined {
    const { leaving, life } = this.#roster.columns;
    const there = this.#roster.runsAt(from);
    return (
      there.find(({ slot }) => life[slot] === LIFE.live) ??
      there.find(({ slot }) => leaving[slot] === 1)
    );
  }

  isAnswer(from: SocketAddress): boolean {
    return this.#audit?.from === from || this.#inquiries.has(from);
  }

  /**
   * A delta came, not applied yet. Answers the node whose state is not what the node says, for the
   * second time in the same place.
   */
  check(
    from: SocketAddress,
    bytes: Uint8Array,
    sections: readonly Section[],
  ): NodeState | undefined {
    const inquiry = this.#inquiries.get(from);
    if (inquiry !== undefined) {
      this.#inquiries.delete(from);
      const section = this.#findSection(bytes, sections, inquiry.state);
      if (section?.fromExcluded === inquiry.fromExcluded && !section.unrepresentable) {
        this.#deletions.takeAnswer(inquiry, new EntryCursor(bytes, section), section.max);
      }
      return undefined;
    }
    const question = this.#audit;
    if (question === undefined || question.from !== from) return undefined;
    this.#audit = undefined;
    const { state, fromExcluded } = question;
    const section = this.#findSection(bytes, sections, state);
    this.#nextRound = this.#round + 1 + Math.floor(bytes.length / BYTES_PER_ROUND);
    const progress = this.#progress.get(state);
    if (progress === undefined || section === undefined) return undefined;
    if (section.fromExcluded !== fromExcluded || section.unrepresentable) {
      progress.cursor = 0;
      return undefined;
    }
    const doubt = findDifference(state, bytes, section);
    const confirmed = doubt !== undefined && doubt === progress.doubt;
    progress.doubt = confirmed ? undefined : doubt;
    if (doubt !== undefined && !confirmed) return undefined;
    progress.cursor = confirmed || section.max >= state.maxVersion ? 0 : section.max;
    return confirmed ? state : undefined;
  }

  #findSection(
    bytes: Uint8Array,
    sections: readonly Section[],
    state: NodeState,
  ): Section | undefined {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return sections.find(
      ({ idStart, idEnd }) => this.#roster.find(view, idStart, idEnd - idStart) === state.slot,
    );
  }
}

/**
 * The first entry, up to where both can speak, that only one side has. What is marked for deletion
 * may be purged on one side already.
 */
function findDifference(state: NodeState, bytes: Uint8Array, section: Section): string | undefined {
  const { table, maxVersion, lastGcVersion } = state;
  const told = new Set<string>();
  const cursor = new EntryCursor(bytes, section);
  while (cursor.next()) {
    const key = cursor.key();
    told.add(key);
    if (cursor.version > maxVersion || !startsAscii(key)) continue;
    const purged = cursor.status !== 'set' && cursor.version <= lastGcVersion;
    if (!purged && !isTold(table.find(key), cursor)) return `${cursor.version} ${key}`;
  }
  for (let i = table.indexAfter(section.fromExcluded); ; i++) {
    const entry = table.at(i);
    if (entry === undefined || entry.version > section.max) return undefined;
    if (entry.superseded || told.has(entry.key)) continue;
    const purged = entry.status !== 'set' && entry.version <= section.lastGc;
    if (!purged) return `${entry.version} ${entry.key}`;
  }
}

function isTold(known: Entry | undefined, cursor: EntryCursor): boolean {
  if (known?.version !== cursor.version || known.status !== cursor.status) return false;
  return known.value === cursor.value();
}
