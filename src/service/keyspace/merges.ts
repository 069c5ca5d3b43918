// Merges inside the machine. [KV14] A number is kept as decimal digits, a set as its items in
// order, each behind its length.

import { ByteReader, ByteWriter, compareBytes, encodeText, equalBytes } from '../../base/bytes.ts';
import type { KeyspaceLimits } from './editions.ts';
import type { KeyspaceError, KeyspaceRecord, MergeOperation, ValueKind } from './types.ts';

type Merge = MergeOperation['merge'];

interface Merged {
  readonly kind: ValueKind;
  readonly value: Uint8Array;
  readonly isSame: boolean;
}

const NUMBER_MIN = -(2n ** 63n);
const NUMBER_MAX = 2n ** 63n - 1n;

export function merged(
  previous: KeyspaceRecord | undefined,
  merge: Merge,
  limits: KeyspaceLimits,
): Merged | KeyspaceError {
  const kind = merge.by === 'union' ? 'set' : 'number';
  if (previous !== undefined && previous.kind !== kind) return 'wrongKind';
  const value =
    merge.by === 'union' ? union(previous?.value, merge.items) : number(previous?.value, merge);
  if (value === undefined) return 'numberTooLarge';
  if (value.length > limits.valueBytesMax) return 'valueTooLong';
  return { kind, value, isSame: previous !== undefined && equalBytes(previous.value, value) };
}

function number(
  previous: Uint8Array | undefined,
  { amount, by }: Extract<Merge, { amount: bigint }>,
): Uint8Array | undefined {
  const before = previous === undefined ? undefined : BigInt(String.fromCharCode(...previous));
  const result = before === undefined ? amount : combined(before, by, amount);
  if (result < NUMBER_MIN || result > NUMBER_MAX) return undefined;
  return encodeText(String(result));
}

function combined(before: bigint, by: 'add' | 'min' | 'max' | 'or', amount: bigint): bigint {
  switch (by) {
    case 'add':
      return before + amount;
    case 'min':
      return amount < before ? amount : before;
    case 'max':
      return amount > before ? amount : before;
    case 'or':
      return before | amount;
  }
}

function union(previous: Uint8Array | undefined, items: readonly Uint8Array[]): Uint8Array {
  const all = [...(previous === undefined ? [] : itemsOf(previous)), ...items].sort(compareBytes);
  const distinct = all.filter((item, i) => i === 0 || !equalBytes(item, all[i - 1] as Uint8Array));
  const length = distinct.reduce((sum, item) => sum + 4 + item.length, 0);
  const writer = new ByteWriter(length, length);
  for (const item of distinct) {
    writer.u32le(item.length);
    writer.append(item);
  }
  return writer.copy();
}

/** The items of a set, ascending. */
export function itemsOf(value: Uint8Array): readonly Uint8Array[] {
  const reader = new ByteReader(value);
  const items: Uint8Array[] = [];
  while (reader.remaining > 0) items.push(reader.take(reader.u32le()));
  return items;
}
