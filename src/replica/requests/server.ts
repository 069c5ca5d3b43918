// Answers requests to shards: from clients, and from members that pass on what they cannot answer.
// Whoever is not the leader passes a client's request on once, so that outcomes come back the same
// way and nobody runs in circles.

import { copyTogether, isSmallPart } from '../../base/bytes.ts';
import type { Clock } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { IncomingRequest, MemberId, Peers } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import type { ReadAnswer, ReplicaHost, WriteOutcome, WriteRefusal } from '../types.ts';
import { encodeProposeAnswer, encodeReadReply } from './answers.ts';
import {
  decodePropose,
  decodeRead,
  encodePropose,
  encodeRead,
  type ProposeBody,
  type ReadBody,
} from './bodies.ts';
import { readReplyOf, writeAnswerOf } from './outcomes.ts';

const NOTHING = new Uint8Array(0);
const OVERLOADED: WriteOutcome = { kind: 'refused', reason: 'overloaded', leader: 0 };

export interface RequestServerParts {
  readonly member: MemberId;
  readonly clock: Clock;
  readonly host: Pick<ReplicaHost, 'propose' | 'read'>;
  readonly peers: Pick<Peers, 'request'>;
}

export class RequestServer {
  readonly #parts: RequestServerParts;
  /** [Q10] Of requests whose answer is not complete. */
  #openCommands = 0;
  readonly #refusals = new Refusals();

  constructor(parts: RequestServerParts) {
    this.#parts = parts;
  }

  propose(request: IncomingRequest): void {
    const body = decodePropose(request.body);
    if (body === undefined) {
      request.respond(encodeProposeAnswer({ leader: 0, outcomes: [] }));
      return;
    }
    const { host } = this.#parts;
    const { shard, commands } = body;
    const count = commands.length;
    if (this.#openCommands + count > LIMITS.requests.openCommandsMax) {
      const outcomes = commands.map(() => OVERLOADED);
      request.respond(encodeProposeAnswer({ leader: 0, outcomes }));
      return;
    }
    this.#openCommands += count;
    const pending = new PendingWrites(this.#parts, request, body, this.#refusals, () => {
      this.#openCommands -= count;
    });
    for (let i = 0; i < count; i++) {
      host.propose(shard, commands[i] as Uint8Array, (outcome) => pending.settle(i, outcome));
    }
  }

  read(request: IncomingRequest): void {
    const body = decodeRead(request.body);
    if (body === undefined) {
      respondRead(request, 0, { kind: 'refused', reason: 'malformed', leader: 0 });
      return;
    }
    this.#parts.host.read(body.shard, body.level, body.question, (answer) => {
      const leader = body.isForwarded ? 0 : elsewhere(this.#parts, answer);
      const leftMs = request.deadlineMs - this.#parts.clock.monotonicMs();
      if (leader === 0 || leftMs <= 0) respondRead(request, 0, answer);
      else this.#passOnRead(request, body, leader, leftMs);
    });
  }

  #passOnRead(request: IncomingRequest, body: ReadBody, leader: MemberId, leftMs: number): void {
    const bytes = encodeRead({ ...body, isForwarded: true });
    this.#parts.peers.request(leader, REQUEST_KIND.read, bytes, leftMs, (outcome) => {
      const { answer } = readReplyOf(outcome);
      respondRead(request, answer.kind === 'answered' ? leader : 0, answer);
    });
  }
}

/** Who leads, when another member does and this one therefore refused. */
function elsewhere({ member }: RequestServerParts, outcome: WriteOutcome | ReadAnswer): MemberId {
  if (outcome.kind !== 'refused' || outcome.reason !== 'notLeader') return 0;
  return outcome.leader === member ? 0 : outcome.leader;
}

function respondRead(request: IncomingRequest, leader: MemberId, answer: ReadAnswer): void {
  const bytes = encodeReadReply({ leader, answer });
  if (bytes.length <= LIMITS.peer.frameBytesMax) return request.respond(bytes);
  const tooLarge: ReadAnswer = { kind: 'refused', reason: 'tooLarge', leader: 0 };
  request.respond(encodeReadReply({ leader, answer: tooLarge }));
}

