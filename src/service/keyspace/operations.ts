// Carrying out one operation on a draft. Whether it may be is checked before, see checks.ts.

import { must } from '../../base/assert.ts';
import type { MachineView } from '../../core/machine.ts';
import type { Draft } from './draft.ts';
import type { KeyspaceLimits } from './editions.ts';
import { pastRecords, spanOf } from './history.ts';
import type { StoredRecord } from './layout.ts';
import { merged } from './merges.ts';
import { readRange, type Source } from './ranges.ts';
import type {
  DeleteOperation,
  KeyspaceError,
  KeyspaceOperation,
  MergeOperation,
  OperationResult,
  PutOperation,
} from './types.ts';

/** What a command works on. */
export interface Work {
  readonly view: MachineView;
  readonly draft: Draft;
  readonly limits: KeyspaceLimits;
  readonly timeMs: number;
  /** Of the shard before the command. */
  readonly revision: number;
  readonly compacted: number;
  /** Which list of each transaction is taken, decided before any operation. [KV12] */
  readonly taken: ReadonlyMap<KeyspaceOperation, boolean>;
}

/** A refusal takes everything back: nothing of a draft is written then. */
export function carryOut(
  operation: KeyspaceOperation,
  work: Work,
): OperationResult | KeyspaceError {
  switch (operation.kind) {
    case 'range':
      return readRange(operation, sourceOf(work), work.limits.keysPerCommandMax);
    case 'put':
      return put(operation, work);
    case 'delete':
      return remove(operation, work);
    case 'merge':
      return merge(operation, work);
    case 'txn': {
      const succeeded = must(work.taken.get(operation), 'all transactions were decided');
      const results: OperationResult[] = [];
      for (const inner of succeeded ? operation.success : operation.failure) {
        const result = carryOut(inner, work);
        if (typeof result === 'string') return result;
        results.push(result);
      }
      return { kind: 'txn', succeeded, results };
    }
  }
}

/** A range within a transaction sees what those before it changed, as of their revision. */
function sourceOf({ compacted, draft, revision, view }: Work): Source {
  return {
    revision: draft.count > 0 ? draft.revision : revision,
    compacted,
    present: (span) => draft.records(span),
    past: (span, at) => pastRecords(view, span, at),
  };
}

function put(
  operation: PutOperation,
  { draft, limits, timeMs }: Work,
): OperationResult | KeyspaceError {
  const { contentType, keepsLease, keepsValue, key, ttlMs, wantsPrevious } = operation;
  const previous = draft.find(key);
  if ((keepsValue || keepsLease) && previous === undefined) return 'keyNotFound';
  if (draft.count >= limits.keysPerCommandMax) return 'tooMuch';
  draft.put({
    key,
    value: keepsValue ? (previous as StoredRecord).value : operation.value,
    kind: keepsValue ? (previous as StoredRecord).kind : 'plain',
    contentType: keepsValue ? (previous as StoredRecord).contentType : contentType,
    lease: keepsLease ? (previous as StoredRecord).lease : operation.lease,
    expiresMs: ttlMs === 0 ? 0 : timeMs + ttlMs,
  });
  const created = previous === undefined;
  return { kind: 'put', created, previous: wantsPrevious ? previous : undefined };
}

function remove(
  { range, wantsPrevious }: DeleteOperation,
  work: Work,
): OperationResult | KeyspaceError {
  const { draft, limits } = work;
  const span = spanOf(range);
  const found: StoredRecord[] = [];
  if (range.end === undefined) {
    const record = draft.find(range.key);
    if (record !== undefined) found.push(record);
  } else if (span !== undefined) {
    for (const record of draft.records(span)) {
      found.push(record);
      // [KV11]
      if (draft.count + found.length > limits.keysPerCommandMax) return 'tooMuch';
    }
  }
  for (const record of found) draft.delete(record);
  return { kind: 'delete', deleted: found.length, previous: wantsPrevious ? found : [] };
}

function merge({ key, merge: how }: MergeOperation, work: Work): OperationResult | KeyspaceError {
  const { draft, limits } = work;
  const previous = draft.find(key);
  const outcome = merged(previous, how, limits);
  if (typeof outcome === 'string') return outcome;
  const { kind, value } = outcome;
  if (previous !== undefined && outcome.isSame)
    return { kind: 'merge', outcome: 'noChange', value };
  if (draft.count >= limits.keysPerCommandMax) return 'tooMuch';
  draft.put({
    key,
    value,
    kind,
    contentType: previous?.contentType ?? '',
    lease: previous?.lease ?? 0n,
    expiresMs: previous?.expiresMs ?? 0,
  });
  return { kind: 'merge', outcome: previous === undefined ? 'inserted' : 'merged', value };
}
