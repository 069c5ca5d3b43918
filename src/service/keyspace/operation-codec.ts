// The bytes of operations and of what comes of them.
//
//   operation  =  1 range revision(u64) limit(u32) flags(u8) sort(u8) sortBy(u8) bound(u64)*4
//              |  2 key lease(u64) ttl(u64) flags(u8) type-length(u8) type value
//              |  3 range flags(u8)
//              |  4 key by(u8) amount(i64) | 4 key by(u8) count(u16) item*
//              |  5 compares(u16) compare* successes(u16) operation* failures(u16) operation*
//   range      =  key 0 | key 1 | key 2 end-key            one key, to the last one, below an end
//   key        =  length(u16) bytes
//   value      =  length(u32) bytes                         an item as well
//   compare    =  range is(u8) of(u8) number(u64) | lease(u64) | value

import type { ByteReader, ByteWriter } from '../../base/bytes.ts';
import { VALUE_KINDS, writeShort } from './layout.ts';
import type {
  Compare,
  KeyRange,
  KeyspaceOperation,
  KeyspaceRecord,
  MergeOperation,
  OperationResult,
  PutOperation,
  RangeOperation,
} from './types.ts';

const KINDS = ['none', 'range', 'put', 'delete', 'merge', 'txn'] as const;
const SORTS = ['none', 'ascending', 'descending'] as const;
const SORTS_BY = ['key', 'version', 'create', 'mod', 'value'] as const;
const MERGES = ['add', 'min', 'max', 'or', 'union'] as const;
const RESULTS = ['equal', 'greater', 'less', 'notEqual'] as const;
const TARGETS = ['version', 'create', 'mod', 'lease', 'value'] as const;
const OUTCOMES = ['inserted', 'merged', 'noChange'] as const;
const [ONE_KEY, TO_THE_LAST, BELOW] = [0, 1, 2];
const [FIRST_FLAG, SECOND_FLAG, THIRD_FLAG] = [1, 2, 4];
/** Deeper ones are refused: each level costs a call. */
const DEPTH_MAX = 16;
const AMOUNT_BITS = 64;

// --- writing ------------------------------------------------------------------------------------

export function writeOperation(writer: ByteWriter, operation: KeyspaceOperation): void {
  writer.u8(KINDS.indexOf(operation.kind));
  switch (operation.kind) {
    case 'range':
      writeRangeOperation(writer, operation);
      return;
    case 'put':
      writePut(writer, operation);
      return;
    case 'delete':
      writeRange(writer, operation.range);
      writer.u8(operation.wantsPrevious ? FIRST_FLAG : 0);
      return;
    case 'merge':
      writeKey(writer, operation.key);
      writeMerge(writer, operation.merge);
      return;
    case 'txn':
      writer.u16le(operation.compares.length);
      for (const compare of operation.compares) writeCompare(writer, compare);
      for (const list of [operation.success, operation.failure]) {
        writer.u16le(list.length);
        for (const inner of list) writeOperation(writer, inner);
      }
  }
}

export function writeRangeOperation(writer: ByteWriter, operation: RangeOperation): void {
  writeRange(writer, operation.range);
  writer.u64le(operation.revision);
  writer.u32le(operation.limit);
  writer.u8((operation.keysOnly ? FIRST_FLAG : 0) | (operation.countOnly ? SECOND_FLAG : 0));
  writer.u8(SORTS.indexOf(operation.sort));
  writer.u8(SORTS_BY.indexOf(operation.sortBy));
  writer.u64le(operation.minModRevision);
  writer.u64le(operation.maxModRevision);
  writer.u64le(operation.minCreateRevision);
  writer.u64le(operation.maxCreateRevision);
}

function writePut(writer: ByteWriter, operation: PutOperation): void {
  writeKey(writer, operation.key);
  writer.big64le(operation.lease);
  writer.u64le(operation.ttlMs);
  writer.u8(
    (operation.wantsPrevious ? FIRST_FLAG : 0) |
      (operation.keepsValue ? SECOND_FLAG : 0) |
      (operation.keepsLease ? THIRD_FLAG : 0),
  );
  writeShort(writer, operation.contentType);
  writeValue(writer, operation.value);
}