/** [Q10] One outcome stands for all that were refused alike: a request has thousands of them. */
class Refusals {
  readonly #last = new Map<WriteRefusal, WriteOutcome>();

  shared(outcome: WriteOutcome): WriteOutcome {
    if (outcome.kind !== 'refused') return outcome;
    const last = this.#last.get(outcome.reason);
    if (last?.kind === 'refused' && last.leader === outcome.leader) return last;
    this.#last.set(outcome.reason, outcome);
    return outcome;
  }
}

/** The commands of one request, on their way to one answer. */
class PendingWrites {
  readonly #parts: RequestServerParts;
  readonly #request: IncomingRequest;
  readonly #shard: ShardId;
  readonly #isForwarded: boolean;
  /** What may have to be passed on yet; nothing in place of the others. */
  readonly #commands: Uint8Array[];
  #keptBytes: number;
  /** [Q8] What those bytes keep in memory. */
  #bufferBytes: number;
  readonly #outcomes: WriteOutcome[];
  readonly #refusals: Refusals;
  readonly #onAnswered: () => void;
  #waiting: number;

  constructor(
    parts: RequestServerParts,
    request: IncomingRequest,
    body: ProposeBody,
    refusals: Refusals,
    onAnswered: () => void,
  ) {
    this.#parts = parts;
    this.#request = request;
    this.#shard = body.shard;
    this.#isForwarded = body.isForwarded;
    this.#commands = body.commands.slice();
    this.#keptBytes = body.commands.reduce((sum, { length }) => sum + length, 0);
    this.#bufferBytes = request.body.buffer.byteLength;
    this.#outcomes = new Array<WriteOutcome>(body.commands.length);
    this.#refusals = refusals;
    this.#onAnswered = onAnswered;
    this.#waiting = body.commands.length;
  }

  settle(place: number, outcome: WriteOutcome): void {
    this.#outcomes[place] = this.#refusals.shared(outcome);
    this.#waiting -= 1;
    if (this.#waiting > 0) {
      if (outcome.kind === 'refused' && this.#leaderElsewhere(outcome) === 0) this.#forget(place);
      return;
    }
    const leader = this.#anyLeaderElsewhere();
    const leftMs = this.#request.deadlineMs - this.#parts.clock.monotonicMs();
    if (leader === 0 || leftMs <= 0) this.#respond(0);
    else this.#passOn(leader, leftMs);
  }

  /**
   * [Q8] One small command that waits must not keep all those in memory that were refused with it.
   * What is left moves when it has become less than half, so that a byte moves once on average.
   */
  #forget(place: number): void {
    this.#keptBytes -= (this.#commands[place] as Uint8Array).length;
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

  /** Who leads, if the command goes there. [Q2] Nothing is passed on a second time. */
  #leaderElsewhere(outcome: WriteOutcome): MemberId {
    return this.#isForwarded ? 0 : elsewhere(this.#parts, outcome);
  }

  /** [Q2] Only what this member refused without effect goes to the leader. */
  #passOn(leader: MemberId, leftMs: number): void {
    const places: number[] = [];
    for (const [place, outcome] of this.#outcomes.entries()) {
      if (this.#leaderElsewhere(outcome) !== 0) places.push(place);
    }
    const commands = places.map((place) => this.#commands[place] as Uint8Array);
    const bytes = encodePropose({ shard: this.#shard, isForwarded: true, commands });
    this.#commands.length = 0;
    this.#parts.peers.request(leader, REQUEST_KIND.propose, bytes, leftMs, (outcome) => {
      const { outcomes } = writeAnswerOf(outcome, places.length);
      for (const [i, place] of places.entries()) {
        this.#outcomes[place] = outcomes[i] as WriteOutcome;
      }
      this.#respond(outcomes[0]?.kind === 'applied' ? leader : 0);
    });
  }

  #respond(leader: MemberId): void {
    this.#onAnswered();
    if (this.#request.isAbandoned) return;
    this.#request.respond(encodeProposeAnswer({ leader, outcomes: this.#outcomes }));
  }
}
