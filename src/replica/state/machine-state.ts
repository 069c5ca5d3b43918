// The part of the store that one shard's machine sees: its own keys, which stand behind a prefix in
// the store.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { MachineState } from '../../core/machine.ts';
import type { Store, StorePair } from '../../engine/store/index.ts';
import { endOfPrefix } from './layout.ts';

const { keyBytesMax, valueBytesMax } = LIMITS.state;

export class StoredMachineState implements MachineState {
  readonly #store: Store;
  readonly #prefix: Uint8Array;
  readonly #end: Uint8Array;
  /** [D6] A question changes nothing. */
  isWritable = false;

  constructor(store: Store, prefix: Uint8Array) {
    this.#store = store;
    this.#prefix = prefix;
    this.#end = endOfPrefix(prefix);
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#store.get(this.#keyOf(key));
  }

  *range(low: Uint8Array, high: Uint8Array | undefined): Iterable<StorePair> {
    const end = high === undefined ? this.#end : this.#keyOf(high);
    for (const { key, value } of this.#store.range(this.#keyOf(low), end)) {
      yield { key: key.subarray(this.#prefix.length), value };
    }
  }

  put(key: Uint8Array, value: Uint8Array): void {
    assert(this.isWritable, '[D6] a machine writes only while it applies');
    assert(
      key.length <= keyBytesMax && value.length <= valueBytesMax,
      '[D7] a pair fits one chunk of a snapshot',
    );
    this.#store.put(this.#keyOf(key), value);
  }

  delete(key: Uint8Array): void {
    assert(this.isWritable, '[D6] a machine writes only while it applies');
    this.#store.delete(this.#keyOf(key));
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
