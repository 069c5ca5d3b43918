// Answers to questions, within their budget. [KV5, KV6, KV8, KV20]

import { ByteReader, ByteWriter } from '../../base/bytes.ts';
import {
  answered,
  type MachineQuestion,
  type MachineView,
  type QueryAnswer,
} from '../../core/machine.ts';
import { limitsOf } from './editions.ts';
import { pastRecords, presentRecords, type Span, spanOf } from './history.ts';
import {
  attachedTo,
  decodeLease,
  END_OF_LEASES,
  FIRST_LEASE,
  keyOfAttached,
  leaseOfKey,
  readShard,
  type Shard,
  type StoredRecord,
} from './layout.ts';
import { findLease } from './leases.ts';
import { decodeKeyspaceQuestion, encodeKeyspaceAnswer } from './questions.ts';
import { hasFilters, readRange, whyUnreadable } from './ranges.ts';
import type {
  KeyspaceChange,
  KeyspaceError,
  KeyspaceQuestion,
  LeaseId,
  RangeOperation,
} from './types.ts';
import { CHANGES, changesFrom } from './watching.ts';

const NOTHING = new Uint8Array(0);
/** What a record takes in an answer beside its key and value, about. */
const RECORD_BYTES = 64;

export function answer(question: MachineQuestion, view: MachineView): QueryAnswer {
  const shard = readShard(view);
  const asked = decodeKeyspaceQuestion(question.body);
  if (asked === undefined) return refused(shard, 'malformed');
  switch (asked.kind) {
    case 'range':
      return range(asked.operation, question, view, shard);
    case 'changes':
      return changes(asked, question, view, shard);
    case 'lease':
      return answered(encodeKeyspaceAnswer(lease(asked.lease, question, view, shard)));
    case 'leases':
      return answered(encodeKeyspaceAnswer(leases(view, shard)));
  }
}

function refused({ revision }: Shard, error: KeyspaceError): QueryAnswer {
  return answered(encodeKeyspaceAnswer({ kind: 'refused', revision, error }));
}

// --- ranges -------------------------------------------------------------------------------------

function range(
  operation: RangeOperation,
  question: MachineQuestion,
  view: MachineView,
  shard: Shard,
): QueryAnswer {
  const { keyBytesMax, keysPerCommandMax } = limitsOf(question.edition);
  if (operation.range.key.length === 0) return refused(shard, 'emptyKey');
  if (operation.range.key.length > keyBytesMax) return refused(shard, 'keyTooLong');
  const { revision } = shard;
  if (isPlain(operation)) return page(operation, question, view, shard);
  const result = readRange(operation, sourceOf(view, shard), keysPerCommandMax);
  if (typeof result === 'string') return refused(shard, result);
  return answered(encodeKeyspaceAnswer({ kind: 'range', revision, result }));
}

function sourceOf(view: MachineView, { compacted, revision }: Shard) {
  return {
    revision,
    compacted,
    present: (span: Span) => presentRecords(view, span),
    past: (span: Span, at: number) => pastRecords(view, span, at),
  };
}

/** Whether keys can be answered as they are read. */
function isPlain(operation: RangeOperation): boolean {
  const isInOrder = operation.sortBy === 'key' && operation.sort !== 'descending';
  return isInOrder && !hasFilters(operation);
}

/** Where a range goes on: behind this key, at this revision, with so many answered. */
interface Mark {
  readonly revision: number;
  readonly behind: Uint8Array;
  readonly answered: number;
}

/**
 * [KV8] Every page is of the revision of the first. Each counts its own keys: joined, they count
 * all of the range, also behind the limit.
 */
