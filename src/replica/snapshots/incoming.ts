// One state on its way here: checks what comes and stages it beside the present state.

import { assert } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import { LIMITS } from '../../base/limits.ts';
import type { IncomingStreamHandler } from '../../engine/transport/index.ts';
import type { IncomingState, Progress, ReplicaState } from '../state/index.ts';
import { type Chunk, decodeChunk, digestChunk, progressAfter } from './chunks.ts';
import { readRange } from './state-chunks.ts';
import type { SnapshotParts } from './types.ts';
import type { Offer } from './wire.ts';

/** Told once how the transfer ended; true says that all of it is staged and durable. */
export type IncomingEnd = (isWhole: boolean, why: string) => boolean;

export class IncomingTransfer implements IncomingStreamHandler {
  readonly offer: Offer;
  readonly #data: ReplicaState;
  readonly #staging: IncomingState;
  readonly #parts: SnapshotParts;
  readonly #onEnd: IncomingEnd;
  /** Why the rest is not even looked at. */
  #failure: string | undefined;
  #isEndSeen = false;
  #isFinishing = false;

  constructor(
    offer: Offer,
    data: ReplicaState,
    staging: IncomingState,
    parts: SnapshotParts,
    onEnd: IncomingEnd,
  ) {
    this.offer = offer;
    this.#data = data;
    this.#staging = staging;
    this.#parts = parts;
    this.#onEnd = onEnd;
  }

  /** All is here, and being made durable: too late to begin another transfer. */
  get isFinishing(): boolean {
    return this.#isFinishing;
  }

  async onChunk(bytes: Uint8Array): Promise<void> {
    this.#take(bytes);
    const { store, wal } = this.#parts;
    // [N7] The sender waits with us while the store cannot keep up, or must not grow.
    while ((store.isBehind || wal.isCramped) && this.#failure === undefined) await this.#pause();
  }

  async onFinish(): Promise<boolean> {
    if (!this.#isEndSeen) this.#failure ??= 'the stream ended early';
    if (this.#data.staging !== this.#staging) this.#failure ??= 'another state is being staged';
    if (this.#failure !== undefined) return this.#onEnd(false, this.#failure);
    this.#isFinishing = true;
    this.#staging.complete();
    assert(this.#staging.isComplete, '[N8] what is whole is marked so before it is durable');
    // [N8] The log may name this state only when no crash can take it away.
    const isDurable = await this.#parts.store.flush();
    // [N15] Meanwhile the shard may have been closed, opened again and offered another state.
    if (this.#data.staging !== this.#staging) {
      return this.#onEnd(false, 'another state is being staged');
    }
    return this.#onEnd(isDurable, 'the store has failed');
  }

  onAbort(reason: string): void {
    this.#failure ??= reason;
    if (!this.#isFinishing) this.#onEnd(false, reason);
  }

  /** Another transfer takes the place of this one. */
  giveWay(): void {
    this.#failure ??= 'a newer transfer took its place';
  }

  #take(bytes: Uint8Array): void {
    if (this.#failure !== undefined) return;
    const chunk = decodeChunk(bytes);
    if (this.#isEndSeen || chunk === undefined) {
      this.#failure = 'a chunk cannot be read';
      return;
    }
    const { progress } = this.#staging;
    if (chunk.kind === 'end') {
      // [N3] What the sender sent is what was staged, over all interruptions.
      this.#isEndSeen = isSameSum(chunk.totals, progress);
      if (!this.#isEndSeen) this.#failure = 'the sums of the state differ';
      return;
    }
    const isTaken =
      chunk.kind === 'same'
        ? this.#copy(chunk)
        : this.#staging.add(
            chunk.pairs,
            progressAfter(progress, bytes, digestChunk(bytes), chunk.pairs),
          );
    if (!isTaken) this.#failure = 'a chunk does not follow the one before, or is not here';
  }

  /** [N12] Only what is equal now: the machine may have gone on since the sender asked. */
  #copy({ bytes, digest, lastKey }: Extract<Chunk, { kind: 'same' }>): boolean {
    const { progress } = this.#staging;
    const { view, prefix } = this.#data.present();
    const found = readRange(view, prefix, progress, lastKey, bytes);
    if (found === undefined || !equalBytes(found.chunk.digest, digest)) return false;
    assert(found.chunk.progress.chunks === progress.chunks + 1, '[N6] chunks follow each other');
    return this.#staging.add(found.pairs, found.chunk.progress);
  }

  #pause(): Promise<void> {
    const { clock } = this.#parts;
    return new Promise((resolve) => {
      clock.setTimer(LIMITS.snapshots.behindPauseMs, resolve);
    });
  }
}

function isSameSum(totals: Omit<Progress, 'lastKey'>, progress: Progress): boolean {
  assert(totals.chain.length === progress.chain.length, '[N3] sums are of one length');
  return (
    totals.chunks === progress.chunks &&
    totals.pairs === progress.pairs &&
    totals.bytes === progress.bytes &&
    equalBytes(totals.chain, progress.chain)
  );
}
