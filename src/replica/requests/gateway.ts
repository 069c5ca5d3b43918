// The way to any shard for everybody inside a member: answered here if it can be, passed on once to
// the member that leads if it must be. Callbacks are called once, never within the call.

import { assert } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { MemberId, Peers } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import type { FeedNews, Follower } from '../feed/index.ts';
import type { ReadAnswer, ReadLevel, ReplicaHost, WriteOutcome } from '../types.ts';
import { encodePropose, encodeRead } from './bodies.ts';
import { leaderElsewhere, OVERLOADED } from './elsewhere.ts';
import { readReplyOf, writeAnswerOf } from './outcomes.ts';
import { type Batch, Refusals, WriteBatch } from './write-batch.ts';

export interface GatewayParts {
  readonly member: MemberId;
  readonly clock: Clock;
  readonly host: Pick<ReplicaHost, 'propose' | 'read'>;
  readonly peers: Pick<Peers, 'flush' | 'request'>;
  /** The events of machines here; undefined where nobody may follow them. */
  readonly feed?: Feed | undefined;
}

export interface Feed {
  follow(shard: ShardId, index: number, onNews: (news: FeedNews) => void): Follower | undefined;
}

/** `leader`: the member that answered, 0 when it was this one or nobody. */
export type WritesDone = (outcomes: readonly WriteOutcome[], leader: MemberId) => void;
export type ReadDone = (answer: ReadAnswer, leader: MemberId) => void;

export interface Reading {
  readonly shard: ShardId;
  readonly level: ReadLevel;
  readonly question: Uint8Array;
  /** By the monotonic clock. */
  readonly deadlineMs: number;
  /** [Q2] It was passed on to this member: it is answered here. */
  readonly isForwarded: boolean;
}

/** A command of a caller inside the member, until its outcome is known or its time is over. */
interface Call {
  readonly command: Uint8Array;
  readonly deadlineMs: number;
  readonly done: (outcome: WriteOutcome) => void;
}

/** How often deadlines are looked at. */
const SWEEP_MS = 50;
const TIMEOUT: WriteOutcome = { kind: 'unknown', reason: 'timeout' };

export class Gateway {
  readonly #parts: GatewayParts;
  readonly #refusals = new Refusals();
  /** [Q10] Commands of batches whose answer is not complete. */
  #batchedCommands = 0;
  /** [Q11] Single commands, in the order in which they came. */
  readonly #calls = new Set<Call>();
  #callBytes = 0;
  /** To be passed on at the end of the turn, by leader and shard. */
  #forwards = new Map<string, Forward>();
  #sweep: Timer | undefined;

  constructor(parts: GatewayParts) {
    this.#parts = parts;
  }

  // --- commands ---------------------------------------------------------------------------------