function page(
  operation: RangeOperation,
  { budget, cursor }: MachineQuestion,
  view: MachineView,
  shard: Shard,
): QueryAnswer {
  const mark = cursor === undefined ? undefined : readMark(cursor);
  const wanted = mark?.revision ?? operation.revision;
  const refusal = whyUnreadable(wanted, shard);
  if (refusal !== undefined) return refused(shard, refusal);
  const revision = wanted === 0 ? shard.revision : wanted;
  const whole = spanOf(operation.range);
  const span = whole !== undefined && mark !== undefined ? behind(whole, mark.behind) : whole;
  const records: StoredRecord[] = [];
  const { countOnly, keysOnly, limit } = operation;
  let [count, bytes, steps] = [0, 0, 0];
  let more = false;
  const isPast = revision < shard.revision;
  const all =
    span === undefined
      ? []
      : isPast
        ? pastRecords(view, span, revision)
        : presentRecords(view, span);
  for (const record of all) {
    steps += 1;
    count += 1;
    if (!countOnly) {
      more = limit > 0 && (mark?.answered ?? 0) + records.length >= limit;
      if (!more) {
        records.push(keysOnly ? { ...record, value: NOTHING } : record);
        bytes += RECORD_BYTES + record.key.length + (keysOnly ? 0 : record.value.length);
      }
    }
    if (steps < budget.stepsMax && bytes < budget.bytesMax) continue;
    const next = { revision, behind: record.key, answered: (mark?.answered ?? 0) + records.length };
    const result = { kind: 'range', records, count, more } as const;
    const part = encodeKeyspaceAnswer({ kind: 'range', revision: shard.revision, result });
    return { kind: 'more', part, cursor: writeMark(next) };
  }
  const result = { kind: 'range', records, count, more } as const;
  return answered(encodeKeyspaceAnswer({ kind: 'range', revision: shard.revision, result }));
}

function behind({ end }: Span, key: Uint8Array): Span {
  const low = new Uint8Array(key.length + 1);
  low.set(key);
  return { low, end };
}

function writeMark({ answered: count, behind: key, revision }: Mark): Uint8Array {
  const writer = new ByteWriter(16 + key.length, 16 + key.length);
  writer.u64le(revision);
  writer.u64le(count);
  writer.append(key);
  return writer.copy();
}

function readMark(cursor: Uint8Array): Mark {
  const reader = new ByteReader(cursor);
  const [revision, count] = [reader.u64le(), reader.u64le()];
  return { revision, answered: count, behind: reader.take(reader.remaining) };
}

// --- changes ------------------------------------------------------------------------------------

/** A revision is never split: parts end between two. */
function changes(
  asked: Extract<KeyspaceQuestion, { kind: 'changes' }>,
  { budget, cursor, mayWait }: MachineQuestion,
  view: MachineView,
  shard: Shard,
): QueryAnswer {
  const from = cursor === undefined ? asked.from : new ByteReader(cursor).u64le();
  const { compacted, revision } = shard;
  if (asked.range.key.length === 0) return refused(shard, 'emptyKey');
  const span = spanOf(asked.range);
  if (span === undefined) return refused(shard, 'emptyRange');
  if (from < compacted) {
    return answered(encodeKeyspaceAnswer({ kind: 'compacted', revision, first: compacted }));
  }
  if (from > revision && mayWait) return { kind: 'wait', topic: CHANGES };
  const found: KeyspaceChange[] = [];
  let [steps, bytes, at] = [0, 0, 0];
  for (const replayed of changesFrom(view, shard, span, from)) {
    steps += 1;
    if (replayed === undefined) continue;
    const isFull = steps > budget.stepsMax || bytes > budget.bytesMax;
    if (isFull && replayed.revision > at && found.length > 0) {
      const writer = new ByteWriter(8, 8);
      writer.u64le(replayed.revision);
      const part = encodeKeyspaceAnswer({ kind: 'changes', revision, changes: found });
      return { kind: 'more', part, cursor: writer.copy() };
    }
    at = replayed.revision;
    found.push(replayed.change);
    bytes += bytesOf(replayed.change);
  }
  return answered(encodeKeyspaceAnswer({ kind: 'changes', revision, changes: found }));
}

function bytesOf({ previous, record }: KeyspaceChange): number {
  return 2 * RECORD_BYTES + record.key.length + record.value.length + (previous?.value.length ?? 0);
}

// --- leases -------------------------------------------------------------------------------------

function lease(asked: LeaseId, { timeMs }: MachineQuestion, view: MachineView, shard: Shard) {
  const found = findLease(view, asked);
  const { revision } = shard;
  if (found === undefined) return { kind: 'lease', revision, found } as const;
  const { high, low } = attachedTo(asked);
  const keys = Array.from(view.range(low, high), ({ key }) => keyOfAttached(key));
  const leftMs = Math.max(0, found.expiresMs - timeMs);
  return { kind: 'lease', revision, found: { ttlMs: found.ttlMs, leftMs, keys } } as const;
}

function leases(view: MachineView, { revision }: Shard) {
  const found: LeaseId[] = [];
  for (const { key, value } of view.range(FIRST_LEASE, END_OF_LEASES)) {
    if (!decodeLease(value).hasEnded) found.push(leaseOfKey(key));
  }
  return { kind: 'leases', revision, leases: found } as const;
}
