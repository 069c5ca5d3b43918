// A shard's reads. Strong ones of a turn share one question to the core, whose answer is an index:
// they are served when the state has reached it.
//
//   gather (a turn) --readIndex--> ticket --ReadState--> index --applied--> the machine is asked

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { joinBytes } from '../../core/machine.ts';
import type { RaftCore, ReadDrop, ReadState } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { Waiter } from '../feed/index.ts';
import type { ReplicaState } from '../state/index.ts';
import type { ReadLevel, ReadRefusal } from '../types.ts';
import { MemberLoad } from './admission.ts';
import type { Answers, ReadDone } from './answers.ts';

interface Read {
  readonly question: Uint8Array;
  readonly done: ReadDone;
  readonly givesUpMs: number;
  /** [H45] As long as it lasts the machine may answer that the read has to wait. */
  readonly waitsUntilMs: number;
  mayWait: boolean;
  /** [H45] What the machine said with `more`, and what it answered up to there. */
  cursor: Uint8Array | undefined;
  readonly parts: Uint8Array[];
}

/** [H45] A read that waits for an event. */
interface WaitingRead {
  readonly read: Read;
  readonly level: ReadLevel;
  readonly waiter: Waiter;
}

/** Where reads hear of events; without it none waits. */
export interface ReadEvents {
  /** Calls `wake` at the end of the turn in which there is an event of `topic`. */
  wait(topic: Uint8Array, wake: () => void): Waiter | undefined;
  /** Reads are to be served at the end of this turn. */
  onReady(): void;
}

/** Of its time a read waits for so much: the rest is for its answer. */
const WAIT_SHARE = 0.75;

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
  readonly #waiting = new Set<WaitingRead>();
  readonly #member: MemberLoad;
  readonly #events: ReadEvents | undefined;
  #isCutShort = false;

  constructor(
    answers: Answers,
    settings: ReadSettings,
    member = new MemberLoad(),
    events?: ReadEvents,
  ) {
    this.#answers = answers;
    this.#settings = settings;
    this.#member = member;
    this.#events = events;
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
    const { timeoutMs } = this.#settings;
    const read: Read = {
      question,
      done,
      givesUpMs: nowMs + timeoutMs,
      waitsUntilMs: nowMs + timeoutMs * WAIT_SHARE,
      mayWait: this.#events !== undefined,
      cursor: undefined,
      parts: [],
    };
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
      const { again, count, error } = this.#serveSome(data, reads, level, applied);
      bug = error ?? bug;
      const later = [...reads.slice(count), ...again];
      if (later.length > 0) this.#putOff(level, later, applied);
    }
    if (bug !== undefined) throw bug;
  }

  /**
   * [H43] Asks for some of the reads: one at least, so that no shard waits for the others for ever.
   * [H45] What needs more than its budget is asked on behind all others.
   */
  #serveSome(data: ReplicaState, reads: readonly Read[], level: ReadLevel, index: number) {
    const again: Read[] = [];
    let error: unknown;
    let count = 0;
    for (const read of reads) {
      if (count > 0 && (this.#answers.isFull || again.length > 0)) break;
      count += 1;
      const outcome = this.#serveOne(data, read, level, index);
      if (outcome === 'more') again.push(read);
      else if (outcome !== 'waits') {
        this.#release([read], 1);
        error = outcome.bug ?? error;
      }
    }
    return { again, count, error };
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

  /** What the machine threw must not keep the others from an answer. */
  #serveOne(
    data: ReplicaState,
    read: Read,
    level: ReadLevel,
    index: number,
  ): 'more' | 'waits' | { readonly bug: unknown } {
    const { cursor, done, mayWait, parts, question: body } = read;
    try {
      const answer = data.ask({ body, cursor, mayWait });
      if (answer.kind === 'wait') {
        this.#wait(read, level, answer.topic);
        return 'waits';
      }
      assert(answer.kind !== 'extents', '[H99] a machine without files answers no extents');
      parts.push(answer.kind === 'done' ? answer.answer : answer.part);
      if (lengthOf(parts) > LIMITS.query.answerBytesMax) {
        this.#answers.refuseRead(done, 'tooLarge', 0);
      } else if (answer.kind === 'more') {
        read.cursor = answer.cursor;
        return 'more';
      } else {
        const result = parts.length === 1 ? answer.answer : joinBytes(parts);
        this.#answers.read(done, { kind: 'answered', index, level, result });
      }
      return SETTLED;
    } catch (error) {
      this.#answers.refuseRead(done, 'stopping', 0);
      return { bug: error };
    }
  }

  #wait(read: Read, level: ReadLevel, topic: Uint8Array): void {
    assert(read.mayWait, '[M11] a machine lets nobody wait who must not');
    const waiter = this.#events?.wait(topic, () => {
      this.#waiting.delete(waiting);
      this.#serveAgain(waiting);
    });
    assert(waiter !== undefined, '[H45] events of a shard that runs can be waited for');
    const waiting = { read, level, waiter };
    this.#waiting.add(waiting);
  }

  /** [H45] The state only went on: it has reached what the read needs. */
  #serveAgain({ level, read }: WaitingRead): void {
    if (level === 'local') this.#local.push(read);
    else this.#known.push({ level, askedMs: 0, reads: [read], index: 1 });
    this.#events?.onReady();
  }

  /** Refuses those that waited for too long; asks again where an answer must have been lost. */
  sweep(nowMs: number): void {
    if (this.#count === 0) return;
    for (const waiting of this.#waiting) {
      if (waiting.read.waitsUntilMs > nowMs) continue;
      waiting.waiter.close();
      this.#waiting.delete(waiting);
      waiting.read.mayWait = false;
      this.#serveAgain(waiting);
    }
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
    const waiting = Array.from(this.#waiting, ({ read, waiter }) => {
      waiter.close();
      return read;
    });
    this.#waiting.clear();
    this.#refuse([...this.#local, ...this.#strong, ...this.#lease, ...waiting], 'stopping', 0);
    this.#asked.clear();
    this.#known = [];
    this.#local = [];
    this.#strong = [];
    this.#lease = [];
    assert(this.#count === 0, '[H91] everyone who waits is told');
  }
}

const SETTLED = { bug: undefined };

function lengthOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
