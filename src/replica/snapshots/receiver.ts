// The states that this member receives: which it takes, and what becomes of those that come to
// nothing.

import { assert } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Timer } from '../../base/capabilities.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
} from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { endOfPrefix, NO_PROGRESS, type Progress, type ReplicaState } from '../state/index.ts';
import { answerComparison } from './comparing.ts';
import { IncomingTransfer } from './incoming.ts';
import type { SnapshotLimits, SnapshotParts, SnapshotsHandler } from './types.ts';
import {
  decodeComparison,
  decodeHeader,
  decodeOffer,
  encodeVerdict,
  type Offer,
  type Verdict,
} from './wire.ts';

const NO_SHARD = -1;
const NOTHING_EQUAL = new Uint8Array(0);

export class SnapshotReceiver {
  readonly counters = { received: 0, receivesFailed: 0 };
  readonly #parts: SnapshotParts;
  readonly #handler: SnapshotsHandler;
  readonly #limits: SnapshotLimits;
  readonly #running = new Map<ShardId, IncomingTransfer>();
  /** Handed to the host, which installs them: nothing may take their place. */
  readonly #installing = new Map<ShardId, Snapshot>();
  /** How far what nobody sends any more had come when it was last looked at. */
  #idle = new Map<ShardId, Progress>();
  #sweep: Timer | undefined;

  constructor(parts: SnapshotParts, handler: SnapshotsHandler, limits: SnapshotLimits) {
    this.#parts = parts;
    this.#handler = handler;
    this.#limits = limits;
    this.#scheduleSweep();
  }

  get running(): number {
    return this.#running.size;
  }

