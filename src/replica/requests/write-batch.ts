// The commands of one request, on their way to one answer.

import { assert } from '../../base/assert.ts';
import { copyTogether, isSmallPart } from '../../base/bytes.ts';
import type { Clock } from '../../base/capabilities.ts';
import type { MemberId, Peers } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import type { WriteOutcome, WriteRefusal } from '../types.ts';
import { encodePropose } from './bodies.ts';
import { leaderElsewhere } from './elsewhere.ts';
import { writeAnswerOf } from './outcomes.ts';

const NOTHING = new Uint8Array(0);

export interface Batch {
  readonly shard: ShardId;
  /** At least one. */
  readonly commands: readonly Uint8Array[];
  /** By the monotonic clock. */
  readonly deadlineMs: number;
  /** [Q2] It was passed on to this member: it is answered here. */
  readonly isForwarded: boolean;
  /** [Q8] What the commands keep in memory together. */
  readonly bufferBytes: number;
}

interface WriteBatchParts {
  readonly member: MemberId;
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly peers: Pick<Peers, 'request'>;
}

/** [Q10] One outcome stands for all that were refused alike: a request has thousands of them. */
export class Refusals {
  readonly #last = new Map<WriteRefusal, WriteOutcome>();

  shared(outcome: WriteOutcome): WriteOutcome {
    if (outcome.kind !== 'refused') return outcome;
    const last = this.#last.get(outcome.reason);
    if (last?.kind === 'refused' && last.leader === outcome.leader) return last;
    this.#last.set(outcome.reason, outcome);
    return outcome;
  }
}

export class WriteBatch {
  readonly #parts: WriteBatchParts;
  readonly #shard: ShardId;
  readonly #deadlineMs: number;
  readonly #isForwarded: boolean;
  /** Commands that may have to be passed on yet; nothing in place of the others. */
  readonly #commands: Uint8Array[];
  #keptBytes: number;
  /** [Q8] The bytes that those keep in memory. */
  #bufferBytes: number;
  readonly #outcomes: WriteOutcome[];
  readonly #refusals: Refusals;
  readonly #done: (outcomes: readonly WriteOutcome[], leader: MemberId) => void;
  #waiting: number;

  constructor(
    parts: WriteBatchParts,
    batch: Batch,
    refusals: Refusals,
    done: (outcomes: readonly WriteOutcome[], leader: MemberId) => void,
  ) {
    const { bufferBytes, commands, deadlineMs, isForwarded, shard } = batch;
    this.#parts = parts;
    // Not the batch itself, which would keep all of its commands. [Q8]
    this.#shard = shard;
    this.#deadlineMs = deadlineMs;
    this.#isForwarded = isForwarded;
    this.#commands = commands.slice();
    this.#keptBytes = commands.reduce((sum, { length }) => sum + length, 0);
    this.#bufferBytes = bufferBytes;
    this.#outcomes = new Array<WriteOutcome>(commands.length);
    this.#refusals = refusals;
    this.#done = done;
    this.#waiting = commands.length;
  }

  settle(place: number, outcome: WriteOutcome): void {
    assert(this.#outcomes[place] === undefined, '[Q1] a command has one outcome');
    this.#outcomes[place] = this.#refusals.shared(outcome);
    this.#waiting -= 1;
    assert(this.#waiting >= 0, '[Q1] a request is answered once');
    if (this.#waiting > 0) {
      if (outcome.kind === 'refused' && this.#leaderElsewhere(outcome) === 0) this.#forget(place);
      return;
    }
    const leader = this.#anyLeaderElsewhere();
    const leftMs = this.#deadlineMs - this.#parts.clock.monotonicMs();
    if (leader === 0 || leftMs <= 0) this.#done(this.#outcomes, 0);
    else this.#passOn(leader, leftMs);
  }

  /**
   * [Q8] One small command that waits must not keep all those in memory that were refused with it.
   * What is left moves when it has become less than half, so that a byte moves once on average.
   */
  #forget(place: number): void {
    this.#keptBytes -= (this.#commands[place] as Uint8Array).length;
    assert(this.#keptBytes >= 0, '[Q8] a command is let go of once');
    this.#commands[place] = NOTHING;
    if (!isSmallPart(this.#keptBytes, this.#bufferBytes)) return;
    const places: number[] = [];
    for (const [at, command] of this.#commands.entries()) if (command !== NOTHING) places.push(at);
    const moved = copyTogether(places.map((at) => this.#commands[at] as Uint8Array));
    for (const [i, at] of places.entries()) this.#commands[at] = moved[i] as Uint8Array;
    this.#bufferBytes = this.#keptBytes;
  }

  #anyLeaderElsewhere(): MemberId {
    for (const outcome of this.#outcomes) {
      const leader = this.#leaderElsewhere(outcome);
      if (leader !== 0) return leader;
    }
    return 0;
  }

  /** The leader, if the command goes there. [Q2] Nothing is passed on a second time. */
  #leaderElsewhere(outcome: WriteOutcome): MemberId {
    return this.#isForwarded ? 0 : leaderElsewhere(this.#parts.member, outcome);
  }

  /** [Q2] Only what this member refused without effect goes to the leader. */
  #passOn(leader: MemberId, leftMs: number): void {
    const places: number[] = [];
    for (const [place, outcome] of this.#outcomes.entries()) {
      if (this.#leaderElsewhere(outcome) !== 0) places.push(place);
    }
    assert(places.length > 0, '[Q2] something is passed on');
    const commands = places.map((place) => this.#commands[place] as Uint8Array);
    const bytes = encodePropose({ shard: this.#shard, isForwarded: true, commands });
    this.#commands.length = 0;
    this.#parts.peers.request(leader, REQUEST_KIND.propose, bytes, leftMs, (outcome) => {
      const { outcomes } = writeAnswerOf(outcome, places.length);
      assert(outcomes.length === places.length, '[Q1] every command has an outcome');
      for (const [i, place] of places.entries()) {
        this.#outcomes[place] = outcomes[i] as WriteOutcome;
      }
      this.#done(this.#outcomes, outcomes[0]?.kind === 'applied' ? leader : 0);
    });
  }
}
