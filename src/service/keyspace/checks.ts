// What is wrong with an operation, found before any of it is carried out. [KV10, KV12, KV13]

import { compareBytes, equalBytes } from '../../base/bytes.ts';
import type { KeyspaceLimits } from './editions.ts';
import { type Span, spanOf } from './history.ts';
import type { StoredRecord } from './layout.ts';
import { whyUnreadable } from './ranges.ts';
import type {
  Compare,
  KeyRange,
  KeyspaceError,
  KeyspaceOperation,
  LeaseId,
  PutOperation,
  TxnOperation,
} from './types.ts';

/** What checks ask of a shard as it is before the command. */
export interface Before {
  readonly limits: KeyspaceLimits;
  readonly revision: number;
  readonly compacted: number;
  find(key: Uint8Array): StoredRecord | undefined;
  records(span: Span): Iterable<StoredRecord>;
  hasLease(lease: LeaseId): boolean;
}

/** What can be seen without looking at the shard; a transaction as a whole, taken or not. */
export function whyMalformed(
  operation: KeyspaceOperation,
  limits: KeyspaceLimits,
): KeyspaceError | undefined {
  if (operation.kind !== 'txn') return whyOneMalformed(operation, limits);
  const wrong = whyTxnMalformed(operation, limits, limits.operationsMax);
  if (wrong !== undefined) return wrong;
  const { failure, success } = operation;
  return hasKeyTwice(success) || hasKeyTwice(failure) ? 'duplicateKey' : undefined;
}

