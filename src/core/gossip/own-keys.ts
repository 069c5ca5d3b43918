// Writes to the own state, and who wins when several nodes write the same key.
//
// A node can write only its own keys. Readers that ask the cluster for a key get the entry with the
// highest version among the live nodes, which is the last write, since versions are a hybrid clock
// (versions.ts). A tombstone takes part like a value: so a node deletes a key of others by an own
// tombstone that is newer than their values [G20]. Peers that know nothing of it are content, since
// all that they ask is that versions ascend.

import { textByteLength } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import { LIFE } from './columns.ts';
import { Entry } from './entry-table.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Listeners } from './listeners.ts';
import type { GossipMetrics } from './metrics.ts';
import type { NodeState } from './node-state.ts';
import { hasRoom, type Roster, SELF_SLOT } from './roster.ts';
import type { EntryStatus, GossipConfig, WriteOutcome, WriteRefusal } from './types.ts';
import { rankOf } from './versions.ts';

/** Keys that every member has of its own: nobody deletes those of another. */
const PER_NODE_PREFIX = 'parley.';
/** Its tombstone carries the version by which a claim was outbid. */
const OUTBID_KEY = 'parley.outbid';
/** Intervals for which a foreign tombstone stands before the own value follows it [G39]. */
const FOLLOW_INTERVALS = 8;

export class OwnKeys {
  readonly #roster: Roster;
  readonly #listeners: Listeners;
  readonly #lifecycle: Lifecycle;
  readonly #metrics: GossipMetrics;
  readonly #followAfterMs: number;
  readonly #intervalMs: number;
  #outbidAtMs = Number.NEGATIVE_INFINITY;
  /** Own keys that another node deleted, and its tombstone, until the own value follows. */
  readonly #deletedElsewhere = new Map<string, Deletion>();

  constructor(
    roster: Roster,
    listeners: Listeners,
    lifecycle: Lifecycle,
    metrics: GossipMetrics,
    config: GossipConfig,
  ) {
    this.#roster = roster;
    this.#listeners = listeners;
    this.#lifecycle = lifecycle;
    this.#metrics = metrics;
    this.#intervalMs = config.gossipIntervalMs;
    // It must happen while the tombstone is there.
    this.#followAfterMs = Math.min(FOLLOW_INTERVALS * this.#intervalMs, config.keyGraceMs / 2);
  }

