// What is asked of a shard, and what is answered.
//
//   question  =  1 range-operation
//             |  2 range from(u64)             changes from a revision on
//             |  3 lease(u64)
//             |  4                             leases
//   answer    =  0 revision(u64) result                        of a range
//             |  1 revision(u64) (kind(u8) record records)*    changes
//             |  2 revision(u64) first(u64)                    compacted
//             |  3 revision(u64) isThere(u8) ttl(u64) left(u64) key*
//             |  4 revision(u64) lease*
//             |  5 revision(u64) error(u8)                     refused
//
// Parts of one answer are answers of their own, one behind the other.

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import {
  readKey,
  readRange,
  readRangeOperation,
  readRecord,
  readRecords,
  readResult,
  writeKey,
  writeRange,
  writeRangeOperation,
  writeRecord,
  writeRecords,
  writeResult,
} from './operation-codec.ts';
import {
  KEYSPACE_ERRORS,
  type KeyspaceAnswer,
  type KeyspaceChange,
  type KeyspaceQuestion,
} from './types.ts';

const QUESTIONS = ['none', 'range', 'changes', 'lease', 'leases'] as const;
const ANSWERS = ['range', 'changes', 'compacted', 'lease', 'leases', 'refused'] as const;
const BYTES_MAX = 64 * 1024 * 1024;
const writer = new ByteWriter(BYTES_MAX, 1_024);

export function encodeKeyspaceQuestion(question: KeyspaceQuestion): Uint8Array {
  writer.reset();
  writer.u8(QUESTIONS.indexOf(question.kind));
  switch (question.kind) {
    case 'range':
      writeRangeOperation(writer, question.operation);
      break;
    case 'changes':
      writeRange(writer, question.range);
      writer.u64le(question.from);
      break;
    case 'lease':
      writer.big64le(question.lease);
      break;
    case 'leases':
  }
  return writer.copy();
}

/** Undefined when the bytes are no question. */
export function decodeKeyspaceQuestion(bytes: Uint8Array): KeyspaceQuestion | undefined {
  const reader = new ByteReader(bytes);
  const question = readQuestion(reader);
  return reader.failed || reader.remaining > 0 ? undefined : question;
}

function readQuestion(reader: ByteReader): KeyspaceQuestion | undefined {
  const kind = QUESTIONS[reader.u8()];
  switch (kind) {
    case 'range':
      return { kind, operation: readRangeOperation(reader) };
    case 'changes':
      return { kind, range: readRange(reader), from: reader.u64le() };
    case 'lease':
      return { kind, lease: reader.big64le() };
    case 'leases':
      return { kind };
    case 'none':
    case undefined:
  }
  return undefined;
}

export function encodeKeyspaceAnswer(answer: KeyspaceAnswer): Uint8Array {
  return viewOfAnswer(answer).slice();
}

/** The next one writes over it. */
export function viewOfAnswer(answer: KeyspaceAnswer): Uint8Array {
  writer.reset();
  writer.u8(ANSWERS.indexOf(answer.kind));
  writer.u64le(answer.revision);
  switch (answer.kind) {
    case 'range':
      writeResult(writer, answer.result);
      break;
    case 'changes':
      writer.u32le(answer.changes.length);
      for (const change of answer.changes) writeChange(change);
      break;
    case 'compacted':
      writer.u64le(answer.first);
      break;
    case 'lease': {
      const { found } = answer;
      writer.u8(found === undefined ? 0 : 1);
      writer.u64le(found?.ttlMs ?? 0);
      writer.u64le(found?.leftMs ?? 0);
      writer.u32le(found?.keys.length ?? 0);
      for (const key of found?.keys ?? []) writeKey(writer, key);
      break;
    }
    case 'leases':
      writer.u32le(answer.leases.length);
      for (const lease of answer.leases) writer.big64le(lease);
      break;
    case 'refused':
      writer.u8(KEYSPACE_ERRORS.indexOf(answer.error));
  }
  return writer.view();
}

function writeChange({ kind, previous, record }: KeyspaceChange): void {
  writer.u8(kind === 'put' ? 1 : 0);
  writeRecord(writer, record);
  writeRecords(writer, previous === undefined ? [] : [previous]);
}

/** The parts of an answer. Undefined when the bytes are none. */
export function decodeKeyspaceAnswers(bytes: Uint8Array): readonly KeyspaceAnswer[] | undefined {
  const reader = new ByteReader(bytes);
  const answers: KeyspaceAnswer[] = [];
  do {
    const answer = readAnswer(reader);
    if (answer === undefined || reader.failed) return undefined;
    answers.push(answer);
  } while (reader.remaining > 0);
  return answers;
}

function readAnswer(reader: ByteReader): KeyspaceAnswer | undefined {
  const kind = ANSWERS[reader.u8()];
  const revision = reader.u64le();
  switch (kind) {
    case 'range': {
      const result = readResult(reader);
      return result === undefined ? undefined : { kind, revision, result };
    }
    case 'changes':
      return { kind, revision, changes: listOf(reader, readChange) };
    case 'compacted':
      return { kind, revision, first: reader.u64le() };
    case 'lease': {
      const isThere = reader.u8() === 1;
      const [ttlMs, leftMs] = [reader.u64le(), reader.u64le()];
      const keys = listOf(reader, readKey);
      return { kind, revision, found: isThere ? { ttlMs, leftMs, keys } : undefined };
    }
    case 'leases':
      return { kind, revision, leases: listOf(reader, () => reader.big64le()) };
    case 'refused': {
      const error = KEYSPACE_ERRORS[reader.u8()];
      return error === undefined ? undefined : { kind, revision, error };
    }
    case undefined:
  }
  return undefined;
}

function readChange(reader: ByteReader): KeyspaceChange {
  const kind = reader.u8() === 1 ? 'put' : 'delete';
  return { kind, record: readRecord(reader), previous: readRecords(reader)[0] };
}

function listOf<T>(reader: ByteReader, readOne: (reader: ByteReader) => T): T[] {
  const list: T[] = [];
  for (let left = reader.u32le(); left > 0 && !reader.failed; left--) list.push(readOne(reader));
  return list;
}
