// What a shard's state says beside sessions and the machine's pairs: the editions it agreed on, when
// its machine wants to be woken, and the ordinal of its last step. Part of the state, in its digest
// and its snapshots.

import { assert } from '../../base/assert.ts';
import { readU64le, writeU64le } from '../../base/bytes.ts';
import { NEVER_MS } from '../../core/machine.ts';
import type { Store } from '../../engine/store/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { decodeEditions, encodeEditions, type ShardEditions } from './editions.ts';
import { type Generation, joinBytes, SHARD_SPACE, spacePrefix } from './layout.ts';

const EDITIONS = Uint8Array.of(0);
const WAKE = Uint8Array.of(1);
const ORDINAL = Uint8Array.of(2);

export class ShardRecord {
  readonly #store: Store;
  readonly #editionsKey: Uint8Array;
  readonly #wakeKey: Uint8Array;
  readonly #ordinalKey: Uint8Array;
  #editions: ShardEditions;
  #areEditionsDirty = false;
  #wakeMs: number;
  #storedWakeMs: number;
  /** [M18] Of the machine's last step; 0 while no entry may hold several. */
  ordinal: number;
  #storedOrdinal: number;

  /** `first`: what a shard without a record has; it is as old as the first release. */
  constructor(store: Store, shard: ShardId, generation: Generation, first: ShardEditions) {
    const prefix = spacePrefix(shard, generation, SHARD_SPACE);
    this.#store = store;
    this.#editionsKey = joinBytes(prefix, EDITIONS);
    this.#wakeKey = joinBytes(prefix, WAKE);
    this.#ordinalKey = joinBytes(prefix, ORDINAL);
    const wake = store.get(this.#wakeKey);
    this.#wakeMs = wake === undefined ? NEVER_MS : readU64le(wake, 0);
    this.#storedWakeMs = this.#wakeMs;
    const ordinal = store.get(this.#ordinalKey);
    this.ordinal = ordinal === undefined ? 0 : readU64le(ordinal, 0);
    this.#storedOrdinal = this.ordinal;
    const bytes = store.get(this.#editionsKey);
    const editions = bytes === undefined ? first : decodeEditions(bytes);
    assert(editions !== undefined, '[D2] the store gives back what was written');
    this.#editions = editions;
  }

  /** Of a new shard: said from the beginning, so that no later release takes it for another. */
  static begin(store: Store, shard: ShardId, generation: Generation, first: ShardEditions): void {
    const prefix = spacePrefix(shard, generation, SHARD_SPACE);
    store.put(joinBytes(prefix, EDITIONS), encodeEditions(first));
  }

  get editions(): ShardEditions {
    return this.#editions;
  }

  /** [M6] In force from the next entry on. */
  raise(editions: ShardEditions): void {
    this.#editions = editions;
    this.#areEditionsDirty = true;
  }

  /** [M12] `NEVER_MS`: not at all. */
  get wakeMs(): number {
    return this.#wakeMs;
  }

  set wakeMs(timeMs: number) {
    assert(
      Number.isSafeInteger(timeMs) && timeMs >= 0,
      '[M12] a time to wake at is a whole number',
    );
    this.#wakeMs = timeMs;
  }

  /** Writes what changed since the last time. */
  save(): void {
    if (this.#areEditionsDirty) {
      this.#store.put(this.#editionsKey, encodeEditions(this.#editions));
      this.#areEditionsDirty = false;
    }
    if (this.ordinal !== this.#storedOrdinal) {
      this.#storedOrdinal = this.ordinal;
      this.#store.put(this.#ordinalKey, numberBytes(this.ordinal));
    }
    if (this.#wakeMs === this.#storedWakeMs) return;
    this.#storedWakeMs = this.#wakeMs;
    if (this.#wakeMs === NEVER_MS) this.#store.delete(this.#wakeKey);
    else this.#store.put(this.#wakeKey, numberBytes(this.#wakeMs));
  }
}

function numberBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeU64le(bytes, 0, value);
  return bytes;
}
