// One node as callers see it: its texts here, its numbers in the columns.

import { compareText } from '../../base/bytes.ts';
import { type Columns, LIFE } from './columns.ts';
import type { Entry, EntryTable } from './entry-table.ts';
import type { GossipId, NodeEntry, NodeLife, NodeView } from './types.ts';

/** Numbers that outlive the node's slot. */
interface LastNumbers {
  readonly heartbeat: number;
  readonly maxVersion: number;
  readonly lastGcVersion: number;
  readonly diedAtMs: number | undefined;
}

/** What a state needs to know about its surroundings. */
export interface StateContext {
  readonly columns: Columns;
  isScheduled(slot: number): boolean;
  /** A view that lasts until a node comes or goes. */
  idBytesOf(slot: number): Uint8Array;
}

export class NodeState implements NodeView {
  readonly id: GossipId;
  readonly table: EntryTable;
  readonly slot: number;
  readonly #context: StateContext;
  /** Set when the node is purged and its slot may belong to another. */
  #last: LastNumbers | undefined;

  constructor(id: GossipId, slot: number, table: EntryTable, context: StateContext) {
    this.id = id;
    this.slot = slot;
    this.table = table;
    this.#context = context;
  }

  get idBytes(): Uint8Array {
    return this.#context.idBytesOf(this.slot);
  }

  get heartbeat(): number {
    return this.#last?.heartbeat ?? (this.#context.columns.heartbeat[this.slot] as number);
  }

  get maxVersion(): number {
    return this.#last?.maxVersion ?? (this.#context.columns.max[this.slot] as number);
  }

  get lastGcVersion(): number {
    return this.#last?.lastGcVersion ?? (this.#context.columns.lastGc[this.slot] as number);
  }

  get state(): NodeLife {
    if (this.#last !== undefined) return 'scheduled';
    if (this.#context.columns.life[this.slot] === LIFE.live) return 'live';
    return this.#context.isScheduled(this.slot) ? 'scheduled' : 'dead';
  }

  get diedAtMs(): number | undefined {
    if (this.#last !== undefined) return this.#last.diedAtMs;
    const { life, diedAtMs } = this.#context.columns;
    return life[this.slot] === LIFE.dead ? diedAtMs[this.slot] : undefined;
  }

  get(key: string): string | undefined {
    const entry = this.table.find(key);
    return entry === undefined || entry.status === 'deleted' ? undefined : entry.value;
  }

  getVersioned(key: string): NodeEntry | undefined {
    const entry = this.table.find(key);
    return entry === undefined ? undefined : describeEntry(entry);
  }

  contains(key: string): boolean {
    return this.get(key) !== undefined;
  }

  keyValues(): readonly NodeEntry[] {
    return this.#select((entry) => entry.status !== 'deleted');
  }

  entries(): readonly NodeEntry[] {
    return this.#select(() => true);
  }

  iterPrefix(prefix: string): readonly NodeEntry[] {
    return this.#select((entry) => entry.status !== 'deleted' && entry.key.startsWith(prefix));
  }

  page(prefix: string, after: string | undefined, count: number): readonly NodeEntry[] {
    return this.table.page(prefix, after, count).map(describeEntry);
  }

  countKeys(): number {
    let count = 0;
    for (const entry of this.table.after(0)) if (entry.status !== 'deleted') count += 1;
    return count;
  }

  #select(wanted: (entry: Entry) => boolean): NodeEntry[] {
    return this.table
      .after(0)
      .filter(wanted)
      .toSorted((a, b) => compareText(a.key, b.key))
      .map(describeEntry);
  }

  /** The node is purged: keeps its last numbers for whoever still holds this view. */
  retire(): void {
    this.#last = {
      heartbeat: this.heartbeat,
      maxVersion: this.maxVersion,
      lastGcVersion: this.lastGcVersion,
      diedAtMs: this.diedAtMs,
    };
    this.table.release();
  }
}

function describeEntry({ key, value, version, status }: Entry): NodeEntry {
  return { key, value, version, status };
}
