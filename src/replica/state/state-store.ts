// All shards of a member's store.

import { assert, must } from '../../base/assert.ts';
import type { ShardMachine } from '../../core/machine.ts';
import { type ConfState, type EntryId, NO_NODE, reaches } from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { firstEditions, type ShardRules, shardRules } from './editions.ts';
import { GarbageCollector } from './garbage.ts';
import {
  decodeFormerLog,
  decodeMeta,
  decodeStaged,
  encodeFormerLog,
  encodeMeta,
  FORMAT_KEY,
  FORMAT_VERSION,
  META_RANGE,
  type Meta,
  metaKey,
  REMOVED_RANGE,
  removedKey,
  STAGED_RANGE,
  type Staged,
  shardOfKey,
  stagedKey,
} from './layout.ts';
import { confBytes, type ReplicaStateParts, StoredReplicaState } from './replica-state.ts';
import { type SessionLoad } from './sessions.ts';
import { ShardRecord } from './shard-record.ts';
import type {
  FormerLog,
  ReplicaState,
  StateStore,
  StateStoreOpening,
  StateStoreOptions,
  StateStoreRefusal,
} from './types.ts';

const NO_DATA = new Uint8Array(0);

/** Reads what the store knows of its shards. */
export function openStateStore(options: StateStoreOptions): StateStoreOpening {
  const { store } = options;
  const format = store.get(FORMAT_KEY);
  if (format === undefined) {
    store.put(FORMAT_KEY, Uint8Array.of(FORMAT_VERSION));
    store.commit();
  } else if (format[0] !== FORMAT_VERSION) {
    return refuse('version', `its layout is ${format[0]}, this Parley knows ${FORMAT_VERSION}`);
  }
  const metas = new Map<ShardId, Meta>();
  for (const { key, value } of store.range(...META_RANGE)) {
    const meta = decodeMeta(value);
    if (meta === undefined) return refuse('corrupt', `the record of shard ${shardOfKey(key)}`);
    metas.set(shardOfKey(key), meta);
  }
  const staged = new Map<ShardId, Staged>();
  for (const { key, value } of store.range(...STAGED_RANGE)) {
    const record = decodeStaged(value);
    if (record === undefined) return refuse('corrupt', `what is staged of ${shardOfKey(key)}`);
    staged.set(shardOfKey(key), record);
  }
  const removed = new Set<ShardId>();
  for (const { key, value } of store.range(...REMOVED_RANGE)) {
    const shard = shardOfKey(key);
    if (decodeFormerLog(value) === undefined) return refuse('corrupt', `what ${shard} had`);
    if (!metas.has(shard)) removed.add(shard);
  }
  return { kind: 'opened', states: new OpenedStateStore(options, metas, staged, removed) };
}

function refuse(reason: StateStoreRefusal['reason'], what: string): StateStoreRefusal {
  const message =
    reason === 'version'
      ? `The store was written by another Parley: ${what}. Start the version that wrote it.`
      : `The store is damaged: ${what} cannot be read. Replace this member by a new one.`;
  return { kind: 'refused', reason, message };
}

class OpenedStateStore implements StateStore {
  readonly #options: StateStoreOptions;
  readonly #metas: Map<ShardId, Meta>;
  readonly #staged: Map<ShardId, Staged>;
  readonly #garbage: GarbageCollector;
  readonly #rules: ShardRules;
  readonly #load: SessionLoad = { bytes: 0 };
  readonly #removed: Set<ShardId>;
  readonly #open = new Map<ShardId, StoredReplicaState>();

  constructor(
    options: StateStoreOptions,
    metas: Map<ShardId, Meta>,
    staged: Map<ShardId, Staged>,
    removed: Set<ShardId>,
  ) {
    this.#options = options;
    this.#metas = metas;
    this.#staged = staged;
    this.#garbage = new GarbageCollector(options.store, options.clock);
    this.#rules = options.rules ?? shardRules(options.sessions ?? {});
    this.#removed = removed;
  }

