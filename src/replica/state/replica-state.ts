// One shard's slice of the store: its record, its commands, its snapshots.

import { AssertionError, assert, must } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Random } from '../../base/capabilities.ts';
import { type QueryAnswer, type ShardMachine, wholeAnswer } from '../../core/machine.ts';
import { type ConfState, type Entry, type EntryId, type Snapshot } from '../../core/raft/index.ts';
import type { Store, StoreView } from '../../engine/store/index.ts';
import { encodeSnapshot, type ShardId } from '../../engine/wal/index.ts';
import type { FeedHub } from '../feed/index.ts';
import { digestOf } from './digest.ts';
import { DurableMarks } from './durable-marks.ts';
import { firstEditions, newestEditions, type ShardEditions, type ShardRules } from './editions.ts';
import type { GarbageCollector } from './garbage.ts';
import { StoredIncomingState } from './incoming-state.ts';
import {
  decodeMeta,
  encodeMeta,
  type Generation,
  generationPrefix,
  type Meta,
  metaKey,
  type Staged,
  stagedKey,
} from './layout.ts';
import { prepared } from './prepared.ts';
import { EntryResults } from './results.ts';
import { CommandRunner, UnsupportedEdition } from './runner.ts';
import type { SessionLoad } from './sessions.ts';
import type { PreparedSnapshot, Question, ReplicaState, ResultSink } from './types.ts';

const NO_DATA = new Uint8Array(0);

export interface ReplicaStateParts {
  readonly shard: ShardId;
  readonly store: Store;
  readonly machine: ShardMachine;
  readonly random: Random;
  readonly garbage: GarbageCollector;
  readonly rules: ShardRules;
  readonly load: SessionLoad;
  readonly feed: FeedHub | undefined;
  /** What a transfer that was under way at the last stop left behind. */
  readonly staged: Staged | undefined;
}

export class StoredReplicaState implements ReplicaState {
  readonly shard: ShardId;
  readonly #parts: ReplicaStateParts;
  readonly #store: Store;
  readonly #metaKey: Uint8Array;
  readonly #marks: DurableMarks;
  readonly #newestEditions: ShardEditions;
  #generation: Generation;
  #applied: EntryId;
  #confState: ConfState;
  /** The same as bytes, which go into every record. */
  #conf: Uint8Array;
  #runner: CommandRunner;
  #staging: StoredIncomingState | undefined;
  #broken: string | undefined;
  #unsupported: string | undefined;
  /** The state itself is of an edition that is not known here. */
  #isBeyond = false;
  /** Of the batch that is applied. */
  readonly #results = new EntryResults();

  /** `meta` is what the store has of the shard; `durable` says up to where that is durable. */
  constructor(parts: ReplicaStateParts, meta: Meta, durable: number) {
    const { shard, store, staged } = parts;
    this.shard = shard;
    this.#parts = parts;
    this.#store = store;
    this.#metaKey = metaKey(shard);
    this.#marks = new DurableMarks(durable);
    this.#newestEditions = newestEditions(parts.machine, parts.rules);
    this.#generation = meta.generation;
    this.#applied = meta.applied;
    this.#confState = meta.snapshot.confState;
    this.#conf = encodeSnapshot(meta.snapshot);
    this.#runner = this.#newRunner();
    parts.feed?.openShard(shard, meta.applied.index);
    this.#checkEditions();
    if (staged !== undefined) this.#staging = new StoredIncomingState(shard, store, staged);
  }

  applied(): EntryId {
    return this.#applied;
  }

  confState(): ConfState {
    return this.#confState;
  }

  durableApplied(): number {
    return this.#marks.durableIndex(this.#store.durableBatch());
  }

  unwrittenBytes(): number {
    return this.#marks.unwrittenBytes(this.#store.durableBatch());
  }

  editions(): ShardEditions {
    return this.#runner.editions;
  }

  wakeMs(): number {
    return this.#runner.wakeMs;
  }

  sessionsHeld(): { readonly count: number; readonly bytes: number } {
    return this.#runner.sessionsHeld();
  }

  releaseSessions(): void {
    this.#runner.drop();
  }

  get unsupported(): string | undefined {
    return this.#unsupported;
  }

