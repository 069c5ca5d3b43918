// A shard's proposals, from the door to the answer. They are handed to the core as one batch per
// turn, several to an entry where the shard agreed on that [H98], and are known from then on by
// their place in the log: a batch has consecutive indexes, so that the entry at hand is matched by
// counting, and its commands as well.
//
//   waiting at the door   in the log, not applied
//   p7 p8 p9              [(4 5) 6] [2 3]       batches, each with the term it was accepted in
//
// [H10] Only the committed entry at a proposal's index decides. A proposal that lost its place in
// our log may come back: A leads term 2 and appends 10 on A and D alone. B leads term 3, replaces
// A's 10 by its own on A, and dies. D wins term 4 with the old 10, and commits it. So a leader of
// the past keeps watching until something at 10 is committed, or says that it does not know.

import { assert } from '../../base/assert.ts';
import {
  type ConfChange,
  NO_NODE,
  type ProposalRefusal,
  type ProposeConfChangeOutcome,
  type RaftCore,
} from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { WriteDoubt, WriteRefusal } from '../types.ts';
import type { Admission } from './admission.ts';
import type { Answers, WriteDone } from './answers.ts';
import { onePerEntry, packed } from './packing.ts';

interface Batch {
  readonly term: number;
  readonly last: number;
  readonly first: number;
  readonly dones: readonly WriteDone[];
  /** Of each entry: the place in `dones` behind its last command. */
  readonly ends: readonly number[];
  /** As they were let in. */
  readonly bytes: number;
  /** The first index whose entry is not decided. */
  next: number;
  /** The place in `dones` of who is told next: within the entry at `next`. */
  place: number;
  /** Infinity while we lead the term. */
  givesUpMs: number;
}

interface WaitingChange {
  readonly change: ConfChange;
  readonly done: WriteDone;
}

const REFUSALS: Readonly<Record<ProposalRefusal, WriteRefusal>> = {
  noLeader: 'noLeader',
  forwardingDisabled: 'notLeader',
  removed: 'notLeader',
  transferringLeadership: 'transferring',
  uncommittedBytes: 'overloaded',
  emptyBatch: 'malformed',
  malformedChange: 'malformed',
};

type IgnoredChange = Extract<ProposeConfChangeOutcome, { kind: 'ignored' }>['reason'];

const CHANGE_REFUSALS: Readonly<Record<IgnoredChange, WriteRefusal>> = {
  pendingChange: 'changePending',
  alreadyJoint: 'changeImpossible',
  notJoint: 'changeImpossible',
  simpleWhileJoint: 'changeImpossible',
  zeroVoters: 'changeImpossible',
  removedAllVoters: 'changeImpossible',
  moreThanOneVoterChanged: 'changeImpossible',
};

export class Proposals {
  readonly #admission: Admission;
  readonly #answers: Answers;
  readonly #entryBytesMax: number;
  #payloads: Uint8Array[] = [];
  #dones: WriteDone[] = [];
  #bytes = 0;
  #changes: WaitingChange[] = [];
  /** In the order in which they were accepted. */
  #batches: Batch[] = [];
  /** A later batch begins at or below the end of an earlier one: its leader lost its tail. */
  #isOverlapping = false;

  /** A packed entry is as large as `entryBytesMax` at most. */
  constructor(admission: Admission, answers: Answers, entryBytesMax: number) {
    this.#admission = admission;
    this.#answers = answers;
    this.#entryBytesMax = entryBytesMax;
  }

  /** Nothing waits, neither at the door nor in the log. */
  get isEmpty(): boolean {
    return this.#dones.length === 0 && this.#changes.length === 0 && this.#batches.length === 0;
  }

  /** Config changes wait for the end of the turn. */
  get hasChanges(): boolean {
    return this.#changes.length > 0;
  }

  /** Undefined if it waits now for the end of the turn. */
  add(payload: Uint8Array, done: WriteDone): WriteRefusal | undefined {
    const refusal = this.#admission.admit(payload.length);
    if (refusal !== undefined) return refusal;
    this.#payloads.push(payload);
    this.#dones.push(done);
    this.#bytes += payload.length;
    return undefined;
  }

