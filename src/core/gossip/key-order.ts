// The keys of one node in the order of their UTF-8 bytes, for readers that take them page by page.
// It exists from the first page on: most members are never asked for their state. A key that is new
// costs its place when the next page is read, so a reader never sorts what an earlier one sorted.

import { compareText } from '../../base/bytes.ts';

/** Up to so many new keys are moved into their places; more are merged in one pass. */
const INSERTED_MAX = 32;

export class KeyOrder {
  #keys: string[];
  #added: string[] = [];

  constructor(keys: readonly string[]) {
    this.#keys = keys.toSorted(compareText);
  }

  /** `key` is not among the keys. */
  add(key: string): void {
    this.#added.push(key);
  }

  /** Forgets the keys of which `stays` says no. */
  retain(stays: (key: string) => boolean): void {
    this.#keys = this.#keys.filter(stays);
    this.#added = this.#added.filter(stays);
  }

  /** Up to `count` keys that begin with `prefix` and come behind `after`, if that is given. */
  page(prefix: string, after: string | undefined, count: number): string[] {
    this.#settle();
    const page: string[] = [];
    for (let at = this.#seek(prefix, after); page.length < count; at++) {
      const key = this.#keys[at];
      if (key === undefined || !key.startsWith(prefix)) break;
      page.push(key);
    }
    return page;
  }

  #seek(prefix: string, after: string | undefined): number {
    if (after === undefined || compareText(after, prefix) < 0) return this.#firstFrom(prefix);
    const at = this.#firstFrom(after);
    return this.#keys[at] === after ? at + 1 : at;
  }

  /** The place of the first key that is not before `text`. */
  #firstFrom(text: string): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareText(this.#keys[middle] as string, text) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #settle(): void {
    const added = this.#added;
    if (added.length === 0) return;
    this.#added = [];
    if (added.length <= INSERTED_MAX) {
      for (const key of added) this.#keys.splice(this.#firstFrom(key), 0, key);
      return;
    }
    const before = this.#keys;
    const merged: string[] = [];
    let at = 0;
    for (const key of added.sort(compareText)) {
      for (; at < before.length && compareText(before[at] as string, key) < 0; at++) {
        merged.push(before[at] as string);
      }
      merged.push(key);
    }
    for (; at < before.length; at++) merged.push(before[at] as string);
    this.#keys = merged;
  }
}
