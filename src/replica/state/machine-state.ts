// The part of the store that one shard's machine sees: its own keys, which stand behind a prefix in
// the store.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { limitOf, type MachineState } from '../../core/machine.ts';
import type { Store, StorePair } from '../../engine/store/index.ts';
import type { ShardEditions } from './editions.ts';
import { endOfPrefix } from './layout.ts';
import type { ShardRecord } from './shard-record.ts';

const { pairOverheadBytes } = LIMITS.store;

/** Whom events of a machine go to. */
export type Emit = (index: number, topic: Uint8Array, event: Uint8Array) => void;

export class StoredMachineState implements MachineState {
  readonly #store: Store;
  readonly #prefix: Uint8Array;
  readonly #end: Uint8Array;
  readonly #record: ShardRecord;
  readonly #emit: Emit;
  #keyBytesMax = 0;
  #valueBytesMax = 0;
  #deletedPairsMax = 0;
  /** [D6] A question changes nothing. */
  isWritable = false;
  /** Of the entry that is applied. */
  index = 0;
  /** What was written, as the store counts it. */
  writtenBytes = 0;

  constructor(store: Store, prefix: Uint8Array, record: ShardRecord, emit: Emit) {
    this.#store = store;
    this.#prefix = prefix;
    this.#end = endOfPrefix(prefix);
    this.#record = record;
    this.#emit = emit;
    this.obey(record.editions);
  }

  /** [M6] The limits of the shard's edition, from now on. */
  obey({ shard }: ShardEditions): void {
    this.#keyBytesMax = limitOf(shard, 'pairKeyBytesMax');
    this.#valueBytesMax = limitOf(shard, 'pairValueBytesMax');
    this.#deletedPairsMax = limitOf(shard, 'deletedPairsMax');
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#store.get(this.#keyOf(key));
  }

  *range(low: Uint8Array, high: Uint8Array | undefined): Iterable<StorePair> {
    for (const { key, value } of this.#store.range(this.#keyOf(low), this.#endOf(high))) {
      yield { key: key.subarray(this.#prefix.length), value };
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    assert(this.isWritable, '[D6] a machine writes only while it applies');
    assert(
      key.length <= this.#keyBytesMax && value.length <= this.#valueBytesMax,
      '[D7] a pair fits one chunk of a snapshot',
    );
    this.writtenBytes += this.#prefix.length + key.length + value.length + pairOverheadBytes;
    this.#store.put(this.#keyOf(key), value);
  }

  delete(key: Uint8Array): void {
    assert(this.isWritable, '[D6] a machine writes only while it applies');
    this.writtenBytes += this.#prefix.length + key.length + pairOverheadBytes;
    this.#store.delete(this.#keyOf(key));
  }

  /** [M13] A slice: what one entry does is bounded, or heartbeats would wait for it. */
  deleteRange(low: Uint8Array, high: Uint8Array | undefined): Uint8Array | undefined {
    assert(this.isWritable, '[D6] a machine writes only while it applies');
    const keys: Uint8Array[] = [];
    let next: Uint8Array | undefined;
    for (const { key } of this.#store.range(this.#keyOf(low), this.#endOf(high))) {
      if (keys.length === this.#deletedPairsMax) {
        next = key.slice(this.#prefix.length);
        break;
      }
      keys.push(key);
    }
    for (const key of keys) {
      this.writtenBytes += key.length + pairOverheadBytes;
      this.#store.delete(key);
    }
    return next;
  }

  emit(topic: Uint8Array, event: Uint8Array): void {
    assert(this.isWritable, '[D6] a machine tells what changes while it applies');
    assert(
      topic.length <= this.#keyBytesMax && event.length <= this.#valueBytesMax,
      '[M8] an event is no larger than a pair',
    );
    this.#emit(this.index, topic, event);
  }

  wakeAt(timeMs: number): void {
    assert(this.isWritable, '[D6] a machine writes only while it applies');
    this.#record.wakeMs = timeMs;
  }

  #endOf(high: Uint8Array | undefined): Uint8Array {
    return high === undefined ? this.#end : this.#keyOf(high);
  }

  #keyOf(key: Uint8Array): Uint8Array {
    const own = this.#prefix;
    const joined = new Uint8Array(own.length + key.length);
    // Ten bytes: a loop is faster than a call that copies.
    for (let i = 0; i < own.length; i++) joined[i] = own[i] as number;
    joined.set(key, own.length);
    return joined;
  }
}
