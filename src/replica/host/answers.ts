// The answers to callers, in order. [H15] They hear it at the end of the turn, when the store has
// the batch that the answers speak of, once, and never within the call that asked.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { NO_NODE } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ReadAnswer, ReadRefusal, WriteDoubt, WriteOutcome, WriteRefusal } from '../types.ts';

export type WriteDone = (outcome: WriteOutcome) => void;
export type ReadDone = (answer: ReadAnswer) => void;

export class Answers {
  #writes: WriteDone[] = [];
  #outcomes: WriteOutcome[] = [];
  #reads: ReadDone[] = [];
  #answers: ReadAnswer[] = [];
  #readBytes = 0;

  get isEmpty(): boolean {
    return this.#writes.length === 0 && this.#reads.length === 0;
  }

  /** [H43] More answers to reads would only fill the memory: they are for the next turn. */
  get isFull(): boolean {
    return this.#readBytes >= LIMITS.replica.readAnswersBytesMax;
  }

  write(done: WriteDone, outcome: WriteOutcome): void {
    this.#writes.push(done);
    this.#outcomes.push(outcome);
  }

  refuseWrite(done: WriteDone, reason: WriteRefusal, leader: MemberId): void {
    assert(reason !== 'noLeader' || leader === NO_NODE, '[H11] who leads nothing is not named');
    this.write(done, { kind: 'refused', reason, leader });
  }

  doubtWrite(done: WriteDone, reason: WriteDoubt): void {
    this.write(done, { kind: 'unknown', reason });
  }

  read(done: ReadDone, answer: ReadAnswer): void {
    this.#reads.push(done);
    this.#answers.push(answer);
    if (answer.kind === 'answered') this.#readBytes += answer.result.length;
  }

  refuseRead(done: ReadDone, reason: ReadRefusal, leader: MemberId): void {
    this.read(done, { kind: 'refused', reason, leader });
  }

  /** Callers may ask for more meanwhile: that is answered in another turn. */
  deliver(): void {
    const [writes, outcomes] = [this.#writes, this.#outcomes];
    const [reads, answers] = [this.#reads, this.#answers];
    assert(writes.length === outcomes.length, '[H15] every caller has an outcome');
    assert(reads.length === answers.length, '[H15] every caller has an answer');
    this.#writes = [];
    this.#outcomes = [];
    this.#reads = [];
    this.#answers = [];
    this.#readBytes = 0;
    for (let i = 0; i < writes.length; i++) {
      (writes[i] as WriteDone)(outcomes[i] as WriteOutcome);
    }
    for (let i = 0; i < reads.length; i++) (reads[i] as ReadDone)(answers[i] as ReadAnswer);
  }
}
