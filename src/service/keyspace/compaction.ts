// Letting go of what nobody may read any more. [KV18]
//
// A change at or below the compacted revision that has another one before it stands in that one's
// way for every reader: so the one before goes. A deletion goes itself, since what is not there
// reads the same. What the compacted revision itself changed stays whole until the next compaction:
// watchers may begin there.

import type { MachineState } from '../../core/machine.ts';
import {
  changeKey,
  decodeChange,
  decodePlace,
  deletedKey,
  type Place,
  placeOfKey,
  type Shard,
  type StoredChange,
} from './layout.ts';

/** Changes that one step looks at, and those of the same revision as the last of them. */
const CHANGES_PER_STEP = 500;

/** The next slice. Answers the revision up to which all is done now. */
export function clean(state: MachineState, { cleaned, compacted }: Shard): number {
  // Once more at the revision that stayed whole.
  const low = changeKey({ revision: cleaned, number: 0 });
  const high = changeKey({ revision: compacted + 1, number: 0 });
  const found: { readonly place: Place; readonly change: StoredChange }[] = [];
  let isWhole = true;
  for (const { key, value } of state.range(low, high)) {
    const place = placeOfKey(key);
    isWhole = found.length < CHANGES_PER_STEP || found.at(-1)?.place.revision === place.revision;
    if (!isWhole) break;
    found.push({ place, change: decodeChange(value) });
  }
  for (const { change, place } of found) {
    const { before, key, kind } = change;
    if (before.revision !== 0 && before.revision < compacted) state.delete(changeKey(before));
    if (kind === 'delete' && place.revision < compacted) letGo(state, key, place);
  }
  return isWhole ? compacted : (found.at(-1)?.place.revision ?? compacted);
}

function letGo(state: MachineState, key: Uint8Array, place: Place): void {
  state.delete(changeKey(place));
  const deleted = state.get(deletedKey(key));
  if (deleted === undefined) return;
  const { number, revision } = decodePlace(deleted);
  if (revision === place.revision && number === place.number) state.delete(deletedKey(key));
}
