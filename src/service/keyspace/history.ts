// Reading a shard as it is, and as it was at a revision. [KV5, KV6]

import { compareBytes } from '../../base/bytes.ts';
import type { MachineView } from '../../core/machine.ts';
import {
  changeKey,
  DELETED_SPACE,
  decodeChange,
  decodePlace,
  decodeRecord,
  deletedKey,
  NOWHERE,
  type Place,
  PRESENT_SPACE,
  presentKey,
  type StoredChange,
  type StoredRecord,
  within,
} from './layout.ts';
import type { KeyRange } from './types.ts';

/** The keys of a range: all from `low` on and below `end`, to the last one without it. */
export interface Span {
  readonly low: Uint8Array;
  readonly end: Uint8Array | undefined;
}

const ZERO = Uint8Array.of(0);

/** Undefined for a range without a key in it. */
export function spanOf({ end, key }: KeyRange): Span | undefined {
  if (end === 'last') return { low: key, end: undefined };
  // Behind a key comes the one that is longer by a zero.
  if (end === undefined) return { low: key, end: joined(key, ZERO) };
  return compareBytes(key, end) < 0 ? { low: key, end } : undefined;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

// --- the present --------------------------------------------------------------------------------

export function presentRecord(view: MachineView, key: Uint8Array): StoredRecord | undefined {
  const bytes = view.get(presentKey(key));
  return bytes === undefined ? undefined : withValue(view, decodeRecord(key, bytes));
}

/** The value of a record may stand with its change only. */
function withValue(view: MachineView, record: StoredRecord): StoredRecord {
  if (record.hasValue) return record;
  return changeAt(view, record.place)?.record ?? record;
}

export function* presentRecords(view: MachineView, span: Span): Generator<StoredRecord, void> {
  const { high, low } = within(PRESENT_SPACE, span.low, span.end);
  for (const { key, value } of view.range(low, high)) {
    yield withValue(view, decodeRecord(key.subarray(1), value));
  }
}

export function changeAt(view: MachineView, place: Place): StoredChange | undefined {
  if (place.revision === 0) return undefined;
  const bytes = view.get(changeKey(place));
  return bytes === undefined ? undefined : decodeChange(bytes);
}

/** Where the history of a key that is not there begins. */
export function placeOfDeleted(view: MachineView, key: Uint8Array): Place {
  const deleted = view.get(deletedKey(key));
  return deleted === undefined ? NOWHERE : decodePlace(deleted);
}

// --- the past -----------------------------------------------------------------------------------

/** Goes back from a change to the newest one that is not later than `revision`. */
function goBack(view: MachineView, from: Place, revision: number): StoredRecord | undefined {
  let place = from;
  while (place.revision > revision) {
    const change = changeAt(view, place);
    // What compaction let go of was superseded, or deleted, before all that may be read.
    if (change === undefined) return undefined;
    place = change.before;
  }
  return changeAt(view, place)?.record;
}

/** Keys that were there at a revision, in order. */
export function* pastRecords(
  view: MachineView,
  span: Span,
  revision: number,
): Generator<StoredRecord, void> {
  const present = view.range(...bounds(PRESENT_SPACE, span))[Symbol.iterator]();
  const deleted = view.range(...bounds(DELETED_SPACE, span))[Symbol.iterator]();
  let [a, b] = [present.next(), deleted.next()];
  // A key is either there or deleted, so the two never meet.
  while (a.done !== true || b.done !== true) {
    const takesPresent =
      b.done === true ||
      (a.done !== true && compareBytes(a.value.key.subarray(1), b.value.key.subarray(1)) < 0);
    const pair = takesPresent ? a.value : b.value;
    const key = pair.key.subarray(1);
    const record = takesPresent
      ? recordThen(view, decodeRecord(key, pair.value), revision)
      : goBack(view, decodePlace(pair.value), revision);
    if (takesPresent) a = present.next();
    else b = deleted.next();
    if (record !== undefined) yield record;
  }
}

function recordThen(view: MachineView, now: StoredRecord, revision: number) {
  if (now.place.revision <= revision) return withValue(view, now);
  return goBack(view, now.place, revision);
}

function bounds(space: number, { end, low }: Span): [Uint8Array, Uint8Array] {
  const { high, low: from } = within(space, low, end);
  return [from, high];
}