  answer(request: IncomingRequest): void {
    const offer = decodeOffer(request.body, request.from, this.#parts.member);
    const verdict: Verdict = offer === undefined ? { kind: 'refused' } : this.#judge(offer);
    request.respond(encodeVerdict(verdict));
  }

  compare(request: IncomingRequest): void {
    const comparison = decodeComparison(request.body);
    const running = this.#running.get(comparison?.shard ?? NO_SHARD);
    const data = this.#parts.states.state(comparison?.shard ?? NO_SHARD);
    const isOfRunning =
      comparison !== undefined &&
      running?.offer.message.from === request.from &&
      equalBytes(running.offer.snapshot.data, comparison.name);
    if (isOfRunning && data !== undefined) {
      answerComparison(request, comparison, data, this.#parts.clock);
    } else request.respond(NOTHING_EQUAL);
  }

  accept(from: MemberId, header: Uint8Array): IncomingStreamHandler | undefined {
    const offer = decodeHeader(header, from, this.#parts.member);
    if (offer === undefined) return undefined;
    const data = this.#parts.states.state(offer.shard);
    const verdict = this.#judge(offer);
    if (data === undefined || verdict.kind !== 'wanted') return undefined;
    // [N6] Either from the beginning, or from where this side stands; there is nothing between.
    const isContinued = offer.chunks > 0;
    if (isContinued && verdict.progress.chunks !== offer.chunks) return undefined;
    this.#running.get(offer.shard)?.giveWay();
    const present = data.staging;
    const staging = isContinued && present !== undefined ? present : data.stage(offer.snapshot);
    const transfer = new IncomingTransfer(offer, data, staging, this.#parts, (isWhole, why) =>
      this.#end(transfer, data, isWhole, why),
    );
    this.#running.set(offer.shard, transfer);
    assert(this.#running.size <= this.#limits.receivesMax, '[N11] few states are taken at once');
    return transfer;
  }

  close(): void {
    this.#sweep?.cancel();
    for (const transfer of this.#running.values()) transfer.giveWay();
    this.#running.clear();
  }

  /**
   * [N15] What is on its way is not taken any more; what is staged goes with the next sweep. One
   * that was handed to the host stays: the log may name it already, and no other one would do when
   * the shard is opened again.
   */
  closeShard(shard: ShardId): void {
    this.#running.get(shard)?.giveWay();
    this.#running.delete(shard);
  }

  /** [N15] By now a state that the log names is installed; what else is staged is not needed. */
  openShard(shard: ShardId): void {
    this.#installing.delete(shard);
  }

  /** Decides only; nothing is changed here but that the core may hear of a state it has. */
  #judge(offer: Offer): Verdict {
    const { shard, snapshot, message } = offer;
    const data = this.#parts.states.state(shard);
    const running = this.#running.get(shard);
    if (data === undefined || !this.#handler.runs(shard)) return { kind: 'refused' };
    const term = Math.max(this.#handler.termOf(shard), running?.offer.message.term ?? 0);
    if (message.term < term) return { kind: 'stale', term };
    if (running?.isFinishing === true || isOlder(offer, running?.offer)) return { kind: 'refused' };
    if (snapshot.index <= data.applied().index) {
      // The core answers how far it is, and its leader goes on from there.
      this.#handler.onStaged(shard, message);
      return { kind: 'taken' };
    }
    if (this.#isInstalling(shard, data)) return { kind: 'refused' };
    const others = this.#running.size - (running === undefined ? 0 : 1);
    if (others >= this.#limits.receivesMax || this.#parts.wal.isCramped) {
      return { kind: 'refused' };
    }
    assert(snapshot.index > data.applied().index, '[N10] only a newer state is wanted');
    const { staging } = data;
    const isSame = staging !== undefined && isSameState(staging.snapshot, snapshot);
    const progress = isSame && !staging.isComplete ? staging.progress : NO_PROGRESS;
    return { kind: 'wanted', progress, compares: hasPairs(data) };
  }

  #isInstalling(shard: ShardId, data: ReplicaState): boolean {
    const handed = this.#installing.get(shard);
    const staged = data.staged();
    if (handed === undefined) return false;
    if (staged !== undefined && isSameState(handed, staged)) return true;
    this.#installing.delete(shard);
    return false;
  }

  #end(transfer: IncomingTransfer, data: ReplicaState, isWhole: boolean, why: string): boolean {
    const { shard, snapshot, message } = transfer.offer;
    const { events, log } = this.#parts;
    const { from } = message;
    assert(data.shard === shard, '[N5] a transfer ends for its own shard');
    if (this.#running.get(shard) === transfer) this.#running.delete(shard);
    if (!isWhole) {
      this.counters.receivesFailed += 1;
      log.warn('snapshot not received', { shard, from, why });
      events?.tell({ kind: 'snapshotFailed', shard, from });
      return false;
    }
    this.counters.received += 1;
    log.info('snapshot received', { shard, index: snapshot.index });
    events?.tell({ kind: 'snapshotReceived', shard, from });
    if (this.#handler.onStaged(shard, message)) this.#installing.set(shard, snapshot);
    else data.dropStaging();
    return true;
  }

  // --- what came to nothing ---------------------------------------------------------------------

  #scheduleSweep(): void {
    this.#sweep = this.#parts.clock.setTimer(this.#limits.sweepMs, () => {
      this.#dropAbandoned();
      this.#scheduleSweep();
    });
  }

  /** [N9] What has not grown since the last time, and is not under way, goes. */
  #dropAbandoned(): void {
    const idle = new Map<ShardId, Progress>();
    for (const shard of this.#installing.keys()) {
      if (this.#parts.states.state(shard) === undefined) this.#installing.delete(shard);
    }
    for (const shard of this.#parts.states.shardIds()) {
      const data = this.#parts.states.state(shard);
      const progress = data?.staging?.progress;
      if (data === undefined || progress === undefined) continue;
      if (this.#running.has(shard) || this.#isInstalling(shard, data)) continue;
      if (this.#idle.get(shard) === progress) data.dropStaging();
      else idle.set(shard, progress);
    }
    this.#idle = idle;
  }
}

/** [N13] Whether a newer state of the same leader is on its way. */
function isOlder({ message, snapshot }: Offer, running: Offer | undefined): boolean {
  return running?.message.term === message.term && snapshot.index < running.snapshot.index;
}

function hasPairs(data: ReplicaState): boolean {
  const { view, prefix } = data.present();
  for (const _pair of view.range(prefix, endOfPrefix(prefix))) return true;
  return false;
}

function isSameState(a: Snapshot, b: Snapshot): boolean {
  return a.index === b.index && a.term === b.term && equalBytes(a.data, b.data);
}