  /** `status` set or deleteAfterTtl: two kinds of presence. */
  write(key: string, value: string, status: 'set' | 'deleteAfterTtl'): WriteOutcome {
    const problem = findTextProblem(key, value);
    if (problem !== undefined) return problem;
    const { self } = this.#roster;
    const rival = this.#findRival(key);
    const present = self.table.find(key);
    if (present?.value === value && present.status === status) {
      if (!isBeyond(rival, present.version, this.#roster)) {
        return { kind: 'unchanged', version: present.version };
      }
    }
    if (!hasRoom(this.#roster, self, key, value)) return this.#describeFull(self);
    return this.#store(key, value, status, rival);
  }

  /** Leaves a tombstone, whoever set the key: it may be known elsewhere already. */
  delete(key: string): WriteOutcome {
    const problem = findTextProblem(key, '');
    if (problem !== undefined) return problem;
    const { self } = this.#roster;
    if (!hasRoom(this.#roster, self, key, '')) return this.#describeFull(self);
    return this.#store(key, '', 'deleted', this.#findRival(key), 'silent');
  }

  /** Leaves the own value until the grace is over. */
  deleteAfterTtl(key: string): WriteOutcome {
    const present = this.#roster.self.table.find(key);
    if (present === undefined || present.status === 'deleted') return { kind: 'unknownKey' };
    const rival = this.#findRival(key);
    return this.#store(key, present.value, 'deleteAfterTtl', rival, 'silent');
  }

  #store(
    key: string,
    value: string,
    status: EntryStatus,
    rival: Rival | undefined,
    manner: 'announced' | 'silent' = 'announced',
  ): WriteOutcome {
    const { self, columns, clock, nowMs } = this.#roster;
    const version = Math.max(self.maxVersion + 1, (rival?.rank ?? 0) + 1, clock.present);
    if (version >= Number.MAX_SAFE_INTEGER) return { kind: 'refused', reason: 'versionsExhausted' };
    self.table.put(new Entry(key, value, version, status, nowMs));
    columns.max[SELF_SLOT] = version;
    this.#lifecycle.noteLeaving(self);
    if (manner === 'announced') this.#listeners.note({ key, value, version, owner: self.id });
    return { kind: 'written', version };
  }

  #describeFull(self: NodeState): WriteOutcome {
    const limit = LIMITS.gossip.entriesPerNodeMax;
    if (self.table.size >= limit) return { kind: 'refused', reason: 'tooManyKeys', limit };
    return { kind: 'refused', reason: 'stateFull', limit: LIMITS.gossip.stateBytesMax };
  }

  /**
   * The entry that wins the key among the others: of all that were seen alive, for who is dead now
   * may come back with what it had.
   */
  #findRival(key: string): Rival | undefined {
    const { slots } = this.#roster.order();
    const { lived } = this.#roster.columns;
    let rival: Rival | undefined;
    for (const slot of slots) {
      if (slot === SELF_SLOT || lived[slot] === 0) continue;
      const entry = this.#roster.state(slot).table.find(key);
      if (entry === undefined) continue;
      const rank = rankOf(entry);
      if (rank >= (rival?.rank ?? 0)) rival = { rank, slot };
    }
    return rival;
  }

  // --- deletions of others ----------------------------------------------------------------------

  /** A node has a tombstone now: does it delete a key that this node has? */
  noteForeignDeletion(state: NodeState, tombstone: Entry): void {
    const own = this.#roster.self.table.find(tombstone.key);
    if (own === undefined || own.status === 'deleted') return;
    if (tombstone.key.startsWith(PER_NODE_PREFIX)) return;
    const wasLive = this.#isLive(state);
    if (rankOf(tombstone) < own.version) return;
    this.#deletedElsewhere.set(own.key, { state, tombstone, wasLive });
  }

  #isLive({ slot }: NodeState): boolean {
    return this.#roster.columns.life[slot] === LIFE.live;
  }

  /**
   * Deletes the own values whose keys others deleted. A tombstone of somebody else is gone after
   * its grace, and the value would win again. Not at once: a tombstone that its owner never made is
   * healed by the owner within a few rounds, and must have cost nothing until then [G39].
   */
  followDeletions(): void {
    const { self, nowMs } = this.#roster;
    for (const [key, deletion] of this.#deletedElsewhere) {
      const { state, tombstone } = deletion;
      const own = self.table.find(key);
      const rank = rankOf(tombstone);
      const stands = state.table.find(key) === tombstone;
      if (!stands || own === undefined || own.status === 'deleted' || own.version > rank) {
        this.#deletedElsewhere.delete(key);
        continue;
      }
      deletion.wasLive ||= !this.#roster.isGone(state) && this.#isLive(state);
      if (deletion.wasLive && nowMs - tombstone.statusAtMs >= this.#followAfterMs) {
        this.#deletedElsewhere.delete(key);
        // With the rank of the deletion it follows, or it would beat a value written since.
        this.#store(key, String(rank), 'deleted', undefined, 'silent');
      }
    }
  }

  // --- claims of others about the own state -----------------------------------------------------

  /**
   * A peer has more of this node than it wrote: from an earlier run under the same identity, or by
   * a lie. The own state is told anew as if tombstones had been purged up to there: so whoever
   * believed the claim replaces what it has by what there is. Values keep their versions, which say
   * when they were written; what is marked for deletion moves, or it would count as purged [G19].
   */
  outbid(claimed: number): void {
    const { self, clock, nowMs } = this.#roster;
    if (claimed <= self.maxVersion) return;
    if (claimed > clock.bound) {
      this.#metrics.selfClaimsRefused += 1;
      return;
    }
    // Peers that have not heard yet say the same again. Once per interval is enough for them.
    if (nowMs - this.#outbidAtMs < this.#intervalMs) return;
    this.#outbidAtMs = nowMs;
    this.#metrics.selfLifts += 1;
    this.#tellAnew(claimed + 1, ({ status }) => status === 'set');
  }

  /**
   * The own state reaches beyond what anybody believes: it was written while the own clock was
   * ahead. What came then is written again in the present, in its order [G41].
   */
  comeBack(): void {
    const { clock } = this.#roster;
    const present = Math.max(1, clock.present);
    this.#metrics.selfReturns += 1;
    this.#tellAnew(present, ({ status, version }) => status === 'set' && version <= present);
  }

  /** Peers replace what they have of the own state, as if tombstones up to `gc` had been purged. */
  #tellAnew(gc: number, keepsVersion: (entry: Entry) => boolean): void {
    const { self, columns, nowMs } = this.#roster;
    const entries = self.table.after(0);
    const moved = entries.filter((entry) => !keepsVersion(entry));
    self.table.replace(entries.filter(keepsVersion).map(copyOf));
    let version = gc;
    columns.lastGc[SELF_SLOT] = gc;
    for (const entry of moved) {
      version += 1;
      const value = entry.status === 'deleted' ? String(rankOf(entry)) : entry.value;
      self.table.put(new Entry(entry.key, value, version, entry.status, entry.statusAtMs));
    }
    version += 1;
    self.table.put(new Entry(OUTBID_KEY, '', version, 'deleted', nowMs));
    columns.max[SELF_SLOT] = version;
  }
}

function copyOf({ key, value, version, status, statusAtMs }: Entry): Entry {
  return new Entry(key, value, version, status, statusAtMs);
}

interface Deletion {
  readonly state: NodeState;
  readonly tombstone: Entry;
  /** Its node was live then or later: there was somebody to deny it. */
  wasLive: boolean;
}

interface Rival {
  readonly rank: number;
  readonly slot: number;
}

/** Whether the rival beats the own entry: by version, or as the greater id of two equal ones. */
function isBeyond(rival: Rival | undefined, ownRank: number, roster: Roster): boolean {
  if (rival === undefined) return false;
  if (rival.rank !== ownRank) return rival.rank > ownRank;
  const { positions } = roster.order();
  return (positions[rival.slot] as number) > (positions[SELF_SLOT] as number);
}

/** What peers could not bear to be sent; see "never send" in SPEC.md [G23]. */
function findTextProblem(key: string, value: string): WriteOutcome | undefined {
  const refused = (reason: WriteRefusal, limit?: number): WriteOutcome =>
    limit === undefined ? { kind: 'refused', reason } : { kind: 'refused', reason, limit };
  const { keyBytesMax, valueBytesMax } = LIMITS.gossip;
  if (!key.isWellFormed()) return refused('keyNotWellFormed');
  if (!value.isWellFormed()) return refused('valueNotWellFormed');
  if (!startsAscii(key)) return refused('keyStartsNonAscii');
  if (textByteLength(key) > keyBytesMax) return refused('keyTooLong', keyBytesMax);
  if (textByteLength(value) > valueBytesMax) return refused('valueTooLong', valueBytesMax);
  return undefined;
}

/** Keys that begin beyond ASCII stop the gossip of some peers: they must not be passed on [G23]. */
export function startsAscii(key: string): boolean {
  return key === '' || key.charCodeAt(0) < 0x80;
}