  firstEditions(): ShardEditions {
    return firstEditions(this.#parts.machine, this.#parts.rules);
  }

  newestEditions(): ShardEditions {
    return this.#newestEditions;
  }

  get broken(): string | undefined {
    return this.#broken;
  }

  // --- commands ---------------------------------------------------------------------------------

  apply(entries: readonly Entry[], sink: ResultSink | undefined): void {
    assert(this.#broken === undefined, `[D5] a shard takes no more entries when ${this.#broken}`);
    const last = entries.at(-1);
    if (last === undefined) return;
    const { feed } = this.#parts;
    const results = sink === undefined ? undefined : this.#results;
    try {
      for (let i = 0; i < entries.length; i++) {
        const entry = entries[i] as Entry;
        const expected = this.#applied.index + 1 + i;
        assert(entry.index === expected, '[D3] entries are applied in order, without a gap');
        assert(entry.kind === 'normal', "[D3] config changes are the host's to apply");
        this.#runner.run(entry, results);
        results?.endEntry();
      }
      this.#runner.save();
    } catch (error) {
      // [D5] Half a command must not stay: after a restart the log brings all of it once more.
      this.#store.rollback();
      feed?.rollback(this.shard);
      this.#results.clear();
      const where = `${this.#applied.index + 1}..${last.index}`;
      if (error instanceof UnsupportedEdition) this.#becomeUnsupported(error.message);
      else this.#broken = `the machine broke at ${where}: ${String(error)}`;
      throw new AssertionError(`[D5] ${this.#broken}`);
    }
    this.#advance({ index: last.index, term: last.term });
    feed?.commit(this.shard);
    if (sink !== undefined) this.#results.tell(entries, sink);
  }

  setConfState(confState: ConfState, at: EntryId): void {
    assert(this.#broken === undefined, '[D5] a broken shard takes no more entries');
    assert(at.index === this.#applied.index + 1, '[D3] config changes have their place as well');
    this.#confState = confState;
    this.#conf = confBytes(confState);
    this.#advance(at);
  }

  ask(question: Question): QueryAnswer {
    if (this.#isBeyond)
      throw new AssertionError(`[M6] a shard answers nothing here: ${this.#broken}`);
    return this.#runner.query(question, this.#applied.index);
  }

  query(body: Uint8Array): Uint8Array {
    return wholeAnswer((cursor) => this.ask({ body, cursor, mayWait: false }));
  }

  /** [D4] The record and what it speaks of are in one batch. */
  #advance(to: EntryId): void {
    this.#applied = to;
    this.#store.put(this.#metaKey, encodeMeta(this.#generation, to, this.#conf));
    this.#marks.note(this.#store.commit(), to.index, this.#runner.takeWritten());
  }

  #newRunner(): CommandRunner {
    const { feed, load, machine, rules } = this.#parts;
    const { shard } = this;
    const parts = {
      store: this.#store,
      machine,
      rules,
      load,
      emit: (index: number, topic: Uint8Array, event: Uint8Array) => {
        feed?.emit(shard, index, topic, event);
      },
    };
    return new CommandRunner(parts, shard, this.#generation);
  }

  /** [M6] What came with the store, or a snapshot, may be beyond this release. */
  #checkEditions(): void {
    const { lacks } = this.#runner;
    this.#isBeyond = lacks !== undefined;
    if (lacks !== undefined) this.#becomeUnsupported(lacks);
  }

  #becomeUnsupported(lacks: string): void {
    this.#unsupported = describeLack(lacks);
    this.#broken = this.#unsupported;
  }

  /** [D22] The shard's part of the batch in which it leaves. Of no use after this. */
  leave(): void {
    this.#broken = 'it has left this member';
    this.#runner.drop();
    this.#parts.feed?.closeShard(this.shard);
    this.dropStaging();
    this.#store.delete(this.#metaKey);
    this.#parts.garbage.add(this.shard, this.#generation);
  }

  // --- snapshots --------------------------------------------------------------------------------

  async prepareSnapshot(): Promise<PreparedSnapshot> {
    const view = await this.#store.snapshot();
    // [D14] The view may be newer than the moment of asking: only its own record fits it.
    const record = must(view.get(this.#metaKey), '[D1] an open shard has a record');
    const meta = must(decodeMeta(record), '[D2] the store gives back what was written');
    return prepared(this.shard, meta, view, this.#parts.random);
  }

  get staging(): StoredIncomingState | undefined {
    return this.#staging;
  }

  stage(snapshot: Snapshot): StoredIncomingState {
    this.dropStaging();
    const { garbage } = this.#parts;
    const generation = garbage.unusedGeneration(this.shard, this.#generation);
    this.#staging = StoredIncomingState.begin(this.shard, this.#store, generation, snapshot);
    return this.#staging;
  }

  dropStaging(): void {
    if (this.#staging === undefined) return;
    const { generation } = this.#staging;
    this.#staging = undefined;
    this.#store.delete(stagedKey(this.shard));
    this.#parts.garbage.add(this.shard, generation);
    this.#store.commit();
  }

  staged(): Snapshot | undefined {
    return this.#staging?.isComplete === true ? this.#staging.snapshot : undefined;
  }

  /** [D15] One small batch: before it the old state, after it the new one. */
  install(snapshot: Snapshot): boolean {
    const staging = this.#staging;
    // [D16] What is installed is staged as a whole, under the same name.
    if (staging?.isComplete !== true || !isSame(staging.snapshot, snapshot)) return false;
    assert(snapshot.index > this.#applied.index, '[D17] what is applied never goes back');
    const before = this.#generation;
    this.#staging = undefined;
    this.#generation = staging.generation;
    this.#confState = snapshot.confState;
    this.#conf = confBytes(snapshot.confState);
    this.#runner.drop();
    this.#runner = this.#newRunner();
    this.#parts.feed?.openShard(this.shard, snapshot.index);
    this.#broken = undefined;
    this.#unsupported = undefined;
    this.#checkEditions();
    this.#store.delete(stagedKey(this.shard));
    this.#parts.garbage.add(this.shard, before);
    this.#advance({ index: snapshot.index, term: snapshot.term });
    return true;
  }

  finishInstall(snapshot: Snapshot): 'current' | 'finished' | 'missing' {
    if (snapshot.index <= this.#applied.index) return 'current';
    return this.install(snapshot) ? 'finished' : 'missing';
  }

  present(): { readonly view: StoreView; readonly prefix: Uint8Array } {
    return { view: this.#store, prefix: generationPrefix(this.shard, this.#generation) };
  }

  digest(): string {
    const { view, prefix } = this.present();
    return digestOf(view, prefix);
  }
}

/** Said where the member's operator reads it. */
function describeLack(lacks: string): string {
  return `this release cannot carry it out: ${lacks}. Start the release that the others run`;
}

export function confBytes(confState: ConfState): Uint8Array {
  return encodeSnapshot({ index: 0, term: 0, confState, data: NO_DATA });
}

function isSame(a: Snapshot, b: Snapshot): boolean {
  return a.index === b.index && a.term === b.term && equalBytes(a.data, b.data);
}
