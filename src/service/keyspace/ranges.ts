// One answer of a range: counted, filtered, put in order, cut. [KV5, KV7, KV8]

import { compareBytes } from '../../base/bytes.ts';
import { type Span, spanOf } from './history.ts';
import type { StoredRecord } from './layout.ts';
import type { KeyspaceError, OperationResult, RangeOperation } from './types.ts';

/** What a range is read from. */
export interface Source {
  /** Of the present, as the question sees it. */
  readonly revision: number;
  readonly compacted: number;
  present(span: Span): Iterable<StoredRecord>;
  past(span: Span, revision: number): Iterable<StoredRecord>;
}

export type RangeResult = Extract<OperationResult, { kind: 'range' }>;

const NOTHING = new Uint8Array(0);

/** Why a revision cannot be read. [KV6] */
export function whyUnreadable(
  revision: number,
  { compacted, revision: present }: Pick<Source, 'compacted' | 'revision'>,
): KeyspaceError | undefined {
  if (revision > present) return 'futureRevision';
  return revision > 0 && revision < compacted ? 'compacted' : undefined;
}

export function readRange(
  operation: RangeOperation,
  source: Source,
  keysMax: number,
): RangeResult | KeyspaceError {
  const { countOnly, keysOnly, limit } = operation;
  const refusal = whyUnreadable(operation.revision, source);
  if (refusal !== undefined) return refusal;
  const span = spanOf(operation.range);
  if (span === undefined) return { kind: 'range', records: [], count: 0, more: false };
  const isPast = operation.revision > 0 && operation.revision < source.revision;
  const all = isPast ? source.past(span, operation.revision) : source.present(span);
  // [KV7] Without a direction or a filter etcd takes one more than the limit before it sorts.
  const foundMax =
    !hasFilters(operation) && operation.sort === 'none' && limit > 0 ? limit + 1 : keysMax;
  const found: StoredRecord[] = [];
  let count = 0;
  for (const record of all) {
    count += 1;
    if (count > keysMax) return 'tooMuch';
    if (countOnly || found.length === foundMax) continue;
    if (passes(operation, record)) found.push(record);
  }
  sort(found, operation);
  const more = limit > 0 && found.length > limit;
  if (more) found.length = limit;
  const records = keysOnly ? found.map((record) => ({ ...record, value: NOTHING })) : found;
  return { kind: 'range', records, count, more };
}

export function hasFilters(operation: RangeOperation): boolean {
  const { maxCreateRevision, maxModRevision, minCreateRevision, minModRevision } = operation;
  return minModRevision + maxModRevision + minCreateRevision + maxCreateRevision > 0;
}

function passes(operation: RangeOperation, { createRevision, modRevision }: StoredRecord): boolean {
  const { maxCreateRevision, maxModRevision, minCreateRevision, minModRevision } = operation;
  return (
    modRevision >= minModRevision &&
    (maxModRevision === 0 || modRevision <= maxModRevision) &&
    createRevision >= minCreateRevision &&
    (maxCreateRevision === 0 || createRevision <= maxCreateRevision)
  );
}

type Order = (a: StoredRecord, b: StoredRecord) => number;

const ORDERS: Readonly<Record<RangeOperation['sortBy'], Order>> = {
  key: (a, b) => compareBytes(a.key, b.key),
  version: (a, b) => a.version - b.version,
  create: (a, b) => a.createRevision - b.createRevision,
  mod: (a, b) => a.modRevision - b.modRevision,
  value: (a, b) => compareBytes(a.value, b.value),
};

/** Equal ones stay in the order of their keys. */
function sort(records: StoredRecord[], { sort: direction, sortBy }: RangeOperation): void {
  if (sortBy === 'key' && direction !== 'descending') return;
  const order = ORDERS[sortBy];
  records.sort(direction === 'descending' ? (a, b) => order(b, a) : order);
}
