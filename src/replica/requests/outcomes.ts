// The fate of a request on its way to another member and back, as the caller is to hear it.
// [Q3] The one rule: a command that may have had an effect is never called refused, and one that
// certainly had none is never called unknown. SPEC.md has the table.

import { assert } from '../../base/assert.ts';
import type { RequestOutcome } from '../../engine/transport/index.ts';
import type { ReadAnswer, ReadRefusal, WriteOutcome, WriteRefusal } from '../types.ts';
import {
  decodeProposeAnswer,
  decodeReadReply,
  type ProposeAnswer,
  type ReadReply,
} from './answers.ts';

/** The outcomes of `count` commands that were sent to it. */
export function writeAnswerOf(outcome: RequestOutcome, count: number): ProposeAnswer {
  assert(count > 0, '[Q8] a request has commands');
  if (outcome.kind !== 'answered') return all(count, undelivered(outcome));
  const answer = decodeProposeAnswer(outcome.body);
  if (answer?.outcomes.length === count) return answer;
  if (answer?.outcomes.length === 0) return all(count, refused('malformed'));
  // An answer that cannot be read says nothing, least of all that nothing happened.
  return all(count, { kind: 'unknown', reason: 'connectionLost' });
}

type Unanswered = Exclude<RequestOutcome, { kind: 'answered' }>;

function undelivered(outcome: Unanswered): WriteOutcome {
  if (outcome.kind === 'refused') {
    return refused(outcome.reason === 'full' ? 'overloaded' : 'noLeader');
  }
  return { kind: 'unknown', reason: outcome.reason === 'timeout' ? 'timeout' : 'connectionLost' };
}

/** A read has no effect: whatever happened to it, to ask again is safe. */
export function readReplyOf(outcome: RequestOutcome): ReadReply {
  if (outcome.kind !== 'answered') return { leader: 0, answer: unansweredRead(outcome) };
  return decodeReadReply(outcome.body) ?? { leader: 0, answer: refusedRead('malformed') };
}

function unansweredRead(outcome: Unanswered): ReadAnswer {
  if (outcome.kind === 'refused') {
    return refusedRead(outcome.reason === 'full' ? 'overloaded' : 'noLeader');
  }
  return refusedRead(outcome.reason === 'timeout' ? 'timeout' : 'noLeader');
}

function refused(reason: WriteRefusal): WriteOutcome {
  return { kind: 'refused', reason, leader: 0 };
}

function refusedRead(reason: ReadRefusal): ReadAnswer {
  return { kind: 'refused', reason, leader: 0 };
}

function all(count: number, outcome: WriteOutcome): ProposeAnswer {
  return { leader: 0, outcomes: new Array<WriteOutcome>(count).fill(outcome) };
}