function whyTxnMalformed(
  txn: TxnOperation,
  limits: KeyspaceLimits,
  operationsLeft: number,
): KeyspaceError | undefined {
  const { compares, failure, success } = txn;
  const longest = Math.max(compares.length, success.length, failure.length);
  if (longest > operationsLeft) return 'tooManyOperations';
  for (const { range } of compares) {
    const wrong = whyRangeWrong(range, limits);
    if (wrong !== undefined) return wrong;
  }
  for (const inner of [...success, ...failure]) {
    const wrong =
      inner.kind === 'txn'
        ? whyTxnMalformed(inner, limits, operationsLeft - longest)
        : whyOneMalformed(inner, limits);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function whyOneMalformed(
  operation: Exclude<KeyspaceOperation, TxnOperation>,
  limits: KeyspaceLimits,
): KeyspaceError | undefined {
  switch (operation.kind) {
    case 'range':
    case 'delete':
      return whyRangeWrong(operation.range, limits);
    case 'merge':
      return whyRangeWrong({ key: operation.key, end: undefined }, limits);
    case 'put': {
      const wrong = whyRangeWrong({ key: operation.key, end: undefined }, limits);
      if (wrong !== undefined) return wrong;
      if (operation.keepsValue && operation.value.length > 0) return 'valueProvided';
      if (operation.keepsLease && operation.lease !== 0n) return 'leaseProvided';
      return operation.value.length > limits.valueBytesMax ? 'valueTooLong' : undefined;
    }
  }
}

function whyRangeWrong(
  { end, key }: KeyRange,
  { keyBytesMax }: KeyspaceLimits,
): KeyspaceError | undefined {
  if (key.length === 0) return 'emptyKey';
  const endBytes = end instanceof Uint8Array ? end.length : 0;
  return key.length > keyBytesMax || endBytes > keyBytesMax ? 'keyTooLong' : undefined;
}

// --- keys that are put twice --------------------------------------------------------------------

/**
 * A key may be put once, and not deleted beside that, within a list and all that is nested in it.
 * The two lists of one nested transaction are never both taken, so that they may share keys. What
 * is looked at, and in which order, is etcd's to the letter: a deletion up to the last key is not,
 * nor what one nested transaction puts and a later one deletes.
 */
function hasKeyTwice(list: readonly KeyspaceOperation[]): boolean {
  return touchedBy(list) === undefined;
}

interface Touched {
  readonly puts: readonly Uint8Array[];
  readonly deletions: readonly Span[];
}

/** Undefined if a key is touched twice in a way that it must not be. */
function touchedBy(list: readonly KeyspaceOperation[]): Touched | undefined {
  const deletions = list.flatMap(deletionsOf);
  const puts: Uint8Array[] = [];
  for (const operation of list) {
    if (operation.kind !== 'txn') continue;
    const success = touchedBy(operation.success);
    const failure = touchedBy(operation.failure);
    if (success === undefined || failure === undefined) return undefined;
    for (const key of success.puts) {
      if (hasKey(puts, key) || isDeleted(deletions, key)) return undefined;
      puts.push(key);
    }
    for (const key of failure.puts) {
      const isShared = hasKey(success.puts, key);
      if ((hasKey(puts, key) && !isShared) || isDeleted(deletions, key)) return undefined;
      puts.push(key);
    }
    deletions.push(...success.deletions, ...failure.deletions);
  }
  for (const operation of list) {
    if (operation.kind !== 'put' && operation.kind !== 'merge') continue;
    if (hasKey(puts, operation.key) || isDeleted(deletions, operation.key)) return undefined;
    puts.push(operation.key);
  }
  return { puts, deletions };
}

function deletionsOf(operation: KeyspaceOperation): readonly Span[] {
  if (operation.kind !== 'delete' || operation.range.end === 'last') return [];
  const span = spanOf(operation.range);
  return span === undefined ? [] : [span];
}

function hasKey(keys: readonly Uint8Array[], key: Uint8Array): boolean {
  return keys.some((other) => equalBytes(other, key));
}

function isDeleted(spans: readonly Span[], key: Uint8Array): boolean {
  return spans.some(
    ({ end, low }) =>
      compareBytes(key, low) >= 0 && (end === undefined || compareBytes(key, end) < 0),
  );
}

// --- compares -----------------------------------------------------------------------------------

/** Decides each transaction by the shard as it is before the command, nested ones as well. */
export function decide(
  operation: KeyspaceOperation,
  before: Before,
  taken: Map<KeyspaceOperation, boolean>,
) {
  if (operation.kind !== 'txn') return;
  const succeeded = operation.compares.every((compare) => holds(compare, before));
  taken.set(operation, succeeded);
  for (const inner of succeeded ? operation.success : operation.failure) {
    decide(inner, before, taken);
  }
}

function holds(compare: Compare, before: Before): boolean {
  const { range } = compare;
  if (range.end === undefined) return holdsFor(compare, before.find(range.key));
  const span = spanOf(range);
  let isThere = false;
  for (const record of span === undefined ? [] : before.records(span)) {
    isThere = true;
    if (!holdsFor(compare, record)) return false;
  }
  return isThere || holdsFor(compare, undefined);
}

/** [KV13] Undefined: no key is there. */
function holdsFor({ is, target }: Compare, record: StoredRecord | undefined): boolean {
  switch (target.of) {
    case 'value':
      return record !== undefined && fits(is, compareBytes(record.value, target.value));
    case 'lease':
      return fits(is, compareLeases(record?.lease ?? 0n, target.lease));
    case 'version':
      return fits(is, (record?.version ?? 0) - target.number);
    case 'create':
      return fits(is, (record?.createRevision ?? 0) - target.number);
    case 'mod':
      return fits(is, (record?.modRevision ?? 0) - target.number);
  }
}

function compareLeases(a: LeaseId, b: LeaseId): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function fits(is: Compare['is'], order: number): boolean {
  switch (is) {
    case 'equal':
      return order === 0;
    case 'notEqual':
      return order !== 0;
    case 'greater':
      return order > 0;
    case 'less':
      return order < 0;
  }
}

// --- what is taken ------------------------------------------------------------------------------

/** On the lists that are taken: first all that is put, then all that is read. */
export function whyImpossible(
  operation: KeyspaceOperation,
  before: Before,
  taken: ReadonlyMap<KeyspaceOperation, boolean>,
): KeyspaceError | undefined {
  const all = [...takenOf(operation, taken)];
  for (const one of all) {
    const wrong = one.kind === 'put' ? whyPutImpossible(one, before, one === operation) : undefined;
    if (wrong !== undefined) return wrong;
  }
  for (const one of all) {
    const wrong = one.kind === 'range' ? whyUnreadable(one.revision, before) : undefined;
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function* takenOf(
  operation: KeyspaceOperation,
  taken: ReadonlyMap<KeyspaceOperation, boolean>,
): Generator<KeyspaceOperation, void> {
  if (operation.kind !== 'txn') {
    yield operation;
    return;
  }
  const list = taken.get(operation) === true ? operation.success : operation.failure;
  for (const inner of list) yield* takenOf(inner, taken);
}

/** By itself a put is asked for its lease first, within a transaction for its key: as etcd does. */
function whyPutImpossible(
  { keepsLease, keepsValue, key, lease }: PutOperation,
  before: Before,
  isAlone: boolean,
): KeyspaceError | undefined {
  const lacksKey = (keepsLease || keepsValue) && before.find(key) === undefined;
  if (lacksKey && !isAlone) return 'keyNotFound';
  if (lease !== 0n && !before.hasLease(lease)) return 'leaseNotFound';
  return lacksKey ? 'keyNotFound' : undefined;
}
