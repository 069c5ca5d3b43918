// Replaces a node's state by one fetched on another way, after the catch-up callback asked for it.

import type { DeltaApplier } from './delta-apply.ts';
import { Entry } from './entry-table.ts';
import { encodeId } from './node-id.ts';
import type { NodeState } from './node-state.ts';
import type { PurgedMemory } from './purged-memory.ts';
import { type Roster, SELF_SLOT } from './roster.ts';
import type { NodeReset, ResetOutcome } from './types.ts';

type ResetSkip = Extract<ResetOutcome, { kind: 'skipped' }>['reason'];

export type ResetVerdict =
  | { readonly kind: 'skip'; readonly reason: ResetSkip }
  | { readonly kind: 'replace'; readonly state: NodeState };

/** Whether the state offered is newer than the one known; registers a node not known yet [G21]. */
export function judgeReset(reset: NodeReset, roster: Roster, purged: PurgedMemory): ResetVerdict {
  const state = roster.findById(reset.id);
  if (state?.slot === SELF_SLOT) return { kind: 'skip', reason: 'ownNode' };
  if (!isConsistent(reset)) return { kind: 'skip', reason: 'inconsistent' };
  if (state !== undefined) {
    const gc = state.lastGcVersion;
    const newer =
      reset.lastGcVersion > gc ||
      (reset.lastGcVersion === gc && reset.maxVersion > state.maxVersion);
    return newer ? { kind: 'replace', state } : { kind: 'skip', reason: 'notNewer' };
  }
  const idBytes = encodeId(reset.id);
  if (purged.recall(idBytes) !== undefined) return { kind: 'skip', reason: 'purged' };
  if (reset.maxVersion === 0 && reset.lastGcVersion === 0) {
    return { kind: 'skip', reason: 'notNewer' };
  }
  if (roster.isFull) return { kind: 'skip', reason: 'tooManyNodes' };
  return { kind: 'replace', state: roster.add(reset.id, idBytes) };
}

function isConsistent(reset: NodeReset): boolean {
  const { entries, maxVersion, lastGcVersion } = reset;
  const counters = [maxVersion, lastGcVersion];
  if (!counters.every((value) => Number.isSafeInteger(value) && value >= 0)) return false;
  const versions = new Set(entries.map((entry) => entry.version));
  const keys = new Set(entries.map((entry) => entry.key));
  if (versions.size !== entries.length || keys.size !== entries.length) return false;
  return entries.every(
    ({ version, key, value }) =>
      Number.isSafeInteger(version) &&
      version > 0 &&
      version <= maxVersion &&
      key.isWellFormed() &&
      value.isWellFormed(),
  );
}

/**
 * Keeps of the known entries those that were given too and are newer, takes the rest as given.
 * What was not given is gone without a tombstone: its deletion was purged where the state is from.
 */
export function replaceState(
  state: NodeState,
  reset: NodeReset,
  roster: Roster,
  deltas: DeltaApplier,
): void {
  const { columns, nowMs } = roster;
  // Told anew, entries can have lesser versions than before [G43].
  const isAnew = reset.lastGcVersion > state.maxVersion;
  const merged = reset.entries.map((given) => {
    const known = state.table.find(given.key);
    const taken = isAnew || known === undefined || known.version < given.version;
    const { key, value, version, status } = taken ? given : known;
    const statusAtMs = taken ? nowMs : known.statusAtMs;
    return { taken, entry: new Entry(key, value, version, status, statusAtMs) };
  });
  state.table.clear();
  for (const { taken, entry } of merged.toSorted((a, b) => a.entry.version - b.entry.version)) {
    // Two keys with one version can only come from two sources that contradict each other.
    if (entry.version <= state.table.lastVersion) continue;
    if (taken) deltas.storeForeign(state, entry);
    else state.table.put(entry);
  }
  columns.withheld[state.slot] = 0;
  columns.lastGc[state.slot] = reset.lastGcVersion;
  columns.max[state.slot] = Math.max(reset.maxVersion, state.table.lastVersion);
}
