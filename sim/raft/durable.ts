// One replica's disk: what is durable, and the writes on their way there, in the order in which
// they were asked for. A crash keeps of them what the contract of the log allows: the first few
// steps of all writes. What is lost is lost from the back, never out of the middle.

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
import { changeInSteps, stepsOf } from '../../test/contracts/log-crash.ts';
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

  perform(write: Write): void {
    this.#perform(write, Number.POSITIVE_INFINITY);
  }

  /** Carries out the first `steps` of a write. */
  #perform({ entries, hardState, snapshot }: Write, steps: number): void {
    if (hardState !== undefined) this.#checkHardState(hardState);
    const isInstalled = snapshot !== undefined && snapshot.index > this.snapshotIndex;
    let done = 0;
    for (const _ of changeInSteps(this.log, { install: snapshot, hardState, entries })) {
      done += 1;
      if (done === steps) break;
    }
    if (hardState !== undefined) this.hardState = hardState;
    if (!isInstalled) return;
    this.checkpoint = { image: this.#imageOf(snapshot), confState: snapshot.confState };
  }

  #checkHardState(state: HardState): void {
    const old = this.hardState;
    assert(state.term >= old.term, 'the durable term does not fall');
    assert(
      state.term > old.term || old.vote === 0 || old.vote === state.vote,
      'a durable vote stands until the term changes',
    );
  }

  /**
   * What a core starts from. The commit index may lie beyond the entries that a crash has left; all
   * of those below it are committed.
   */
  stateAtStart(): HardState {
    const { hardState } = this;
    return { ...hardState, commit: Math.min(hardState.commit, this.log.lastIndex()) };
  }

  /**
   * Some of the writes under way make it, in order, the last of them perhaps in part: half of the
   * time the newest one, and of that only the head in one case of two.
   */
  crash(random: { below(bound: number): number }): void {
    const { length } = this.queue;
    if (length === 0) return;
    const kept = random.below(2) === 0 ? length - 1 : random.below(length + 1);
    for (const write of this.queue.slice(0, kept)) this.perform(write);
    this.#counters.writesUnconfirmed += kept;
    const torn = this.queue[kept];
    if (torn !== undefined) {
      this.#counters.writesLost += 1;
      const steps = random.below(2) === 0 ? 1 : random.below(stepsOf(torn));
      if (steps > 0) {
        this.#counters.writesTorn += 1;
        this.#perform(torn, steps);
      }
    }
    this.queue = [];
  }

  /** The last entry once all that was asked for is done. */
  get lastQueued(): number {
    const last = this.queue.findLast(({ entries, snapshot }) => entries.length > 0 || snapshot);
    return last?.entries.at(-1)?.index ?? last?.snapshot?.index ?? this.log.lastIndex();
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
