// A shard's reads. Strong ones of a turn share one question to the core, whose answer is an index:
// they are served when the state has reached it.
//
//   gather (a turn) --readIndex--> ticket --ReadState--> index --applied--> the machine is asked

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { RaftCore, ReadDrop, ReadState } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ReplicaState } from '../state/index.ts';
import type { ReadLevel, ReadRefusal } from '../types.ts';
import { MemberLoad } from './admission.ts';
import type { Answers, ReadDone } from './answers.ts';

interface Read {
  readonly question: Uint8Array;
  readonly done: ReadDone;
  readonly givesUpMs: number;
}

interface ReadGroup {
  readonly level: 'strong' | 'lease';
  readonly askedMs: number;
  readonly reads: readonly Read[];
  /** 0 while it is not known. */
  index: number;
}

export interface ReadSettings {
  readonly timeoutMs: number;
  /** An answer that has not come by then is lost: the question is put again. */
  readonly retryMs: number;
}

const REFUSALS: Readonly<Record<ReadDrop['reason'], ReadRefusal>> = {
  noLeader: 'noLeader',
  tooManyReads: 'overloaded',
  leaderChanged: 'notLeader',
};

export class Reads {
  readonly #answers: Answers;
  readonly #settings: ReadSettings;
  #local: Read[] = [];
  #strong: Read[] = [];
  #lease: Read[] = [];
  readonly #asked = new Map<number, ReadGroup>();
  /** They know their index and wait for the state. */
  #known: ReadGroup[] = [];
  #count = 0;
  readonly #member: MemberLoad;
  #isCutShort = false;