  addChange(change: ConfChange, done: WriteDone): WriteRefusal | undefined {
    const refusal = this.#admission.admit(0);
    if (refusal === undefined) this.#changes.push({ change, done });
    return refusal;
  }

  /** The proposals of this turn go into the log, all of them or none. */
  hand(core: RaftCore, leader: MemberId, mayPack: boolean, timeMs: number): void {
    if (this.#dones.length > 0) this.#handPayloads(core, leader, mayPack, timeMs);
    if (this.#changes.length > 0) this.#handChanges(core, leader);
  }

  #handPayloads(core: RaftCore, leader: MemberId, mayPack: boolean, timeMs: number): void {
    const [dones, bytes] = [this.#dones, this.#bytes];
    assert(this.#payloads.length === dones.length, '[H10] a proposal has a caller');
    const entries = mayPack
      ? packed(this.#payloads, this.#entryBytesMax, timeMs)
      : onePerEntry(this.#payloads, timeMs);
    const outcome = core.propose(entries.payloads);
    this.#payloads = [];
    this.#dones = [];
    this.#bytes = 0;
    if (outcome.kind === 'accepted') {
      const { firstIndex, lastIndex, term } = outcome;
      this.#enter(term, firstIndex, lastIndex, dones, entries.ends, bytes);
      return;
    }
    assert(outcome.kind === 'refused', '[H11] the core passes nothing on: the host does');
    this.#admission.release(dones.length, bytes);
    const reason = REFUSALS[outcome.reason];
    const known = knownLeader(reason, leader);
    for (const done of dones) this.#answers.refuseWrite(done, reason, known);
  }

  #handChanges(core: RaftCore, leader: MemberId): void {
    for (;;) {
      const [first] = this.#changes;
      if (first === undefined) return;
      const { change, done } = first;
      const outcome = core.proposeConfChange(change);
      // Let go of when the core has answered: if it breaks, they are told with all others. [H90]
      this.#changes.shift();
      if (outcome.kind === 'accepted') {
        this.#enter(outcome.term, outcome.index, outcome.index, [done], [1], 0);
        continue;
      }
      assert(outcome.kind !== 'forwarded', '[H11] the core passes nothing on: the host does');
      this.#admission.release(1, 0);
      // An ignored change stands in the log as an empty entry, which is nobody's.
      const isIgnored = outcome.kind === 'ignored';
      const reason = isIgnored ? CHANGE_REFUSALS[outcome.reason] : REFUSALS[outcome.reason];
      this.#answers.refuseWrite(done, reason, knownLeader(reason, leader));
    }
  }

  #enter(
    term: number,
    first: number,
    last: number,
    dones: readonly WriteDone[],
    ends: readonly number[],
    bytes: number,
  ): void {
    assert(last - first + 1 === ends.length, '[H10] a batch has consecutive indexes');
    assert(ends.at(-1) === dones.length, '[H98] every command is in an entry of its batch');
    assert(term >= (this.#batches.at(-1)?.term ?? 0), '[H10] a later batch is of no earlier term');
    if ((this.#batches.at(-1)?.last ?? 0) >= first) this.#isOverlapping = true;
    const givesUpMs = Number.POSITIVE_INFINITY;
    this.#batches.push({ term, first, last, dones, ends, bytes, next: first, place: 0, givesUpMs });
  }

  // --- answers ----------------------------------------------------------------------------------

  /**
   * The command at `position` within the entry of `term` at `index` had its effect; those before it
   * had theirs. Without a result it was a config change that cannot be carried out.
   */
  settle(index: number, term: number, position: number, result: Uint8Array | undefined): void {
    const batches = this.#batches;
    for (let at = 0; at < batches.length; at++) {
      const batch = batches[at] as Batch;
      if (batch.next <= index) settleOne(batch, index, term, position, result, this.#answers);
      // Ascending batches: what is not beyond one of them is not in a later one.
      if (!this.#isOverlapping && index <= batch.last) break;
    }
    const first = batches[0];
    if (this.#isOverlapping || (first !== undefined && first.next > first.last)) {
      this.#dropSettled();
    }
  }

  /** Everything up to `index` had its effect: what stood there without a result was not ours. */
  settleTo(index: number): void {
    if (this.#batches.length === 0) return;
    for (const batch of this.#batches) replaceBefore(batch, index + 1, this.#answers);
    this.#dropSettled();
  }

  #dropSettled(): void {
    if (this.#batches.length === 0) return;
    const open: Batch[] = [];
    for (const batch of this.#batches) {
      if (batch.next <= batch.last) open.push(batch);
      else this.#admission.release(batch.dones.length, batch.bytes);
    }
    this.#batches = open;
    if (open.length <= 1) this.#isOverlapping = false;
  }

  /** We do not lead any more: what is in the log is decided by others, but we may see it. */
  orphan(givesUpMs: number): void {
    for (const batch of this.#batches) batch.givesUpMs = Math.min(batch.givesUpMs, givesUpMs);
  }

  /** Those who watched for too long are told that nobody knows. */
  sweep(nowMs: number): void {
    for (const batch of this.#batches) {
      if (batch.givesUpMs <= nowMs) this.#doubt(batch, batch.last, 'leaderChanged');
    }
    this.#dropSettled();
  }

  /** A snapshot replaced the log up to `index`: which entries it was made of is not known. */
  skipTo(index: number): void {
    for (const batch of this.#batches) this.#doubt(batch, index, 'leaderChanged');
    this.#dropSettled();
  }

  #doubt(batch: Batch, upTo: number, reason: WriteDoubt): void {
    assert(batch.next <= batch.last + 1, '[H10] nothing is decided beyond the end of a batch');
    for (const end = Math.min(upTo, batch.last); batch.next <= end; batch.next++) {
      const placeEnd = placeBehind(batch, batch.next);
      for (; batch.place < placeEnd; batch.place++) {
        this.#answers.doubtWrite(batch.dones[batch.place] as WriteDone, reason);
      }
    }
  }

  /** The shard or the member stops. */
  stop(): void {
    this.#admission.release(this.#dones.length + this.#changes.length, this.#bytes);
    for (const done of this.#dones) this.#answers.refuseWrite(done, 'stopping', 0);
    for (const { done } of this.#changes) this.#answers.refuseWrite(done, 'stopping', 0);
    this.#dones = [];
    this.#changes = [];
    this.#payloads = [];
    this.#bytes = 0;
    for (const batch of this.#batches) this.#doubt(batch, batch.last, 'stopped');
    this.#dropSettled();
    assert(this.isEmpty, '[H91] everyone who waits is told');
  }
}

/** The core may have lost the leader since the last Ready, and been that leader itself. */
function knownLeader(reason: WriteRefusal, leader: MemberId): MemberId {
  return reason === 'noLeader' ? NO_NODE : leader;
}

function settleOne(
  batch: Batch,
  index: number,
  term: number,
  position: number,
  result: Uint8Array | undefined,
  answers: Answers,
): void {
  const { first, last } = batch;
  if (batch.next < index) replaceBefore(batch, index, answers);
  if (batch.next !== index || index > last) return;
  if (batch.term !== term) {
    replaceBefore(batch, index + 1, answers);
    return;
  }
  const begin = index === first ? 0 : placeBehind(batch, index - 1);
  const end = placeBehind(batch, index);
  const { place } = batch;
  assert(place === begin + position && place < end, '[H98] results come in the order of an entry');
  const done = batch.dones[place] as WriteDone;
  if (result === undefined) answers.refuseWrite(done, 'changeImpossible', 0);
  else answers.write(done, { kind: 'applied', index, result });
  batch.place += 1;
  if (batch.place === end) batch.next += 1;
}

/** The place in `dones` behind the last command of the entry at `index`. */
function placeBehind({ ends, first }: Batch, index: number): number {
  assert(index >= first && index - first < ends.length, '[H10] an index of a batch is an entry');
  return ends[index - first] as number;
}

/**
 * [H10] Another leader's entries stand there, or empty ones without a result, as ours never are.
 * All commands of an entry of ours share its fate.
 */
function replaceBefore(batch: Batch, index: number, answers: Answers): void {
  const end = Math.min(index - 1, batch.last);
  if (batch.next > end) return;
  const placeEnd = placeBehind(batch, end);
  for (; batch.place < placeEnd; batch.place++) {
    answers.refuseWrite(batch.dones[batch.place] as WriteDone, 'replaced', 0);
  }
  batch.next = end + 1;
}
