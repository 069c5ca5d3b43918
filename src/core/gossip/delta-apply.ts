// Takes a parsed delta in, node by node. First a verdict without effect, then one place that acts.

import { assert } from '../../base/assert.ts';
import { EntryCursor, type Section } from './delta-reader.ts';
import { Entry } from './entry-table.ts';
import { type Lifecycle } from './lifecycle.ts';
import type { Listeners } from './listeners.ts';
import type { GossipMetrics } from './metrics.ts';
import type { NodeState } from './node-state.ts';
import { type OwnKeys, startsAscii } from './own-keys.ts';
import { hasRoom, type Roster, SELF_SLOT } from './roster.ts';

type Verdict = 'stale' | 'future' | 'incompatible' | 'apply' | 'applyAfterReset';

export class DeltaApplier {
  readonly #roster: Roster;
  readonly #ownKeys: OwnKeys;
  readonly #lifecycle: Lifecycle;
  readonly #listeners: Listeners;
  readonly #metrics: GossipMetrics;

  constructor(
    roster: Roster,
    ownKeys: OwnKeys,
    lifecycle: Lifecycle,
    listeners: Listeners,
    metrics: GossipMetrics,
  ) {
    this.#roster = roster;
    this.#ownKeys = ownKeys;
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
      if (slot === SELF_SLOT) this.#ownKeys.outbid(Math.max(section.max, section.lastGc));
      else if (!this.#isPlausible(section)) this.#metrics.sectionsImplausible += 1;
      else if (slot > 0) {
        const verdict = this.#applyTo(this.#roster.state(slot), bytes, section);
        if (verdict === 'apply' || verdict === 'applyAfterReset') progress = true;
        if (verdict === 'applyAfterReset') reset = true;
      }
    }
    return { progress, reset };
  }

  /** Versions that no honest node has reached by now are not taken from anybody [G4]. */
  #isPlausible(section: Section): boolean {
    const { bound } = this.#roster.clock;
    const { unrepresentable, floor, lastGc, fromExcluded } = section;
    return !unrepresentable && Math.max(floor, lastGc, fromExcluded) <= bound;
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

  /**
   * Drops what is known of a node, which is not what the node has; it stays known itself.
   */
  forget(state: NodeState): void {
    const { columns } = this.#roster;
    state.table.clear();
    columns.max[state.slot] = 0;
    columns.lastGc[state.slot] = 0;
    columns.withheld[state.slot] = 0;
    this.#lifecycle.noteLeaving(state);
    this.#metrics.statesForgotten += 1;
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
    if (status === 'deleted') this.#ownKeys.foreignDeletions.note(state, entry);
    if (status !== 'deleted') this.#listeners.note({ key, value, version, owner: state.id });
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
