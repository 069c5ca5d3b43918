// A shard's reads. Strong ones of a turn share one question to the core, whose answer is an index:
// they are served when the state has reached it.
//
//   gather (a turn) --readIndex--> ticket --ReadState--> index --applied--> the machine is asked

import { LIMITS } from '../../base/limits.ts';
import type { RaftCore, ReadDrop, ReadState } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardData } from '../state/index.ts';
import type { ReadLevel, ReadRefusal } from '../types.ts';
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

  constructor(answers: Answers, settings: ReadSettings) {
    this.#answers = answers;
    this.#settings = settings;
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(level: ReadLevel, question: Uint8Array, done: ReadDone, nowMs: number): boolean {
    if (this.#count >= LIMITS.replica.readsWaitingMax) return false;
    this.#count += 1;
    const read = { question, done, givesUpMs: nowMs + this.#settings.timeoutMs };
    if (level === 'local') this.#local.push(read);
    else if (level === 'lease') this.#lease.push(read);
    else this.#strong.push(read);
    return true;
  }

  /** Puts the questions of this turn to the core. */
  hand(core: RaftCore, leader: MemberId, nowMs: number): void {
    if (this.#strong.length > 0) {
      const reads = this.#strong;
      this.#strong = [];
      this.#ask(core, { level: 'strong', askedMs: nowMs, reads, index: 0 }, leader);
    }
    if (this.#lease.length > 0) {
      const reads = this.#lease;
      this.#lease = [];
      this.#ask(core, { level: 'lease', askedMs: nowMs, reads, index: 0 }, leader);
    }
  }

  #ask(core: RaftCore, group: ReadGroup, leader: MemberId): void {
    // [H41] A strong read is confirmed by a round even where leases are used.
    const outcome = core.readIndex(group.level === 'strong');
    if (outcome.kind === 'refused') this.#refuse(group.reads, REFUSALS[outcome.reason], leader);
    else this.#asked.set(outcome.ticket, group);
  }

  /**
   * `isTimeKnown`: no tick was due when the core answered. [H42] Else the process may have been
   * stopped between its last tick and the answer, and a lease have ended unnoticed: such reads are
   * put again, as strong ones.
   */
  confirm({ ticket, index }: ReadState, isTimeKnown: boolean): void {
    const group = this.#asked.get(ticket);
    if (group === undefined) return;
    this.#asked.delete(ticket);
    if (group.level === 'lease' && !isTimeKnown) {
      this.#strong.push(...group.reads);
      return;
    }
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

  /** [H40] Answers what the state has reached. Throws what the machine throws, but at the end. */
  serve(data: ShardData): void {
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
      this.#count -= reads.length;
      for (const read of reads) bug = this.#answer(data, read, applied, level) ?? bug;
    }
    if (bug !== undefined) throw bug;
  }

  /** Answers what the machine threw, which must not keep the others from an answer. */
  #answer(data: ShardData, { question, done }: Read, index: number, level: ReadLevel): unknown {
    try {
      const result = data.query(question);
      this.#answers.read(done, { kind: 'answered', index, level, result });
      return undefined;
    } catch (error) {
      this.#answers.refuseRead(done, 'stopping', 0);
      return error;
    }
  }

  /** Refuses who waited for too long; asks again where an answer must have been lost. */
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
    this.#count -= reads.length;
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
  }
}
