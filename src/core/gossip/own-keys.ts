// Writes to the own state, and who wins when several nodes write the same key.
//
// A node can write only its own keys. Readers that ask the cluster for a key get the entry with the
// highest version among the live nodes, which is the last write, since versions are a hybrid clock
// (versions.ts). A tombstone takes part like a value: so a node deletes a key of others by an own
// tombstone that is newer than their values [G20]. Peers that know nothing of it are content, since
// all that they ask is that versions ascend.

import { textByteLength } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import { AheadWrites } from './ahead-writes.ts';
import { Entry, type EntryTable } from './entry-table.ts';
import { ForeignDeletions } from './foreign-deletions.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Listeners } from './listeners.ts';
import type { GossipMetrics } from './metrics.ts';
import type { NodeState } from './node-state.ts';
import { hasRoom, type Roster, SELF_SLOT } from './roster.ts';
import type { EntryStatus, GossipConfig, WriteOutcome, WriteRefusal } from './types.ts';
import { OUTBID_KEY, Ranks } from './versions.ts';

/** Intervals between two looks at own writes that are ahead of the clock: time to heal a lie. */
const LOOK_INTERVALS = 8;

export class OwnKeys {
  readonly foreignDeletions: ForeignDeletions;
  readonly #roster: Roster;
  readonly #listeners: Listeners;
  readonly #lifecycle: Lifecycle;
  readonly #metrics: GossipMetrics;
  readonly #ahead: AheadWrites;
  readonly #intervalMs: number;
  #outbidAtMs = Number.NEGATIVE_INFINITY;

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
    this.#ahead = new AheadWrites(roster, LOOK_INTERVALS * this.#intervalMs);
    this.foreignDeletions = new ForeignDeletions(roster, config);
  }

  /** `status` set or deleteAfterTtl: two kinds of presence. */
  write(key: string, value: string, status: 'set' | 'deleteAfterTtl'): WriteOutcome {
    const problem = findTextProblem(key, value);
    if (problem !== undefined) return problem;
    const { self } = this.#roster;
    const rival = this.#findRival(key);
    const present = self.table.find(key);
    if (present?.value === value && present.status === status) {
      if (!isBeyond(rival, new Ranks(self.table).of(present), this.#roster)) {
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
    const { self, columns, nowMs } = this.#roster;
    const version = this.#nextVersion(rival);
    if (version >= Number.MAX_SAFE_INTEGER) return { kind: 'refused', reason: 'versionsExhausted' };
    const replaced = self.table.find(key);
    self.table.put(new Entry(key, value, version, status, nowMs));
    columns.max[SELF_SLOT] = version;
    this.#ahead.note(key, new Ranks(self.table).ofVersion(version), replaced);
    this.#lifecycle.noteLeaving(self);
    if (manner === 'announced') this.#listeners.note({ key, value, version, owner: self.id });
    return { kind: 'written', version };
  }

  /** By the clock, and beyond all that is known of the key [G20]. */
  #nextVersion(rival: Rival | undefined): number {
    const { self, clock } = this.#roster;
    const { maxVersion } = self;
    const ranks = new Ranks(self.table);
    const rank = Math.max(ranks.ofVersion(maxVersion) + 1, (rival?.rank ?? 0) + 1, clock.present);
    const version = Math.max(maxVersion + 1, rank + ranks.shift);
    const leaps = (rival?.rank ?? 0) + 1 >= rank && version > Math.max(maxVersion + 1, clock.bound);
    if (ranks.shift === 0 || !leaps) return version;
    // Beyond what peers believe: the versions go on where they are, and count for more [G43].
    this.#tellAnew(maxVersion + 1, rankAll(self.table), rank);
    return self.maxVersion + 1;
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
    let rival: Rival | undefined;
    for (const { slot, table } of this.#roster.everLive()) {
      const entry = table.find(key);
      if (entry === undefined) continue;
      const rank = new Ranks(table).of(entry);
      if (rank >= (rival?.rank ?? 0)) rival = { rank, slot };
    }
    return rival;
  }

  // --- deletions of others ----------------------------------------------------------------------

  /** Deletes the own values whose keys others deleted [G39]. */
  followDeletions(): void {
    for (const [key, rank] of this.foreignDeletions.takeDue()) {
      // With the rank of the deletion it follows, or it would beat a value written since.
      this.#store(key, String(rank), 'deleted', undefined, 'silent');
    }
  }

  // --- claims of others about the own state -----------------------------------------------------

  /**
   * A peer has more of this node than it wrote: from an earlier run under the same identity, or by
   * a lie. The own state is told anew as if tombstones had been purged up to there: so whoever
   * believed the claim replaces what it has by what there is [G19].
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
    const reached = new Ranks(self.table).ofVersion(self.maxVersion);
    this.#tellAnew(claimed + 1, rankAll(self.table), Math.max(clock.present, reached + 1));
  }

  /**
   * The own state reaches beyond what anybody believes: it was written while the own clock was
   * ahead. What came then is written again in the present, in its order [G41].
   */
  comeBack(): void {
    const { self, clock } = this.#roster;
    const present = Math.max(1, clock.present);
    this.#metrics.selfReturns += 1;
    this.#tellAnew(present, rankAll(self.table), present + 1);
  }

  /** Own writes that went beyond a lie count for when they were written, once it is gone [G44]. */
  maybeReturnWrites(): void {
    const { self, clock } = this.#roster;
    const unfounded = this.#ahead.takeUnfounded();
    if (unfounded.size === 0) return;
    this.#metrics.selfReturns += 1;
    const ranked = rankAll(self.table).map(({ entry, rank }) => ({
      entry,
      rank: unfounded.get(entry.key) ?? rank,
    }));
    this.#tellAnew(self.maxVersion + 1, ranked, Math.max(1, clock.present));
    this.foreignDeletions.noteAgain();
  }

  /**
   * Peers replace what they have of the own state, as if tombstones up to `gc` had been purged.
   * Values get as versions what they count for. What is marked for deletion moves beyond `gc`, or
   * it would count as purged, and so do values that count for more. From there on versions count
   * from `rankNext`: it is told beside them where that is less than the versions are [G43].
   */
  #tellAnew(gc: number, ranked: readonly Ranked[], rankNext: number): void {
    const { self, columns, nowMs } = this.#roster;
    const stays = ({ entry, rank }: Ranked): boolean => entry.status === 'set' && rank <= gc;
    const moved = ranked.filter((each) => !stays(each));
    self.table.clear();
    for (const { entry, rank } of ranked.filter(stays).toSorted((a, b) => a.rank - b.rank)) {
      self.table.put(copyOf(entry, Math.max(rank, self.table.lastVersion + 1), entry.value));
    }
    let version = Math.max(gc, self.table.lastVersion) + 1;
    const step = rankNext < version ? String(rankNext) : '';
    self.table.put(new Entry(OUTBID_KEY, step, version, step === '' ? 'deleted' : 'set', nowMs));
    for (const { entry, rank } of moved) {
      version += 1;
      self.table.put(copyOf(entry, version, entry.status === 'deleted' ? `${rank}` : entry.value));
    }
    columns.lastGc[SELF_SLOT] = gc;
    columns.max[SELF_SLOT] = version;
  }
}

/** An entry and what it counts for. */
interface Ranked {
  readonly entry: Entry;
  readonly rank: number;
}

/** All of the table but what is written with every telling anew. */
function rankAll(table: EntryTable): Ranked[] {
  const ranks = new Ranks(table);
  const entries = table.after(0).filter(({ key }) => key !== OUTBID_KEY);
  return entries.map((entry) => ({ entry, rank: ranks.of(entry) }));
}

function copyOf({ key, status, statusAtMs }: Entry, version: number, value: string): Entry {
  return new Entry(key, value, version, status, statusAtMs);
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
