// The chunks to be sent next. To a peer that has an older state most chunks need not be sent at
// all: some are read ahead, the peer is asked which of them it has just so, and only the others go.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { PreparedSnapshot, Progress } from '../state/index.ts';
import { readChunk, type StateChunk } from './state-chunks.ts';
import type { SnapshotLimits } from './types.ts';
import type { Comparison } from './wire.ts';

const { comparedChunksMax } = LIMITS.snapshots;

export interface QueuedChunk {
  readonly chunk: StateChunk;
  /** The peer said that it has the same. */
  readonly isSame: boolean;
}

type Question = Pick<Comparison, 'after' | 'ranges'>;

export class ChunkQueue {
  readonly #prepared: PreparedSnapshot;
  readonly #limits: SnapshotLimits;
  readonly #ask: (question: Question) => void;
  #compares: boolean;
  #readTo: Progress;
  /** Where the first of `#asked` begins. */
  #after: Progress;
  /** Read, and being compared or about to be. */
  #asked: StateChunk[] = [];
  #isAsking = false;
  readonly #ready: QueuedChunk[] = [];

  constructor(
    prepared: PreparedSnapshot,
    from: Progress,
    compares: boolean,
    limits: SnapshotLimits,
    ask: (question: Question) => void,
  ) {
    this.#prepared = prepared;
    this.#limits = limits;
    this.#compares = compares;
    this.#readTo = from;
    this.#after = from;
    this.#ask = ask;
  }

  /** `later`: read ahead, ask again in the next turn. `asks`: when the answer is there. */
  next(): QueuedChunk | 'later' | 'asks' | 'end' {
    if (this.#isAsking) return 'asks';
    const ready = this.#ready.shift();
    if (ready !== undefined) return ready;
    const chunk = readChunk(this.#prepared, this.#readTo, this.#limits.chunkBytesMax);
    if (chunk !== undefined) {
      this.#readTo = chunk.progress;
      if (!this.#compares) return { chunk, isSame: false };
      this.#asked.push(chunk);
      if (this.#asked.length < comparedChunksMax) return 'later';
    }
    if (this.#asked.length === 0) return 'end';
    assert(this.#ready.length === 0, '[N12] what was answered is sent before more is asked');
    assert(this.#asked.length <= comparedChunksMax, '[N14] few chunks are compared at once');
    this.#isAsking = true;
    this.#ask({
      after: this.#after.lastKey,
      ranges: this.#asked.map(({ bytes, digest, progress }) => {
        return { bytes: bytes.length, digest, lastKey: progress.lastKey };
      }),
    });
    return 'asks';
  }

  /** `equal` has a 1 for each chunk that the peer has; of another length: it did not look. */
  answer(equal: Uint8Array): void {
    assert(this.#isAsking, '[N12] an answer follows a question');
    this.#isAsking = false;
    if (equal.length !== this.#asked.length) this.#compares = false;
    for (const [at, chunk] of this.#asked.entries()) {
      this.#ready.push({ chunk, isSame: this.#compares && equal[at] === 1 });
    }
    this.#asked = [];
    this.#after = this.#readTo;
  }
}