function writeMerge(writer: ByteWriter, merge: MergeOperation['merge']): void {
  writer.u8(MERGES.indexOf(merge.by));
  if (merge.by !== 'union') {
    writer.big64le(BigInt.asUintN(AMOUNT_BITS, merge.amount));
    return;
  }
  writer.u16le(merge.items.length);
  for (const item of merge.items) writeValue(writer, item);
}

function writeCompare(writer: ByteWriter, { is, range, target }: Compare): void {
  writeRange(writer, range);
  writer.u8(RESULTS.indexOf(is));
  writer.u8(TARGETS.indexOf(target.of));
  if (target.of === 'value') writeValue(writer, target.value);
  else if (target.of === 'lease') writer.big64le(target.lease);
  else writer.u64le(target.number);
}

export function writeRange(writer: ByteWriter, { end, key }: KeyRange): void {
  writeKey(writer, key);
  if (end === undefined) writer.u8(ONE_KEY);
  else if (end === 'last') writer.u8(TO_THE_LAST);
  else {
    writer.u8(BELOW);
    writeKey(writer, end);
  }
}

export function writeKey(writer: ByteWriter, key: Uint8Array): void {
  writer.u16le(key.length);
  writer.append(key);
}

function writeValue(writer: ByteWriter, value: Uint8Array): void {
  writer.u32le(value.length);
  writer.append(value);
}

// --- reading ------------------------------------------------------------------------------------

/** What cannot be read marks the reader as failed. Keys and values are views. */
export function readOperation(reader: ByteReader, depth = 0): KeyspaceOperation | undefined {
  switch (KINDS[reader.u8()]) {
    case 'range':
      return readRangeOperation(reader);
    case 'put':
      return readPut(reader);
    case 'delete':
      return { kind: 'delete', range: readRange(reader), wantsPrevious: readFlags(reader) > 0 };
    case 'merge':
      return { kind: 'merge', key: readKey(reader), merge: readMerge(reader) };
    case 'txn':
      if (depth === DEPTH_MAX) reader.fail();
      return {
        kind: 'txn',
        compares: readList(reader, readCompare),
        success: readList(reader, (inner) => readOperation(inner, depth + 1)),
        failure: readList(reader, (inner) => readOperation(inner, depth + 1)),
      };
    case 'none':
    case undefined:
      reader.fail();
  }
  return undefined;
}

export function readRangeOperation(reader: ByteReader): RangeOperation {
  const range = readRange(reader);
  const revision = reader.u64le();
  const limit = reader.u32le();
  const flags = readFlags(reader);
  return {
    kind: 'range',
    range,
    revision,
    limit,
    keysOnly: (flags & FIRST_FLAG) > 0,
    countOnly: (flags & SECOND_FLAG) > 0,
    sort: oneOf(reader, SORTS),
    sortBy: oneOf(reader, SORTS_BY),
    minModRevision: reader.u64le(),
    maxModRevision: reader.u64le(),
    minCreateRevision: reader.u64le(),
    maxCreateRevision: reader.u64le(),
  };
}

function readPut(reader: ByteReader): PutOperation {
  const key = readKey(reader);
  const lease = reader.big64le();
  const ttlMs = reader.u64le();
  const flags = readFlags(reader);
  return {
    kind: 'put',
    key,
    lease,
    ttlMs,
    wantsPrevious: (flags & FIRST_FLAG) > 0,
    keepsValue: (flags & SECOND_FLAG) > 0,
    keepsLease: (flags & THIRD_FLAG) > 0,
    contentType: reader.text(reader.u8()),
    value: readValue(reader),
  };
}

function readMerge(reader: ByteReader): MergeOperation['merge'] {
  const by = oneOf(reader, MERGES);
  if (by === 'union') return { by, items: readList(reader, readValue) };
  return { by, amount: BigInt.asIntN(AMOUNT_BITS, reader.big64le()) };
}

function readCompare(reader: ByteReader): Compare {
  const range = readRange(reader);
  const is = oneOf(reader, RESULTS);
  const of = oneOf(reader, TARGETS);
  if (of === 'value') return { range, is, target: { of, value: readValue(reader) } };
  if (of === 'lease') return { range, is, target: { of, lease: reader.big64le() } };
  return { range, is, target: { of, number: reader.u64le() } };
}

export function readRange(reader: ByteReader): KeyRange {
  const key = readKey(reader);
  switch (reader.u8()) {
    case ONE_KEY:
      return { key, end: undefined };
    case TO_THE_LAST:
      return { key, end: 'last' };
    case BELOW:
      return { key, end: readKey(reader) };
    default:
      reader.fail();
      return { key, end: undefined };
  }
}

