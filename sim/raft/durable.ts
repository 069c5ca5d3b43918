// One replica's disk: what is durable, and the writes on their way there, in the order in which
// they were asked for. A crash keeps the first few of them, the last of these perhaps in part: what
// is lost is lost from the back, never out of the middle.

import { assert } from '../../src/base/assert.ts';
import {
  type ConfState,
  type Entry,
  type HardState,
  MemoryLog,
  type Message,
  type Ready,
  type Snapshot,
} from '../../src/core/raft/index.ts';
import type { Counters } from './counters.ts';
import type { MachineImage } from './machine.ts';

export interface Write {
  readonly hardState: HardState | undefined;
  readonly entries: readonly Entry[];
  readonly snapshot: Snapshot | undefined;
  /** Delivered once the write is durable. */
  readonly responses: readonly Message[];
  /** Without asynchronous writes: the Ready whose other work follows the write. */
  readonly ready: Ready | undefined;
}

/** What a restarted machine starts from. */
export interface Checkpoint {
  readonly image: MachineImage;
  readonly confState: ConfState;
}

export class Disk {
  readonly log: MemoryLog;
  hardState: HardState = { term: 0, vote: 0, commit: 0 };
  checkpoint: Checkpoint;
  queue: Write[] = [];
  readonly #counters: Counters;
  readonly #imageOf: (snapshot: Snapshot) => MachineImage;

  constructor(
    checkpoint: Checkpoint,
    counters: Counters,
    imageOf: (snapshot: Snapshot) => MachineImage,
  ) {
    this.log = new MemoryLog(checkpoint.confState);
    this.checkpoint = checkpoint;
    this.#counters = counters;
    this.#imageOf = imageOf;
  }

  /** The oldest write is done. */
  finishFirst(): Write {
    const [write, ...rest] = this.queue;
    assert(write !== undefined, 'only a write that was asked for is done');
    this.queue = rest;
    this.perform(write);
    return write;
  }

  perform({ hardState, entries, snapshot }: Write): void {
    if (snapshot !== undefined && this.log.applySnapshot(snapshot)) {
      this.checkpoint = { image: this.#imageOf(snapshot), confState: snapshot.confState };
    }
    this.log.append(entries);
    if (hardState !== undefined) this.#setHardState(hardState);
  }

  #setHardState(state: HardState): void {
    const old = this.hardState;
    assert(state.term >= old.term, 'the durable term does not fall');
    assert(
      state.term > old.term || old.vote === 0 || old.vote === state.vote,
      'a durable vote stands until the term changes',
    );
    assert(state.commit <= this.log.lastIndex(), 'what is committed by the disk is on the disk');
    this.hardState = state;
    this.log.setHardState(state);
  }

  /** Some of the writes under way make it, in order; all others never happened. */
  crash(random: { below(bound: number): number }): void {
    if (this.queue.length === 0) return;
    const kept = random.below(this.queue.length + 1);
    for (const write of this.queue.slice(0, kept)) this.perform(write);
    this.#counters.writesUnconfirmed += kept;
    const torn = this.queue[kept];
    if (torn !== undefined) {
      this.#counters.writesLost += 1;
      if (torn.entries.length > 0 && torn.snapshot === undefined && random.below(2) === 0) {
        this.#tear(torn, random.below(torn.entries.length));
      }
    }
    this.queue = [];
  }

  /** Term and vote stand at the head of a write, its commit index behind the entries. */
  #tear({ hardState, entries }: Write, count: number): void {
    this.#counters.writesTorn += 1;
    if (hardState !== undefined) {
      const commit = Math.min(this.hardState.commit, this.log.lastIndex());
      this.#setHardState({ ...hardState, commit });
    }
    this.log.append(entries.slice(0, count));
  }

  get snapshotIndex(): number {
    const snapshot = this.log.snapshot();
    return snapshot === 'pending' ? 0 : snapshot.index;
  }

  holds(index: number, term: number): boolean {
    const found = this.log.term(index);
    // What is compacted was committed, and committed entries do not differ.
    return found === term || found === 'compacted';
  }
}
