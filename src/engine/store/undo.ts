// What the open batch has replaced, so that it can be taken back.

import type { OrderedTree } from './ordered-tree.ts';

export class Undo {
  /** Reused from batch to batch. */
  readonly #keys: Uint8Array[] = [];
  readonly #values: (Uint8Array | undefined)[] = [];

  /** `value` is what stood at `key`, undefined when nothing did. */
  note(key: Uint8Array, value: Uint8Array | undefined): void {
    this.#keys.push(key);
    this.#values.push(value);
  }

  clear(): void {
    this.#keys.length = 0;
    this.#values.length = 0;
  }

  /** Backwards: of a key that was written twice, the older value is put back last. */
  apply(tree: OrderedTree): void {
    for (let at = this.#keys.length - 1; at >= 0; at--) {
      const [key, value] = [this.#keys[at] as Uint8Array, this.#values[at]];
      if (value === undefined) tree.delete(key);
      else tree.set(key, value);
    }
    this.clear();
  }
}