  shardIds(): readonly ShardId[] {
    return [...this.#metas.keys()].toSorted((a, b) => a - b);
  }

  state(shard: ShardId): ReplicaState | undefined {
    return this.#open.get(shard);
  }

  open(shard: ShardId, machine: ShardMachine): ReplicaState | undefined {
    const meta = this.#metas.get(shard);
    if (meta === undefined) return undefined;
    return this.#add(shard, machine, meta, meta.applied.index);
  }

  create(shard: ShardId, machine: ShardMachine, at: EntryId, confState: ConfState): ReplicaState {
    assert(!this.#metas.has(shard), '[D1] a shard is created once');
    assert(!this.#removed.has(shard), '[D22] the log forgets a shard before it comes back');
    const { store } = this.#options;
    const snapshot = { ...at, confState, data: NO_DATA };
    // What a shard of this name left behind may still be there.
    const generation = this.#garbage.unusedGeneration(shard, 0);
    const meta: Meta = { generation, applied: at, snapshot };
    store.put(metaKey(shard), encodeMeta(generation, at, confBytes(confState)));
    // One that waits for a snapshot has no state yet, and agreed on nothing.
    if (at.index > 0)
      ShardRecord.begin(store, shard, generation, firstEditions(machine, this.#rules));
    store.commit();
    this.#metas.set(shard, meta);
    // What the log begins with, the log has: nothing of it is lost with the store's record.
    return this.#add(shard, machine, meta, at.index);
  }

  close(): void {
    this.#garbage.close();
  }

  sessionBytes(): number {
    return this.#load.bytes;
  }

  async release(shard: ShardId): Promise<boolean> {
    const { store } = this.#options;
    const slice = this.#open.get(shard);
    assert(slice !== undefined, '[D27] what is closed was open');
    const isDurable = await store.flush();
    // Removed meanwhile, or what is not durable would be taken for durable.
    if (!isDurable || this.#open.get(shard) !== slice) return isDurable;
    const record = must(store.get(metaKey(shard)), '[D1] a shard has a record');
    this.#metas.set(shard, must(decodeMeta(record), '[D2] the store gives back what was written'));
    const staged = store.get(stagedKey(shard));
    if (staged === undefined) this.#staged.delete(shard);
    else {
      this.#staged.set(
        shard,
        must(decodeStaged(staged), '[D2] the store gives back what was written'),
      );
    }
    this.#open.delete(shard);
    return true;
  }

  async remove(shard: ShardId, log: FormerLog): Promise<boolean> {
    const { store } = this.#options;
    const meta = this.#metas.get(shard);
    const open = this.#open.get(shard);
    assert(meta !== undefined || this.#removed.has(shard), '[D22] what is removed was here');
    if (open !== undefined) open.leave();
    else if (meta !== undefined) this.#leaveClosed(shard, meta);
    store.put(removedKey(shard), encodeFormerLog(unite(log, this.former(shard))));
    store.commit();
    this.#open.delete(shard);
    this.#metas.delete(shard);
    this.#staged.delete(shard);
    this.#removed.add(shard);
    return await store.flush();
  }

  /** It is not open. */
  #leaveClosed(shard: ShardId, { generation }: Meta): void {
    const { store } = this.#options;
    const staged = this.#staged.get(shard);
    if (staged !== undefined) {
      store.delete(stagedKey(shard));
      this.#garbage.add(shard, staged.generation);
    }
    store.delete(metaKey(shard));
    this.#garbage.add(shard, generation);
  }

  removed(): readonly ShardId[] {
    return [...this.#removed].toSorted((a, b) => a - b);
  }

  forgotten(shard: ShardId): void {
    this.#removed.delete(shard);
  }

  former(shard: ShardId): FormerLog | undefined {
    const bytes = this.#options.store.get(removedKey(shard));
    if (bytes === undefined) return undefined;
    return must(decodeFormerLog(bytes), '[D2] the store gives back what was written');
  }

  #add(shard: ShardId, machine: ShardMachine, meta: Meta, durable: number): StoredReplicaState {
    assert(!this.#open.has(shard), '[D1] a shard has one slice');
    const { feed, store, random } = this.#options;
    const parts: ReplicaStateParts = {
      shard,
      store,
      machine,
      random,
      feed,
      garbage: this.#garbage,
      rules: this.#rules,
      load: this.#load,
      staged: this.#staged.get(shard),
    };
    const slice = new StoredReplicaState(parts, meta, durable);
    this.#open.set(shard, slice);
    return slice;
  }
}

/** [D22] All that either of them promised. A term has one vote, which may have come later. */
function unite(log: FormerLog, former: FormerLog = log): FormerLog {
  const [older, newer] = log.term < former.term ? [log, former] : [former, log];
  const isOneTerm = older.term === newer.term;
  const vote = isOneTerm && newer.vote === NO_NODE ? older.vote : newer.vote;
  const last = reaches(log.last, former.last) ? log.last : former.last;
  return { term: newer.term, vote, last };
}
