// What a leader knows about one peer's log, and how boldly it sends.
//
//                  rejected, unreachable
//            +----------------------------------+
//            v                                  |
//        +-------+   acknowledged at match  +-----------+
//        | probe | -----------------------> | replicate |
//        +-------+                          +-----------+
//          ^   \                             ^    |
//   report |    \  needs what is compacted  /     | needs what is compacted
//          |     v                         /      v
//          |   +----------+  acknowledged /  (same as from probe)
//          +---| snapshot | -------------+
//              +----------+
//
// probe:     one append at a time: `next` is a guess. Paused once an append with entries left.
// replicate: `next` runs ahead of what is acknowledged, as far as the window allows.
// snapshot:  nothing is sent until the snapshot's fate is known.

import { assert } from '../../base/assert.ts';
import { Inflights } from './inflights.ts';
import type { PeerStatus, ProgressState } from './outputs.ts';
import type { NodeId } from './types.ts';

export interface WindowLimits {
  readonly messagesMax: number;
  readonly bytesMax: number;
}

export class Progress {
  readonly id: NodeId;
  state: ProgressState = 'probe';
  /** The highest index known to be in the peer's log and equal to ours there. */
  match = 0;
  /** The next index to send. [R30] next > match, always. */
  next: number;
  /** The highest commit index that is on its way to the peer. May fall when appends are lost. */
  #sentCommit = 0;
  /** Index of the snapshot on its way; 0 unless in state `snapshot`. */
  pendingSnapshot = 0;
  /** Heard from since the last quorum check. */
  isRecentlyActive: boolean;
  /** In probe: an append with entries is out. In replicate: the window is full. */
  isFlowPaused = false;
  isLearner: boolean;
  /** The log is asked for entries that this peer needs: nothing to send until they come. */
  isFetching = false;
  /** The newest read round that the peer confirmed. */
  readRound = 0;
  readonly inflights: Inflights;

  constructor(id: NodeId, next: number, isLearner: boolean, active: boolean, limits: WindowLimits) {
    assert(next >= 1, '[R30] logs start at index 1');
    this.id = id;
    this.next = next;
    this.isLearner = isLearner;
    this.isRecentlyActive = active;
    this.inflights = new Inflights(limits.messagesMax, limits.bytesMax);
  }

  #resetState(state: ProgressState): void {
    this.state = state;
    this.isFlowPaused = false;
    this.pendingSnapshot = 0;
    this.inflights.reset();
  }

  becomeProbe(): void {
    // A snapshot that arrived covers the log up to its index: probe behind it.
    const behindSnapshot = this.state === 'snapshot' ? this.pendingSnapshot + 1 : 0;
    this.#resetState('probe');
    this.next = Math.max(this.match + 1, behindSnapshot);
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
    assert(this.next > this.match, '[R30] what is acknowledged is not sent again');
  }

  becomeReplicate(): void {
    this.#resetState('replicate');
    this.next = this.match + 1;
    assert(!this.isPaused(), '[R32] a peer that replicates starts with an empty window');
  }

  becomeSnapshot(index: number): void {
    this.#resetState('snapshot');
    this.pendingSnapshot = index;
    this.next = index + 1;
    this.#sentCommit = index;
    assert(this.next > this.match, '[R30] a snapshot is sent only to a peer that lacks it');
  }

  /** No append may leave, not even an empty one. */
  isPaused(): boolean {
    return this.state === 'snapshot' || this.isFlowPaused;
  }

  /** An append with `count` entries of `bytes` payload left. */
  sentEntries(count: number, bytes: number): void {
    assert(this.state !== 'snapshot', '[R32] nothing leaves while a snapshot is on its way');
    if (this.state === 'probe') {
      if (count > 0) this.isFlowPaused = true;
      return;
    }
    assert(count >= 0 && bytes >= 0, '[R31] an append has a size');
    if (count > 0) {
      this.next += count;
      this.inflights.add(this.next - 1, bytes);
    }
    // An empty append to a full window is a probe too: one per heartbeat response.
    this.isFlowPaused = this.inflights.isFull();
  }

  /** An append with commit index `commit` would tell the peer something new. */
  canBumpCommit(commit: number): boolean {
    return commit > this.#sentCommit && this.#sentCommit < this.next - 1;
  }

  sentCommitTo(commit: number): void {
    this.#sentCommit = commit;
  }

  /** The peer acknowledged everything up to `index`. False if that is old news. */
  maybeUpdate(index: number): boolean {
    if (index <= this.match) return false;
    this.match = index;
    this.next = Math.max(this.next, index + 1);
    this.isFlowPaused = false;
    assert(this.next > this.match, '[R30] what is acknowledged is not sent again');
    return true;
  }

  /**
   * The peer has no match at `rejected`, and suggests to go on at `hint`. False if the rejection is
   * late: A sent appends behind 5 and 7 to B, B rejects both; after the first rejection A probes
   * behind 4, and the second one says nothing about that.
   */
  maybeDecrease(rejected: number, hint: number): boolean {
    assert(rejected >= 0 && hint >= 0, '[R18] rejections and hints are indexes');
    if (this.state === 'replicate') {
      if (rejected <= this.match) return false;
      this.next = this.match + 1;
      this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
      return true;
    }
    if (this.next - 1 !== rejected) return false;
    this.next = Math.max(Math.min(rejected, hint + 1), this.match + 1);
    this.#sentCommit = Math.min(this.#sentCommit, this.next - 1);
    this.isFlowPaused = false;
    assert(
      this.next > this.match && this.next <= Math.max(rejected, this.match + 1),
      '[R18] a rejection takes the probe back, but not behind what is acknowledged',
    );
    return true;
  }

  status(): PeerStatus {
    return {
      id: this.id,
      state: this.state,
      match: this.match,
      next: this.next,
      isLearner: this.isLearner,
      isPaused: this.isPaused(),
      isRecentlyActive: this.isRecentlyActive,
      pendingSnapshot: this.pendingSnapshot,
      inflightMessages: this.inflights.count,
      isInflightFull: this.inflights.isFull(),
    };
  }
}
