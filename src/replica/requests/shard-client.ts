// Asks the replicas of one shard, wherever its leader is, until there is an answer or the time is
// over. Commands of one turn travel together.

import { assert } from '../../base/assert.ts';
import type { Clock, Random, Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { MemberId, RequestOutcome } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { isCommand } from '../state/index.ts';
import type { ReadAnswer, ReadLevel, ReadRefusal, WriteOutcome, WriteRefusal } from '../types.ts';
import { encodePropose, encodeRead } from './bodies.ts';
import { LeaderHint } from './leader-hint.ts';
import { readReplyOf, writeAnswerOf } from './outcomes.ts';

/** How a client reaches members. `done` is called once, never within the call. */
export interface Callees {
  readonly members: readonly MemberId[];
  request(
    member: MemberId,
    kind: number,
    body: Uint8Array,
    timeoutMs: number,
    done: (outcome: RequestOutcome) => void,
  ): void;
  /** `member` will be asked something at the end of this turn: it leaves with it. */
  expect(member: MemberId): void;
}

export interface ShardClientOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly callees: Callees;
  readonly shard: ShardId;
  /** After this long without an answer, what is safe to ask twice is asked elsewhere. */
  readonly attemptMs?: number;
}

/** `isRepeated`: an earlier attempt of the same command may have had its effect as well. */
type ProposeDone = (outcome: WriteOutcome, isRepeated: boolean) => void;

/** Pauses between attempts double from the first to the second, less a random half. */
const PAUSE_MS_MIN = 5;
const PAUSE_MS_MAX = 100;
/** Commands travel together when their deadlines are this close; the earliest counts for all. */
const DEADLINE_GRAIN_MS = 50;
const ATTEMPT_MS = 1_000;

/** A command until its outcome is known, or will not be. */
interface Waiting {
  readonly payload: Uint8Array;
  readonly deadlineMs: number;
  /** To have it carried out twice is the same as once. */
  readonly isRepeatable: boolean;
  readonly done: ProposeDone;
  /** [Q5] An attempt was made whose outcome nobody knows. */
  isDoubtful: boolean;
}

export class ShardClient {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #callees: Callees;
  readonly #shard: ShardId;
  readonly #attemptMs: number;
  readonly #hint: LeaderHint;
  #gathered: Waiting[] = [];
  #paused: Waiting[] = [];
  #pause: Timer | undefined;
  #pauseMs = PAUSE_MS_MIN;
  /** Reads to be asked again. */
  readonly #pausedReads = new Set<PausedRead>();
  #waitingCount = 0;
  #isClosed = false;

  constructor({ clock, random, callees, shard, attemptMs }: ShardClientOptions) {
    this.#clock = clock;
    this.#random = random;
    this.#callees = callees;
    this.#shard = shard;
    this.#attemptMs = attemptMs ?? ATTEMPT_MS;
    this.#hint = new LeaderHint(callees.members);
  }

  /** The member that would be asked next. */
  get target(): MemberId {
    return this.#hint.member;
  }

  /**
   * Has a command carried out; `payload` is one as `encodeCommand` makes it, and is kept. A
   * command that is refused without effect is sent again until the time is over; one that may have
   * had an effect only if it is repeatable, as those of a session are. `done` is never called
   * within this call.
   */
  propose(payload: Uint8Array, timeoutMs: number, isRepeatable: boolean, done: ProposeDone): void {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    const waiting: Waiting = { payload, deadlineMs, isRepeatable, done, isDoubtful: false };
    const refusal = this.#refusalOf(payload);
    if (refusal !== undefined) {
      this.later(() => done({ kind: 'refused', reason: refusal, leader: 0 }, false));
      return;
    }
    this.#waitingCount += 1;
    this.#gather(waiting);
  }

  /** Refusals for which no member needs to be asked. */
  #refusalOf(payload: Uint8Array): WriteRefusal | undefined {
    if (this.#isClosed) return 'stopping';
    if (payload.length > LIMITS.replica.payloadBytesMax) return 'tooLarge';
    // Those it would travel with would be refused with it.
    if (!isCommand(payload)) return 'malformed';
    return this.#waitingCount >= LIMITS.requests.waitingMax ? 'overloaded' : undefined;
  }

