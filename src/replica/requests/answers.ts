// The answers of a member to requests. FORMAT.md draws the bytes.

import { assert } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import { PackedReader, PackedWriter } from '../codec/index.ts';
import type {
  ReadAnswer,
  ReadLevel,
  ReadRefusal,
  WriteDoubt,
  WriteOutcome,
  WriteRefusal,
} from '../types.ts';

// Numbers on the wire. The compiler asks for one when a reason is added.
const WRITE_REFUSALS: Readonly<Record<WriteRefusal, number>> = {
  unknownShard: 0,
  notLeader: 1,
  noLeader: 2,
  transferring: 3,
  overloaded: 4,
  diskFull: 5,
  tooLarge: 6,
  malformed: 7,
  replaced: 8,
  stopping: 9,
  changePending: 10,
  changeImpossible: 11,
  releaseTooOld: 12,
};
const WRITE_DOUBTS: Readonly<Record<WriteDoubt, number>> = {
  leaderChanged: 0,
  timeout: 1,
  connectionLost: 2,
  stopped: 3,
  answerTooLarge: 4,
};
const READ_REFUSALS: Readonly<Record<ReadRefusal, number>> = {
  unknownShard: 0,
  notLeader: 1,
  noLeader: 2,
  overloaded: 3,
  malformed: 4,
  timeout: 5,
  stopping: 6,
  tooLarge: 7,
};
export const READ_LEVELS: Readonly<Record<ReadLevel, number>> = { strong: 0, lease: 1, local: 2 };

const WRITE_REFUSAL_NAMES = namesOf(WRITE_REFUSALS);
const WRITE_DOUBT_NAMES = namesOf(WRITE_DOUBTS);
const READ_REFUSAL_NAMES = namesOf(READ_REFUSALS);
const READ_LEVEL_NAMES = namesOf(READ_LEVELS);

export function readLevelOf(number: number): ReadLevel | undefined {
  return READ_LEVEL_NAMES[number];
}

function namesOf<Name extends string>(numbers: Readonly<Record<Name, number>>): readonly Name[] {
  const names: Name[] = [];
  for (const [name, number] of Object.entries(numbers) as [Name, number][]) names[number] = name;
  return names;
}

const [APPLIED, REFUSED, UNKNOWN] = [0, 1, 2];
const [READ_ANSWERED, READ_REFUSED] = [0, 1];

export interface ProposeAnswer {
  /** The member to ask next time; 0 when it was right to ask this one. */
  readonly leader: MemberId;
  /** In the order of the commands. None at all: the request made no sense, nothing had effect. */
  readonly outcomes: readonly WriteOutcome[];
}

export interface ReadReply {
  readonly leader: MemberId;
  readonly answer: ReadAnswer;
}

const writer = new PackedWriter();

/** A view that the next call writes over. [Q7] It fits a frame, whatever the results. */
export function encodeProposeAnswer({ leader, outcomes }: ProposeAnswer): Uint8Array {
  writer.reset();
  assert(outcomes.length <= LIMITS.requests.commandsMax, '[Q8] what is written can be read');
  writer.varint(leader);
  writer.varint(outcomes.length);
  for (const outcome of outcomes) {
    if (outcome.kind === 'applied') writeApplied(outcome.index, outcome.result);
    else if (outcome.kind === 'refused') {
      writer.u8(REFUSED);
      writer.u8(WRITE_REFUSALS[outcome.reason]);
      writer.varint(outcome.leader);
    } else writeDoubt(outcome.reason);
  }
  assert(writer.length <= LIMITS.peer.frameBytesMax, '[Q7] an answer fits a frame');
  return writer.view();
}

function writeApplied(index: number, result: Uint8Array): void {
  if (writer.length + result.length > LIMITS.requests.answerBytesMax) {
    writeDoubt('answerTooLarge');
    return;
  }
  assert(index > 0, '[Q3] what had its effect has a place in the log');
  writer.u8(APPLIED);
  writer.varint(index);
  writer.varint(result.length);
  writer.append(result);
}

function writeDoubt(reason: WriteDoubt): void {
  writer.u8(UNKNOWN);
  writer.u8(WRITE_DOUBTS[reason]);
}

/** Undefined when the bytes are no answer. Results are views into `bytes`. */
export function decodeProposeAnswer(bytes: Uint8Array): ProposeAnswer | undefined {
  const reader = new PackedReader(bytes);
  const leader = reader.varint();
  const count = reader.varint();
  if (count > LIMITS.requests.commandsMax || count > reader.remaining) reader.fail();
  const outcomes: WriteOutcome[] = [];
  for (let i = 0; i < count; i++) {
    const outcome = readOutcome(reader);
    if (outcome === undefined || reader.failed) return undefined;
    outcomes.push(outcome);
  }
  return reader.failed || reader.remaining > 0 ? undefined : { leader, outcomes };
}

function readOutcome(reader: PackedReader): WriteOutcome | undefined {
  const kind = reader.u8();
  if (kind === APPLIED) {
    const index = reader.varint();
    // [Q3] What had its effect has a place in the log.
    if (index === 0) return undefined;
    return { kind: 'applied', index, result: reader.take(reader.varint()) };
  }
  if (kind === REFUSED) {
    const reason = WRITE_REFUSAL_NAMES[reader.u8()];
    const leader = reader.varint();
    return reason === undefined ? undefined : { kind: 'refused', reason, leader };
  }
  const doubt = kind === UNKNOWN ? WRITE_DOUBT_NAMES[reader.u8()] : undefined;
  return doubt === undefined ? undefined : { kind: 'unknown', reason: doubt };
}

/** A view that the next call writes over. */
export function encodeReadReply({ leader, answer }: ReadReply): Uint8Array {
  writer.reset();
  writer.varint(leader);
  if (answer.kind === 'answered') {
    writer.u8(READ_ANSWERED);
    assert(answer.index >= 0, '[Q3] an answer is from a state');
    writer.varint(answer.index);
    writer.u8(READ_LEVELS[answer.level]);
    writer.append(answer.result);
  } else {
    writer.u8(READ_REFUSED);
    writer.u8(READ_REFUSALS[answer.reason]);
    writer.varint(answer.leader);
  }
  return writer.view();
}

/** Undefined when the bytes are no answer. The result is a view into `bytes`. */
export function decodeReadReply(bytes: Uint8Array): ReadReply | undefined {
  const reader = new PackedReader(bytes);
  const leader = reader.varint();
  const answer = readAnswer(reader);
  return answer === undefined || reader.failed ? undefined : { leader, answer };
}

function readAnswer(reader: PackedReader): ReadAnswer | undefined {
  const kind = reader.u8();
  if (kind === READ_ANSWERED) {
    const index = reader.varint();
    const level = READ_LEVEL_NAMES[reader.u8()];
    if (level === undefined) return undefined;
    return { kind: 'answered', index, level, result: reader.take(reader.remaining) };
  }
  const reason = kind === READ_REFUSED ? READ_REFUSAL_NAMES[reader.u8()] : undefined;
  if (reason === undefined) return undefined;
  const leader = reader.varint();
  return reader.remaining > 0 ? undefined : { kind: 'refused', reason, leader };
}