  /**
   * [Q11] Has one command carried out, wherever its shard is led; it is kept. A command that the
   * deadline finds unanswered is unknown.
   */
  propose(
    shard: ShardId,
    command: Uint8Array,
    deadlineMs: number,
    done: (outcome: WriteOutcome) => void,
  ): void {
    const { clock, host } = this.#parts;
    if (!this.#hasRoom(command.length)) {
      clock.afterTurn(() => done(OVERLOADED));
      return;
    }
    const call: Call = { command, deadlineMs, done };
    this.#calls.add(call);
    this.#callBytes += command.length;
    this.#sweep ??= clock.setTimer(SWEEP_MS, this.#onSweep);
    host.propose(shard, command, (outcome) => {
      const leader = leaderElsewhere(this.#parts.member, outcome);
      const isLate = leader === 0 || call.deadlineMs <= clock.monotonicMs();
      if (isLate || !this.#calls.has(call)) this.#settle(call, outcome);
      else this.#forward(leader, shard, call);
    });
  }

  /** Once: a deadline may have been faster. */
  #settle(call: Call, outcome: WriteOutcome): void {
    if (!this.#calls.delete(call)) return;
    this.#callBytes -= call.command.length;
    assert(this.#callBytes >= 0, '[Q11] what is let go of was taken in');
    call.done(outcome);
  }

  #hasRoom(bytes: number): boolean {
    const { callBytesMax, waitingMax } = LIMITS.requests;
    return this.#calls.size < waitingMax && this.#callBytes + bytes <= callBytesMax;
  }

  readonly #onSweep = (): void => {
    this.#sweep = undefined;
    const nowMs = this.#parts.clock.monotonicMs();
    // Callers may ask for more meanwhile: those come at the end and are not late.
    for (const call of this.#calls) if (call.deadlineMs <= nowMs) this.#settle(call, TIMEOUT);
    if (this.#calls.size > 0) {
      this.#sweep ??= this.#parts.clock.setTimer(SWEEP_MS, this.#onSweep);
    }
  };

  /** [Q2] Those of one turn travel together. */
  #forward(leader: MemberId, shard: ShardId, call: Call): void {
    assert(leader !== this.#parts.member, '[Q2] a member passes nothing on to itself');
    if (this.#forwards.size === 0) this.#parts.clock.afterTurn(this.#flush);
    const key = `${leader} ${shard}`;
    let forward = this.#forwards.get(key);
    if (forward === undefined) {
      forward = { leader, shard, calls: [] };
      this.#forwards.set(key, forward);
    }
    forward.calls.push(call);
  }

  readonly #flush = (): void => {
    const forwards = this.#forwards;
    this.#forwards = new Map();
    for (const { calls, leader, shard } of forwards.values()) {
      let first = 0;
      let bytes = 0;
      for (let at = 0; at < calls.length; at++) {
        const { length } = (calls[at] as Call).command;
        const isFull =
          at - first === LIMITS.requests.commandsMax ||
          bytes + length > LIMITS.requests.answerBytesMax;
        if (at > first && isFull) {
          this.#send(leader, shard, calls.slice(first, at));
          [first, bytes] = [at, 0];
        }
        bytes += length;
      }
      this.#send(leader, shard, calls.slice(first));
    }
    // This is the end of a turn already: at the next one it would be a round of events later.
    this.#parts.peers.flush();
  };

  #send(leader: MemberId, shard: ShardId, calls: readonly Call[]): void {
    assert(calls.length > 0, '[Q2] something is passed on');
    const { clock, peers } = this.#parts;
    const nowMs = clock.monotonicMs();
    let leftMs = 1;
    for (const { deadlineMs } of calls) leftMs = Math.max(leftMs, deadlineMs - nowMs);
    assert(calls.length <= LIMITS.requests.commandsMax, '[Q8] what is passed on can be read');
    const commands = calls.map(({ command }) => command);
    const body = encodePropose({ shard, isForwarded: true, commands });
    peers.request(leader, REQUEST_KIND.propose, body, leftMs, (outcome) => {
      const { outcomes } = writeAnswerOf(outcome, calls.length);
      for (let i = 0; i < calls.length; i++) {
        this.#settle(calls[i] as Call, outcomes[i] as WriteOutcome);
      }
    });
  }

  /** [Q1] Has many commands carried out; `done` hears all of their outcomes, in their order. */
  proposeAll(batch: Batch, done: WritesDone): void {
    const { clock, host } = this.#parts;
    const { commands, shard } = batch;
    const count = commands.length;
    assert(count > 0, '[Q8] a request has commands');
    if (this.#batchedCommands + count > LIMITS.requests.openCommandsMax) {
      const outcomes = new Array<WriteOutcome>(count).fill(OVERLOADED);
      clock.afterTurn(() => done(outcomes, 0));
      return;
    }
    this.#batchedCommands += count;
    const pending = new WriteBatch(this.#parts, batch, this.#refusals, (outcomes, leader) => {
      this.#batchedCommands -= count;
      assert(this.#batchedCommands >= 0, '[Q10] what is let go of was taken in');
      done(outcomes, leader);
    });
    for (let i = 0; i < count; i++) {
      host.propose(shard, commands[i] as Uint8Array, (outcome) => pending.settle(i, outcome));
    }
  }

  // --- reads ------------------------------------------------------------------------------------

  /** [Q4] Answered here if possible, and by the leader if there is time for it. */
  read(reading: Reading, done: ReadDone): void {
    const { clock, host, member } = this.#parts;
    const { deadlineMs, isForwarded, level, question, shard } = reading;
    host.read(shard, level, question, (answer) => {
      const leader = isForwarded ? 0 : leaderElsewhere(member, answer);
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leader === 0 || leftMs <= 0) done(answer, 0);
      else this.#forwardRead(reading, leader, leftMs, done);
    });
  }

  #forwardRead(reading: Reading, leader: MemberId, leftMs: number, done: ReadDone): void {
    const { level, question, shard } = reading;
    const body = encodeRead({ shard, level, question, isForwarded: true });
    this.#parts.peers.request(leader, REQUEST_KIND.read, body, leftMs, (outcome) => {
      const { answer } = readReplyOf(outcome);
      done(answer, answer.kind === 'answered' ? leader : 0);
    });
  }

  // --- what happens -----------------------------------------------------------------------------

  /**
   * Hears what the machine of `shard` emits behind `index`, on the replica that is here, from the
   * end of this turn on. Undefined when the shard is not open on this member.
   */
  follow(shard: ShardId, index: number, onNews: (news: FeedNews) => void): Follower | undefined {
    return this.#parts.feed?.follow(shard, index, onNews);
  }

  /** Callers that still wait hear that the outcome is not known. */
  close(): void {
    this.#sweep?.cancel();
    for (const call of this.#calls) this.#settle(call, { kind: 'unknown', reason: 'stopped' });
  }
}

interface Forward {
  readonly leader: MemberId;
  readonly shard: ShardId;
  readonly calls: Call[];
}