  constructor(answers: Answers, settings: ReadSettings, member = new MemberLoad()) {
    this.#answers = answers;
    this.#settings = settings;
    this.#member = member;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  /** Undefined if it waits now. [H20] */
  add(
    level: ReadLevel,
    question: Uint8Array,
    done: ReadDone,
    nowMs: number,
  ): ReadRefusal | undefined {
    const limits = LIMITS.replica;
    const member = this.#member;
    if (question.length > limits.payloadBytesMax) return 'tooLarge';
    if (
      this.#count >= limits.readsWaitingMax ||
      member.reads >= limits.memberReadsMax ||
      member.readBytes + question.length > limits.memberReadsBytesMax
    ) {
      return 'overloaded';
    }
    this.#count += 1;
    member.reads += 1;
    member.readBytes += question.length;
    const read = { question, done, givesUpMs: nowMs + this.#settings.timeoutMs };
    if (level === 'local') this.#local.push(read);
    else if (level === 'lease') this.#lease.push(read);
    else this.#strong.push(read);
    return undefined;
  }

  /** Puts the questions of this turn to the core. */
  hand(core: RaftCore, leader: MemberId, nowMs: number): void {
    // Let go of when the core has answered: if it breaks, they are told with all others. [H90]
    if (this.#strong.length > 0) {
      const reads = this.#strong;
      this.#ask(core, { level: 'strong', askedMs: nowMs, reads, index: 0 }, leader);
      this.#strong = [];
    }
    if (this.#lease.length > 0) {
      const reads = this.#lease;
      this.#ask(core, { level: 'lease', askedMs: nowMs, reads, index: 0 }, leader);
      this.#lease = [];
    }
  }

  #ask(core: RaftCore, group: ReadGroup, leader: MemberId): void {
    // [H41] A strong read is confirmed by a round even where leases are used.
    const outcome = core.readIndex(group.level === 'strong');
    if (outcome.kind === 'refused') this.#refuse(group.reads, REFUSALS[outcome.reason], leader);
    else {
      assert(!this.#asked.has(outcome.ticket), '[H40] a ticket stands for one question');
      this.#asked.set(outcome.ticket, group);
    }
  }

  /**
   * `isTimeKnown`: no tick was due when the core answered. [H42] Else the process may have been
   * stopped between its last tick and the answer, and a lease have ended unnoticed: such reads are
   * put again, as strong ones. [H32] So are they after time that nobody counted.
   */
  confirm({ ticket, index }: ReadState, isTimeKnown: boolean): void {
    const group = this.#asked.get(ticket);
    if (group === undefined) return;
    this.#asked.delete(ticket);
    if (group.level === 'lease' && !isTimeKnown) {
      this.#strong.push(...group.reads);
      return;
    }
    assert(group.index === 0, '[H40] the core names an index once');
    group.index = index;
    this.#known.push(group);
  }

  drop({ ticket, reason }: ReadDrop, leader: MemberId): void {
    const group = this.#asked.get(ticket);
    if (group === undefined) return;
    this.#asked.delete(ticket);
    this.#refuse(group.reads, REFUSALS[reason], leader);
  }

  /** True when there are questions to be put to the core. */
  get isGathering(): boolean {
    return this.#strong.length > 0 || this.#lease.length > 0;
  }

  /** True when some were put off to the next turn. */
  get isCutShort(): boolean {
    return this.#isCutShort;
  }

  /** [H40] Answers what the state has reached. Throws what the machine throws, but at the end. */
  serve(data: ReplicaState): void {
    // Those that the last turn put off may have timed out since: then nobody waits for this.
    this.#isCutShort = false;
    if (this.#known.length === 0 && this.#local.length === 0) return;
    const { index: applied } = data.applied();
    const known = this.#known;
    const groups: { readonly level: ReadLevel; readonly reads: readonly Read[] }[] = [
      { level: 'local', reads: this.#local },
      ...known.filter(({ index }) => index <= applied),
    ];
    this.#local = [];
    this.#known = known.filter(({ index }) => index > applied);
    let bug: unknown;
    for (const { level, reads } of groups) {
      const count = this.#answerSome(reads, (read) => {
        bug = this.#answer(data, read, applied, level) ?? bug;
      });
      this.#release(reads, count);
      if (count < reads.length) this.#putOff(level, reads.slice(count), applied);
    }
    if (bug !== undefined) throw bug;
  }

  /** [H43] How many were answered: one at least, so that no shard waits for the others for ever. */
  #answerSome(reads: readonly Read[], answer: (read: Read) => void): number {
    let count = 0;
    for (const read of reads) {
      if (count > 0 && this.#answers.isFull) break;
      answer(read);
      count += 1;
    }
    return count;
  }

  /** A state never goes back: they are answered from a later one. */
  #putOff(level: ReadLevel, reads: readonly Read[], index: number): void {
    this.#isCutShort = true;
    if (level === 'local') this.#local.push(...reads);
    else this.#known.push({ level, askedMs: 0, reads, index });
  }

  #release(reads: readonly Read[], count: number): void {
    this.#count -= count;
    this.#member.reads -= count;
    for (let i = 0; i < count; i++) this.#member.readBytes -= (reads[i] as Read).question.length;
    assert(this.#count >= 0, '[H20] what is let go of was taken in');
    assert(this.#member.reads >= this.#count, '[H20] a member waits for what its shards wait for');
    assert(this.#member.readBytes >= 0, '[H20] what is let go of was taken in');
  }

  /** Answers what the machine threw, which must not keep the others from an answer. */
  #answer(data: ReplicaState, { question, done }: Read, index: number, level: ReadLevel): unknown {
    try {
      const result = data.query(question);
      this.#answers.read(done, { kind: 'answered', index, level, result });
      return undefined;
    } catch (error) {
      this.#answers.refuseRead(done, 'stopping', 0);
      return error;
    }
  }

  /** Refuses those that waited for too long; asks again where an answer must have been lost. */
  sweep(nowMs: number): void {
    if (this.#count === 0) return;
    for (const [ticket, group] of this.#asked) {
      if (nowMs - group.askedMs < this.#settings.retryMs) continue;
      this.#asked.delete(ticket);
      const again = this.#refuseLate(group.reads, nowMs);
      if (group.level === 'strong') this.#strong.push(...again);
      else this.#lease.push(...again);
    }
    this.#known = this.#known
      .map((group) => ({ ...group, reads: this.#refuseLate(group.reads, nowMs) }))
      .filter(({ reads }) => reads.length > 0);
  }

  #refuseLate(reads: readonly Read[], nowMs: number): readonly Read[] {
    if (reads.every(({ givesUpMs }) => givesUpMs > nowMs)) return reads;
    this.#refuse(
      reads.filter(({ givesUpMs }) => givesUpMs <= nowMs),
      'timeout',
      0,
    );
    return reads.filter(({ givesUpMs }) => givesUpMs > nowMs);
  }

  #refuse(reads: readonly Read[], reason: ReadRefusal, leader: MemberId): void {
    this.#release(reads, reads.length);
    for (const { done } of reads) this.#answers.refuseRead(done, reason, leader);
  }

  stop(): void {
    for (const { reads } of [...this.#asked.values(), ...this.#known]) {
      this.#refuse(reads, 'stopping', 0);
    }
    this.#refuse([...this.#local, ...this.#strong, ...this.#lease], 'stopping', 0);
    this.#asked.clear();
    this.#known = [];
    this.#local = [];
    this.#strong = [];
    this.#lease = [];
    assert(this.#count === 0, '[H91] everyone who waits is told');
  }
}
