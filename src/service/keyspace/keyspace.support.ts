// Operations with what a test does not care about left out.

import type { DeleteOperation, KeyRange, PutOperation, RangeOperation } from './index.ts';

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
export const textOf = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

export function putting(
  key: Uint8Array,
  value: Uint8Array,
  more: Partial<PutOperation> = {},
): PutOperation {
  return {
    kind: 'put',
    key,
    value,
    contentType: '',
    lease: 0n,
    ttlMs: 0,
    wantsPrevious: false,
    keepsValue: false,
    keepsLease: false,
    ...more,
  };
}

export function deletion(range: KeyRange, wantsPrevious = false): DeleteOperation {
  return { kind: 'delete', range, wantsPrevious };
}

export function plainRange(range: KeyRange, more: Partial<RangeOperation> = {}): RangeOperation {
  return {
    kind: 'range',
    range,
    revision: 0,
    limit: 0,
    keysOnly: false,
    countOnly: false,
    sort: 'none',
    sortBy: 'key',
    minModRevision: 0,
    maxModRevision: 0,
    minCreateRevision: 0,
    maxCreateRevision: 0,
    ...more,
  };
}
