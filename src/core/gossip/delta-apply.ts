// Takes a parsed delta in, node by node. First a verdict without effect, then one place that acts.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { EntryCursor, type Section } from './delta-reader.ts';
import { Entry, entryBytes } from './entry-table.ts';
import { LEAVING_KEY, type Lifecycle } from './lifecycle.ts';
import type { Listeners } from './listeners.ts';
import type { GossipMetrics } from './metrics.ts';
import type { NodeState } from './node-state.ts';
import { type Roster, SELF_SLOT } from './roster.ts';

/**
 * Versions beyond this are followed neither by own writes nor by claims about the own node: a
 * thousand writes a second reach it after nine thousand years, a liar at once.
 */
export const VERSION_FOLLOWED_MAX = 2 ** 48;

type Verdict = 'stale' | 'future' | 'incompatible' | 'apply' | 'applyAfterReset';

export class DeltaApplier {
  readonly #roster: Roster;
  readonly #lifecycle: Lifecycle;
  readonly #listeners: Listeners;
  readonly #metrics: GossipMetrics;

  constructor(roster: Roster, lifecycle: Lifecycle, listeners: Listeners, metrics: GossipMetrics) {
    this.#roster = roster;
    this.#lifecycle = lifecycle;
    this.#listeners = listeners;
    this.#metrics = metrics;
  }

  /**
   * Answers whether anything of it was new, and whether a node's state was replaced as a whole,
   * which calls for the catch-up.
   */
  apply(bytes: Uint8Array, sections: readonly Section[]): { progress: boolean; reset: boolean } {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let progress = false;
    let reset = false;
    for (const section of sections) {
      const slot = this.#roster.find(view, section.idStart, section.idEnd - section.idStart);
      if (section.unrepresentable) this.#metrics.sectionsUnrepresentable += 1;
      else if (slot === SELF_SLOT) this.#applyToSelf(bytes, section);
      else if (slot > 0) {
        const verdict = this.#applyTo(this.#roster.state(slot), bytes, section);
        if (verdict === 'apply' || verdict === 'applyAfterReset') progress = true;
        if (verdict === 'applyAfterReset') reset = true;
      }
    }
    return { progress, reset };
  }

  #applyTo(state: NodeState, bytes: Uint8Array, section: Section): Verdict {
    const { lastGc, max } = this.#roster.columns;
    const { slot } = state;
    const before = [lastGc[slot] as number, max[slot] as number] as const;
    const verdict = judge(section, ...before);
    if (verdict !== 'apply' && verdict !== 'applyAfterReset') return verdict;
    if (verdict === 'applyAfterReset') this.#reset(state, section.lastGc);
    this.#store(state, bytes, section);
    this.#lifecycle.noteLeaving(state);
    const after = [lastGc[slot] as number, max[slot] as number] as const;
    assert(isNotBelow(after, before), 'a pair of versions never goes back [G12]');
    return verdict;
  }

  #reset(state: NodeState, lastGcVersion: number): void {
    const { columns } = this.#roster;
    state.table.clear();
    columns.heartbeat[state.slot] = 0;
    columns.max[state.slot] = 0;
    columns.lastGc[state.slot] = lastGcVersion;
    columns.withheld[state.slot] = 0;
    this.#metrics.resets += 1;
  }

  #store(state: NodeState, bytes: Uint8Array, section: Section): void {
    const { lastGc, max } = this.#roster.columns;
    const base = max[state.slot] as number;
    const gc = lastGc[state.slot] as number;
    const cursor = new EntryCursor(bytes, section);
    while (cursor.next()) {
      if (cursor.version <= base) continue;
      if (cursor.status !== 'set' && cursor.version <= gc) continue;
      this.#storeEntry(state, cursor);
    }
    // A hostile section may say less with SetMax than with its entries; the entries count.
    max[state.slot] = Math.max(section.max, state.table.lastVersion);
  }

  #storeEntry(state: NodeState, cursor: EntryCursor): void {
    const { version, status } = cursor;
    const entry = new Entry(cursor.key(), cursor.value(), version, status, this.#roster.nowMs);
    this.storeForeign(state, entry);
  }

  /** Stores an entry if it may go on to others and there is room for it. */
  storeForeign(state: NodeState, entry: Entry): void {
    const { key, value, version, status } = entry;
    if (!startsAscii(key)) {
      this.#metrics.keysRefused += 1;
      return;
    }
    if (!hasRoom(this.#roster, state, key, value)) {
      this.#roster.columns.withheld[state.slot] = 1;
      this.#metrics.keysOverLimit += 1;
      return;
    }
    state.table.put(entry);
    this.#metrics.keysApplied += 1;
    if (status !== 'deleted') this.#listeners.note({ key, value, version, owner: state.id });
  }

  /**
   * What peers know of this node that it does not know itself: an earlier run under the same
   * identity, or a lie. Keys not written in this run are believed. Keys written in this run stay as
   * they are, and move to versions beyond all that was claimed, or peers that believed the claim
   * would never look at them [G19].
   */
  #applyToSelf(bytes: Uint8Array, section: Section): void {
    const { self, columns } = this.#roster;
    const base = self.maxVersion;
    const claimed = Math.max(section.max, section.lastGc);
    if (claimed <= base) return;
    if (claimed > VERSION_FOLLOWED_MAX) {
      this.#metrics.selfClaimsRefused += 1;
      return;
    }
    this.#metrics.selfLifts += 1;
    const own = self.table.after(0);
    const cursor = new EntryCursor(bytes, section);
    let wronglyLeaving = false;
    while (cursor.next()) {
      if (cursor.version <= base || self.table.find(cursor.key()) !== undefined) continue;
      if (cursor.key() === LEAVING_KEY) wronglyLeaving = true;
      else if (hasRoom(this.#roster, self, cursor.key(), cursor.value())) {
        this.#storeEntry(self, cursor);
      }
    }
    let version = Math.max(claimed, self.table.lastVersion);
    for (const { key, value, status, statusAtMs } of own) {
      version += 1;
      self.table.put(new Entry(key, value, version, status, statusAtMs));
    }
    if (wronglyLeaving) {
      version += 1;
      self.table.put(new Entry(LEAVING_KEY, '', version, 'deleted', this.#roster.nowMs));
    }
    assert(version > base, 'the own pair of versions never goes back [G12]');
    columns.max[SELF_SLOT] = version;
  }
}

/** What to do with a section, given the local pair. Touches nothing. */
function judge(section: Section, gc: number, max: number): Verdict {
  const { fromExcluded, lastGc } = section;
  if (fromExcluded > max) return 'future';
  const compatible = lastGc <= gc || lastGc <= max;
  if (!compatible) return fromExcluded === 0 ? 'applyAfterReset' : 'incompatible';
  return section.max <= max ? 'stale' : 'apply';
}

function isNotBelow(after: readonly [number, number], before: readonly [number, number]): boolean {
  return after[0] > before[0] || (after[0] === before[0] && after[1] >= before[1]);
}

/** Keys that begin beyond ASCII stop the gossip of some peers: they must not be passed on [G23]. */
export function startsAscii(key: string): boolean {
  return key === '' || key.charCodeAt(0) < 0x80;
}

/** Whether the entry keeps the limits of one table and of all of them together [G27]. */
export function hasRoom(roster: Roster, state: NodeState, key: string, value: string): boolean {
  const { entriesPerNodeMax, stateBytesMax } = LIMITS.gossip;
  if (roster.memory.bytes + entryBytes(key, value) > stateBytesMax) return false;
  return state.table.size < entriesPerNodeMax || state.table.find(key) !== undefined;
}
