// What a command is about to change. Operations of a transaction see what those before them did,
// and nothing is written before all of it is known to be right.

import { compareBytes } from '../../base/bytes.ts';
import type { MachineState, MachineView } from '../../core/machine.ts';
import type { KeyspaceLimits } from './editions.ts';
import { placeOfDeleted, presentRecord, presentRecords, type Span } from './history.ts';
import {
  attachedKey,
  changeKey,
  deletedKey,
  encodeChange,
  encodePlace,
  encodeRecord,
  keyDueKey,
  NOWHERE,
  type Place,
  presentKey,
  type StoredChange,
  type StoredRecord,
} from './layout.ts';
import type { LeaseId, ValueKind } from './types.ts';

/** What a write says of a key; the rest follows from what was there. */
export interface NewValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly kind: ValueKind;
  readonly contentType: string;
  readonly lease: LeaseId;
  readonly expiresMs: number;
}

/** A change, and what the key was before it. */
export interface Pending {
  readonly change: StoredChange;
  readonly previous: StoredRecord | undefined;
  /** What it was before the command. */
  readonly original: StoredRecord | undefined;
}

const NOTHING = new Uint8Array(0);

export class Draft {
  readonly #view: MachineView;
  readonly #timeMs: number;
  /** What the changes make, if there are any. */
  readonly revision: number;
  readonly #changes: Pending[] = [];
  /** The last change of each key, by its bytes as text. */
  readonly #byKey = new Map<string, Pending>();

  constructor(view: MachineView, revision: number, timeMs: number) {
    this.#view = view;
    this.revision = revision;
    this.#timeMs = timeMs;
  }

  get pending(): readonly Pending[] {
    return this.#changes;
  }

  /** Whether a key gets another time at which it goes for its age. */
  get hasDue(): boolean {
    return this.#changes.some(({ change, previous }) => {
      return (change.record?.expiresMs ?? 0) !== (previous?.expiresMs ?? 0);
    });
  }

  get count(): number {
    return this.#changes.length;
  }

  find(key: Uint8Array): StoredRecord | undefined {
    if (this.#byKey.size === 0) return presentRecord(this.#view, key);
    const pending = this.#byKey.get(nameOf(key));
    return pending === undefined ? presentRecord(this.#view, key) : pending.change.record;
  }

  /** Keys of the span as they will be, in order. */
  *records(span: Span): Generator<StoredRecord, void> {
    if (this.#byKey.size === 0) {
      yield* presentRecords(this.#view, span);
      return;
    }
    const own = [...this.#byKey.values()]
      .map(({ change }) => change)
      .filter(({ key }) => isWithin(key, span))
      .sort((a, b) => compareBytes(a.key, b.key));
    let next = 0;
    for (const record of presentRecords(this.#view, span)) {
      for (; next < own.length; next++) {
        const { key, record: ours } = own[next] as StoredChange;
        if (compareBytes(key, record.key) >= 0) break;
        if (ours !== undefined) yield ours;
      }
      if (!this.#byKey.has(nameOf(record.key))) yield record;
    }
    for (; next < own.length; next++) {
      const { record: ours } = own[next] as StoredChange;
      if (ours !== undefined) yield ours;
    }
  }

  put(written: NewValue): StoredRecord {
    const previous = this.find(written.key);
    const place = this.#nextPlace();
    const record: StoredRecord = {
      ...written,
      createRevision: previous?.createRevision ?? this.revision,
      modRevision: this.revision,
      version: (previous?.version ?? 0) + 1,
      place,
      hasValue: true,
    };
    this.#add({ kind: 'put', key: written.key, record }, previous);
    return record;
  }

  delete(previous: StoredRecord): void {
    this.#add({ kind: 'delete', key: previous.key, record: undefined }, previous);
  }

  #add(
    change: Pick<StoredChange, 'kind' | 'key' | 'record'>,
    previous: StoredRecord | undefined,
  ): void {
    const name = nameOf(change.key);
    const own = this.#byKey.get(name);
    const before = own === undefined ? this.#placeBefore(change.key, previous) : this.#placeOf(own);
    const original = own === undefined ? previous : own.original;
    const pending = { change: { ...change, before, timeMs: this.#timeMs }, previous, original };
    this.#changes.push(pending);
    this.#byKey.set(name, pending);
  }

  #placeBefore(key: Uint8Array, previous: StoredRecord | undefined): Place {
    return previous?.place ?? placeOfDeleted(this.#view, key);
  }

  #placeOf(pending: Pending): Place {
    return { revision: this.revision, number: this.#changes.indexOf(pending) };
  }

  #nextPlace(): Place {
    return { revision: this.revision, number: this.#changes.length };
  }

  /** Writes all of it but the shard's own record. */
  write(state: MachineState, { inlineBytesMax }: KeyspaceLimits): void {
    for (const [number, { change, previous }] of this.#changes.entries()) {
      const { before, key, record } = change;
      const place = { revision: this.revision, number };
      state.put(changeKey(place), encodeChange(change));
      if (record === undefined) {
        state.delete(presentKey(key));
        state.put(deletedKey(key), encodePlace(place));
      } else {
        const isInline = record.value.length <= inlineBytesMax;
        state.put(presentKey(key), encodeRecord(record, isInline));
        const wasDeleted = previous === undefined && before.revision !== NOWHERE.revision;
        if (wasDeleted) state.delete(deletedKey(key));
      }
      moveAttachment(state, key, previous, record);
    }
  }
}

function moveAttachment(
  state: MachineState,
  key: Uint8Array,
  previous: StoredRecord | undefined,
  record: StoredRecord | undefined,
): void {
  const [from, to] = [previous?.lease ?? 0n, record?.lease ?? 0n];
  if (from !== to) {
    if (from !== 0n) state.delete(attachedKey(from, key));
    if (to !== 0n) state.put(attachedKey(to, key), NOTHING);
  }
  const [endsBefore, ends] = [previous?.expiresMs ?? 0, record?.expiresMs ?? 0];
  if (endsBefore === ends) return;
  if (endsBefore !== 0) state.delete(keyDueKey(endsBefore, key));
  if (ends !== 0) state.put(keyDueKey(ends, key), NOTHING);
}

function isWithin(key: Uint8Array, { end, low }: Span): boolean {
  return compareBytes(key, low) >= 0 && (end === undefined || compareBytes(key, end) < 0);
}

/** Short, and equal where the bytes are. */
function nameOf(key: Uint8Array): string {
  let name = '';
  for (const byte of key) name += String.fromCharCode(byte);
  return name;
}
