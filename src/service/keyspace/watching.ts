// Changes as watchers hear of them: in the event of their revision, or read again later. [KV20]

import { compareBytes } from '../../base/bytes.ts';
import type { MachineView } from '../../core/machine.ts';
import type { Pending } from './draft.ts';
import { changeAt, type Span } from './history.ts';
import {
  changeKey,
  decodeChange,
  END_OF_CHANGES,
  placeOfKey,
  type Shard,
  type StoredChange,
} from './layout.ts';
import type { KeyspaceChange, KeyspaceRecord } from './types.ts';

/** The one topic: who waits for a key is woken by any change, and looks. */
export const CHANGES = Uint8Array.of(1);

const NOTHING = new Uint8Array(0);

export function changesOf(
  pending: readonly Pending[],
  revision: number,
): readonly KeyspaceChange[] {
  return pending.map(({ change, original }) => ({
    kind: change.kind,
    record: change.record ?? gone(change.key, revision),
    previous: original,
  }));
}

/** What is left of a key that was deleted. */
function gone(key: Uint8Array, modRevision: number): KeyspaceRecord {
  return {
    key,
    value: NOTHING,
    kind: 'plain',
    contentType: '',
    createRevision: 0,
    modRevision,
    version: 0,
    lease: 0n,
    expiresMs: 0,
  };
}

export interface Replayed {
  readonly revision: number;
  readonly change: KeyspaceChange;
}

/** All changes of a span from a revision on, in their order. */
export function* changesFrom(
  view: MachineView,
  { compacted }: Shard,
  { end, low }: Span,
  from: number,
): Generator<Replayed | undefined, void> {
  const first = changeKey({ revision: from, number: 0 });
  for (const { key, value } of view.range(first, END_OF_CHANGES)) {
    const { revision } = placeOfKey(key);
    const change = decodeChange(value);
    const isWithin =
      compareBytes(change.key, low) >= 0 &&
      (end === undefined || compareBytes(change.key, end) < 0);
    yield isWithin ? { revision, change: replayed(view, change, revision, compacted) } : undefined;
  }
}

function replayed(
  view: MachineView,
  change: StoredChange,
  revision: number,
  compacted: number,
): KeyspaceChange {
  // What compaction lets go of may be there still.
  const previous = revision - 1 < compacted ? undefined : before(view, change, revision);
  return { kind: change.kind, record: change.record ?? gone(change.key, revision), previous };
}

/** The record before the revision: one command may change a key more than once. */
function before(view: MachineView, change: StoredChange, revision: number) {
  let place = change.before;
  for (;;) {
    const earlier = changeAt(view, place);
    if (earlier === undefined || place.revision < revision) return earlier?.record;
    place = earlier.before;
  }
}