  /** A read of the leader or, when `local`, of `member`. Never answers within this call. */
  read(
    level: ReadLevel,
    question: Uint8Array,
    timeoutMs: number,
    done: (answer: ReadAnswer) => void,
    member: MemberId = 0,
  ): void {
    if (question.length > LIMITS.replica.payloadBytesMax) {
      this.later(() => done({ kind: 'refused', reason: 'tooLarge', leader: 0 }));
      return;
    }
    if (this.#isClosed) {
      this.later(() => done({ kind: 'refused', reason: 'stopping', leader: 0 }));
      return;
    }
    const read = { level, question, done, member };
    this.#attemptRead(read, this.#clock.monotonicMs() + timeoutMs, PAUSE_MS_MIN);
  }

  /** The time that its deadlines are in. */
  nowMs(): number {
    return this.#clock.monotonicMs();
  }

  /** Not within this call, but soon. */
  later(callback: () => void): void {
    this.#clock.afterTurn(callback);
  }

  /** Callers whose question waits to be put again hear the last answer; the rest is answered. */
  close(): void {
    this.#isClosed = true;
    this.#pause?.cancel();
    const paused = this.#paused;
    this.#paused = [];
    for (const waiting of paused) this.#giveUp(waiting);
    const reads = [...this.#pausedReads];
    this.#pausedReads.clear();
    for (const { timer, read, answer } of reads) {
      timer.cancel();
      read.done(answer);
    }
  }

  // --- commands ---------------------------------------------------------------------------------

  #gather(waiting: Waiting): void {
    if (this.#gathered.length === 0) {
      this.#clock.afterTurn(this.#flush);
      this.#callees.expect(this.#hint.member);
    }
    this.#gathered.push(waiting);
  }

  readonly #flush = (): void => {
    const gathered = this.#gathered;
    this.#gathered = [];
    let batch: Waiting[] = [];
    let bytes = 0;
    for (const waiting of gathered) {
      if (batch.length > 0 && !this.#fits(waiting, batch, bytes)) {
        this.#send(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(waiting);
      bytes += waiting.payload.length;
    }
    if (batch.length > 0) this.#send(batch);
  };

