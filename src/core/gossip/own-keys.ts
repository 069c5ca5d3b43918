// Writes to the own state, and who wins when several nodes write the same key.
//
// A node can write only its own keys. Readers that ask the cluster for a key get the entry with the
// highest version among the live nodes, which is the latest write if every writer goes beyond the
// versions it has seen: a Lamport clock per key. Versions need only ascend, so peers that know
// nothing of it are content [G20].

import { textByteLength } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import { LIFE } from './columns.ts';
import { hasRoom, startsAscii, VERSION_FOLLOWED_MAX } from './delta-apply.ts';
import { Entry } from './entry-table.ts';
import type { Lifecycle } from './lifecycle.ts';
import type { Listeners } from './listeners.ts';
import type { NodeState } from './node-state.ts';
import { type Roster, SELF_SLOT } from './roster.ts';
import type { EntryStatus, Winner, WriteOutcome, WriteRefusal } from './types.ts';

export class OwnKeys {
  readonly #roster: Roster;
  readonly #listeners: Listeners;
  readonly #lifecycle: Lifecycle;

  constructor(roster: Roster, listeners: Listeners, lifecycle: Lifecycle) {
    this.#roster = roster;
    this.#listeners = listeners;
    this.#lifecycle = lifecycle;
  }

  /** `status` set or deleteAfterTtl: two kinds of presence. */
  write(key: string, value: string, status: 'set' | 'deleteAfterTtl'): WriteOutcome {
    const problem = findTextProblem(key, value);
    if (problem !== undefined) return problem;
    const { self } = this.#roster;
    const rival = this.#findRival(key);
    const present = self.table.find(key);
    if (present?.value === value && present.status === status) {
      const wins = rival === undefined || !isBeyond(rival, present.version, this.#roster);
      if (wins) return { kind: 'unchanged', version: present.version };
    }
    if (!hasRoom(this.#roster, self, key, value)) return this.#describeFull(self);
    const followed = Math.min(rival?.version ?? 0, VERSION_FOLLOWED_MAX);
    return this.#store(key, value, status, Math.max(self.maxVersion, followed) + 1);
  }

  /** `deleted` leaves a tombstone; `deleteAfterTtl` leaves the value until the grace is over. */
  delete(key: string, status: 'deleted' | 'deleteAfterTtl'): WriteOutcome {
    const { self } = this.#roster;
    const present = self.table.find(key);
    if (present === undefined) return { kind: 'unknownKey' };
    const value = status === 'deleted' ? '' : present.value;
    return this.#store(key, value, status, self.maxVersion + 1, 'silent');
  }

  #store(
    key: string,
    value: string,
    status: EntryStatus,
    version: number,
    manner: 'announced' | 'silent' = 'announced',
  ): WriteOutcome {
    const { self, columns, nowMs } = this.#roster;
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

  /** The entry of another live node that wins the key among the others. */
  #findRival(key: string): { version: number; slot: number } | undefined {
    const { slots } = this.#roster.order();
    const { life } = this.#roster.columns;
    let rival: { version: number; slot: number } | undefined;
    for (const slot of slots) {
      if (slot === SELF_SLOT || life[slot] !== LIFE.live) continue;
      const entry = this.#roster.state(slot).table.find(key);
      if (entry === undefined || entry.status === 'deleted') continue;
      if (entry.version >= (rival?.version ?? 0)) rival = { version: entry.version, slot };
    }
    return rival;
  }
}

/** Whether the rival beats the own entry: by version, or as the greater id of two equal ones. */
function isBeyond(
  rival: { version: number; slot: number },
  ownVersion: number,
  roster: Roster,
): boolean {
  if (rival.version !== ownVersion) {
    return rival.version > ownVersion && rival.version < VERSION_FOLLOWED_MAX;
  }
  const { positions } = roster.order();
  return (positions[rival.slot] as number) > (positions[SELF_SLOT] as number);
}

/** For every key visible on a live node, the entry that wins: highest version, then greatest id. */
export function findWinners(roster: Roster): Map<string, Winner> {
  const { life } = roster.columns;
  const winners = new Map<string, Winner>();
  for (const state of roster.order().states) {
    if (life[state.slot] !== LIFE.live) continue;
    for (const { key, value, version, status } of state.table.after(0)) {
      if (status === 'deleted') continue;
      // States come in id order, so at equal versions the later one is the greater id.
      if (version < (winners.get(key)?.version ?? 0)) continue;
      winners.set(key, { value, owner: state.id, version });
    }
  }
  return winners;
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