export function readKey(reader: ByteReader): Uint8Array {
  return reader.take(reader.u16le());
}

function readValue(reader: ByteReader): Uint8Array {
  return reader.take(reader.u32le());
}

function readFlags(reader: ByteReader): number {
  const flags = reader.u8();
  if (flags > (FIRST_FLAG | SECOND_FLAG | THIRD_FLAG)) reader.fail();
  return flags;
}

function readList<T>(reader: ByteReader, readOne: (reader: ByteReader) => T | undefined): T[] {
  const list: T[] = [];
  // A long list that is not there would be made of nothing but failures.
  for (let left = reader.u16le(); left > 0 && !reader.failed; left--) {
    const one = readOne(reader);
    if (one !== undefined) list.push(one);
  }
  return list;
}

function oneOf<const T>(reader: ByteReader, choices: readonly T[]): T {
  const choice = choices[reader.u8()];
  if (choice === undefined) reader.fail();
  return choice ?? (choices[0] as T);
}

// --- results ------------------------------------------------------------------------------------

export function writeRecord(writer: ByteWriter, record: KeyspaceRecord): void {
  writeKey(writer, record.key);
  writer.u64le(record.createRevision);
  writer.u64le(record.modRevision);
  writer.u64le(record.version);
  writer.big64le(record.lease);
  writer.u64le(record.expiresMs);
  writer.u8(VALUE_KINDS.indexOf(record.kind));
  writeShort(writer, record.contentType);
  writeValue(writer, record.value);
}

export function readRecord(reader: ByteReader): KeyspaceRecord {
  return {
    key: readKey(reader),
    createRevision: reader.u64le(),
    modRevision: reader.u64le(),
    version: reader.u64le(),
    lease: reader.big64le(),
    expiresMs: reader.u64le(),
    kind: oneOf(reader, VALUE_KINDS),
    contentType: reader.text(reader.u8()),
    value: readValue(reader),
  };
}

export function writeResult(writer: ByteWriter, result: OperationResult): void {
  writer.u8(KINDS.indexOf(result.kind));
  switch (result.kind) {
    case 'range':
      writer.u64le(result.count);
      writer.u8(result.more ? 1 : 0);
      writeRecords(writer, result.records);
      return;
    case 'put':
      writer.u8(result.created ? 1 : 0);
      writeRecords(writer, result.previous === undefined ? [] : [result.previous]);
      return;
    case 'delete':
      writer.u32le(result.deleted);
      writeRecords(writer, result.previous);
      return;
    case 'merge':
      writer.u8(OUTCOMES.indexOf(result.outcome));
      writeValue(writer, result.value);
      return;
    case 'txn':
      writer.u8(result.succeeded ? 1 : 0);
      writer.u16le(result.results.length);
      for (const inner of result.results) writeResult(writer, inner);
  }
}

export function readResult(reader: ByteReader): OperationResult | undefined {
  switch (KINDS[reader.u8()]) {
    case 'range': {
      const [count, more] = [reader.u64le(), reader.u8() === 1];
      return { kind: 'range', count, more, records: readRecords(reader) };
    }
    case 'put': {
      const created = reader.u8() === 1;
      return { kind: 'put', created, previous: readRecords(reader)[0] };
    }
    case 'delete':
      return { kind: 'delete', deleted: reader.u32le(), previous: readRecords(reader) };
    case 'merge':
      return { kind: 'merge', outcome: oneOf(reader, OUTCOMES), value: readValue(reader) };
    case 'txn': {
      const succeeded = reader.u8() === 1;
      return { kind: 'txn', succeeded, results: readList(reader, readResult) };
    }
    case 'none':
    case undefined:
      reader.fail();
  }
  return undefined;
}

export function writeRecords(writer: ByteWriter, records: readonly KeyspaceRecord[]): void {
  writer.u32le(records.length);
  for (const record of records) writeRecord(writer, record);
}

export function readRecords(reader: ByteReader): KeyspaceRecord[] {
  const records: KeyspaceRecord[] = [];
  for (let left = reader.u32le(); left > 0 && !reader.failed; left--) {
    records.push(readRecord(reader));
  }
  return records;
}
