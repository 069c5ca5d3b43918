// A replica's log as its host was told of it, whether durable yet or not.

import type { Entry, NodeId } from '../../src/core/raft/index.ts';

export class LogView {
  /** The entry before the first one: only its term is known. */
  base = 0;
  baseTerm = 0;
  entries: Entry[] = [];
  /** Indexes of config changes, ascending. */
  #changes: number[] = [];
  #overwritten = 0;
  readonly #onAppend: (id: NodeId, entry: Entry, previousTerm: number) => void;
  readonly #id: NodeId;

  constructor(id: NodeId, onAppend: (id: NodeId, entry: Entry, previousTerm: number) => void) {
    this.#id = id;
    this.#onAppend = onAppend;
  }

  get last(): number {
    return this.base + this.entries.length;
  }

  get overwritten(): number {
    return this.#overwritten;
  }

  term(index: number): number | undefined {
    if (index === this.base) return this.baseTerm;
    return this.entries[index - this.base - 1]?.term;
  }

  /** Starts behind `base`, with `entries` that are known already. */
  reset(base: number, baseTerm: number, entries: readonly Entry[]): void {
    this.base = base;
    this.baseTerm = baseTerm;
    this.entries = [...entries];
    this.#changes = this.entries.filter(({ kind }) => kind !== 'normal').map(({ index }) => index);
  }

  append(entries: readonly Entry[]): void {
    for (const entry of entries) {
      const keep = entry.index - this.base - 1;
      if (keep < this.entries.length) {
        this.#overwritten += this.entries.length - keep;
        this.entries.length = keep;
        while ((this.#changes.at(-1) ?? 0) >= entry.index) this.#changes.pop();
      }
      const previousTerm = this.entries.at(-1)?.term ?? this.baseTerm;
      this.#onAppend(this.#id, entry, previousTerm);
      this.entries.push(entry);
      if (entry.kind !== 'normal') this.#changes.push(entry.index);
    }
  }

  changesBeyond(index: number): number {
    let count = 0;
    for (let i = this.#changes.length - 1; i >= 0; i--) {
      if ((this.#changes[i] as number) <= index) break;
      count += 1;
    }
    return count;
  }
}