  #fits(waiting: Waiting, batch: readonly Waiting[], bytes: number): boolean {
    const first = batch[0] as Waiting;
    return (
      first.isRepeatable === waiting.isRepeatable &&
      Math.abs(first.deadlineMs - waiting.deadlineMs) <= DEADLINE_GRAIN_MS &&
      batch.length < LIMITS.requests.commandsMax &&
      bytes + waiting.payload.length <= LIMITS.requests.answerBytesMax
    );
  }

  #send(batch: readonly Waiting[]): void {
    const [first] = batch;
    assert(first !== undefined, '[Q8] a request has commands');
    assert(batch.length <= LIMITS.requests.commandsMax, '[Q8] what is sent can be read');
    const nowMs = this.#clock.monotonicMs();
    let leftMs = Number.POSITIVE_INFINITY;
    for (const { deadlineMs, isRepeatable } of batch) {
      assert(isRepeatable === first.isRepeatable, '[Q5] those that travel together are alike');
      leftMs = Math.min(leftMs, deadlineMs - nowMs);
    }
    if (leftMs <= 0) {
      for (const waiting of batch) this.#giveUp(waiting);
      return;
    }
    const commands = batch.map(({ payload }) => payload);
    const body = encodePropose({ shard: this.#shard, isForwarded: false, commands });
    const member = this.#hint.member;
    const timeoutMs = first.isRepeatable ? Math.min(leftMs, this.#attemptMs) : leftMs;
    this.#callees.request(member, REQUEST_KIND.propose, body, timeoutMs, (outcome) =>
      this.#takeAnswer(member, batch, outcome),
    );
  }

  #takeAnswer(member: MemberId, batch: readonly Waiting[], outcome: RequestOutcome): void {
    const { leader, outcomes } = writeAnswerOf(outcome, batch.length);
    assert(outcomes.length === batch.length, '[Q1] every command has an outcome');
    this.#hint.follow(leader);
    let isLeft = false;
    for (let i = 0; i < batch.length; i++) {
      const waiting = batch[i] as Waiting;
      const made = outcomes[i] as WriteOutcome;
      if (made.kind === 'refused') this.#hint.follow(made.leader === member ? 0 : made.leader);
      if (!isLeft && isNoHelp(made)) {
        this.#hint.leave(member);
        isLeft = true;
      }
      this.#settle(waiting, made);
    }
  }

  /** [Q5] Final, or asked again. */
  #settle(waiting: Waiting, outcome: WriteOutcome): void {
    if (outcome.kind === 'applied') {
      this.#pauseMs = PAUSE_MS_MIN;
      this.#finish(waiting, outcome);
      return;
    }
    const isUnknown = outcome.kind === 'unknown';
    if (isUnknown) waiting.isDoubtful = true;
    const isWorthwhile = isUnknown ? waiting.isRepeatable : !LASTING.has(outcome.reason);
    if (!isWorthwhile) this.#finish(waiting, outcome);
    else if (this.#isClosed || waiting.deadlineMs <= this.#clock.monotonicMs()) {
      this.#giveUp(waiting, outcome);
    } else this.#askLater(waiting);
  }

  #giveUp(waiting: Waiting, last?: WriteOutcome): void {
    this.#finish(waiting, last ?? { kind: 'refused', reason: 'noLeader', leader: 0 });
  }

  /** [Q5] What was in doubt once is never refused: an earlier attempt may take effect yet. */
  #finish(waiting: Waiting, outcome: WriteOutcome): void {
    this.#waitingCount -= 1;
    assert(this.#waitingCount >= 0, '[Q10] a command ends once');
    const isMistaken = outcome.kind === 'refused' && waiting.isDoubtful;
    waiting.done(isMistaken ? { kind: 'unknown', reason: 'timeout' } : outcome, waiting.isDoubtful);
  }

  #askLater(waiting: Waiting): void {
    assert(
      !waiting.isDoubtful || waiting.isRepeatable,
      '[Q5] what may have had an effect stays so',
    );
    this.#paused.push(waiting);
    if (this.#pause !== undefined) return;
    assert(this.#pauseMs <= PAUSE_MS_MAX, '[Q9] pauses grow, within bounds');
    this.#pause = this.#clock.setTimer(this.#randomly(this.#pauseMs), () => {
      this.#pause = undefined;
      const paused = this.#paused;
      this.#paused = [];
      for (const each of paused) this.#gather(each);
    });
    this.#pauseMs = Math.min(this.#pauseMs * 2, PAUSE_MS_MAX);
  }

  #randomly(pauseMs: number): number {
    return pauseMs * (1 - this.#random.unit() / 2);
  }

  // --- reads ------------------------------------------------------------------------------------

  #attemptRead(read: PendingRead, deadlineMs: number, pauseMs: number): void {
    assert(pauseMs >= PAUSE_MS_MIN && pauseMs <= PAUSE_MS_MAX, '[Q9] pauses grow, within bounds');
    const { level, question, done } = read;
    const member = read.member === 0 ? this.#hint.member : read.member;
    const isForwarded = read.member !== 0;
    const body = encodeRead({ shard: this.#shard, isForwarded, level, question });
    const leftMs = deadlineMs - this.#clock.monotonicMs();
    const timeoutMs = Math.max(0, Math.min(leftMs, this.#attemptMs));
    this.#callees.request(member, REQUEST_KIND.read, body, timeoutMs, (outcome) => {
      const { leader, answer } = readReplyOf(outcome);
      this.#hint.follow(leader);
      if (answer.kind === 'answered' || LASTING.has(answer.reason)) return done(answer);
      this.#hint.leave(member);
      this.#hint.follow(answer.leader === member ? 0 : answer.leader);
      if (this.#isClosed || this.#clock.monotonicMs() + pauseMs >= deadlineMs) return done(answer);
      this.#askReadLater(read, answer, deadlineMs, pauseMs);
    });
  }

  #askReadLater(read: PendingRead, answer: ReadAnswer, deadlineMs: number, pauseMs: number): void {
    const timer = this.#clock.setTimer(this.#randomly(pauseMs), () => {
      this.#pausedReads.delete(paused);
      this.#attemptRead(read, deadlineMs, Math.min(pauseMs * 2, PAUSE_MS_MAX));
    });
    const paused: PausedRead = { timer, read, answer };
    this.#pausedReads.add(paused);
  }
}

interface PendingRead {
  readonly level: ReadLevel;
  readonly question: Uint8Array;
  readonly done: (answer: ReadAnswer) => void;
  readonly member: MemberId;
}

interface PausedRead {
  readonly timer: Timer;
  readonly read: PendingRead;
  /** To the last attempt. */
  readonly answer: ReadAnswer;
}

/** Another member may do better, or may know who does. */
function isNoHelp(outcome: WriteOutcome): boolean {
  if (outcome.kind === 'applied') return false;
  if (outcome.kind === 'unknown') return outcome.reason !== 'answerTooLarge';
  return !LASTING.has(outcome.reason) && outcome.reason !== 'overloaded';
}

/** Refusals that the same command meets wherever and whenever it is sent. */
const LASTING: ReadonlySet<WriteRefusal | ReadRefusal> = new Set([
  'malformed',
  'tooLarge',
  'diskFull',
  'changePending',
  'changeImpossible',
  'releaseTooOld',
] as const);
