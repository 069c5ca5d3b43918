// The words of the multi-version key-value machine: what it is asked and what it answers. Bytes of
// commands and questions are in commands.ts and queries.ts; these are what callers and tests see.

/** A lease's id is a 64-bit number; 0 is none. */
export type LeaseId = bigint;

/** A range of keys: one key, `[key, end)`, or from `key` to the last one. */
export interface KeyRange {
  readonly key: Uint8Array;
  /** Undefined: the key alone. 'last': `key` and all behind it. */
  readonly end: Uint8Array | 'last' | undefined;
}

/** What made the value: a put, or the merges that the key takes from then on. */
export type ValueKind = 'plain' | 'number' | 'set';

export interface KeyspaceRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly kind: ValueKind;
  readonly contentType: string;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Counts the writes since the key was created, from 1. */
  readonly version: number;
  readonly lease: LeaseId;
  /** The shard's time at which it is deleted for its age; 0: never. */
  readonly expiresMs: number;
}

// --- operations, alone or in a transaction -------------------------------------------------------

export type KeyspaceOperation =
  | RangeOperation
  | PutOperation
  | DeleteOperation
  | MergeOperation
  | TxnOperation;

export interface RangeOperation {
  readonly kind: 'range';
  readonly range: KeyRange;
  /** 0: the present. */
  readonly revision: number;
  /** 0: as many as fit. */
  readonly limit: number;
  readonly keysOnly: boolean;
  readonly countOnly: boolean;
  readonly sort: 'none' | 'ascending' | 'descending';
  readonly sortBy: 'key' | 'version' | 'create' | 'mod' | 'value';
  readonly minModRevision: number;
  readonly maxModRevision: number;
  readonly minCreateRevision: number;
  readonly maxCreateRevision: number;
}

export interface PutOperation {
  readonly kind: 'put';
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly contentType: string;
  readonly lease: LeaseId;
  /** 0: it is not deleted for its age. */
  readonly ttlMs: number;
  readonly wantsPrevious: boolean;
  readonly keepsValue: boolean;
  readonly keepsLease: boolean;
}

export interface DeleteOperation {
  readonly kind: 'delete';
  readonly range: KeyRange;
  readonly wantsPrevious: boolean;
}

export interface MergeOperation {
  readonly kind: 'merge';
  readonly key: Uint8Array;
  readonly merge:
    | { readonly by: 'add' | 'min' | 'max' | 'or'; readonly amount: bigint }
    | { readonly by: 'union'; readonly items: readonly Uint8Array[] };
}

export interface TxnOperation {
  readonly kind: 'txn';
  readonly compares: readonly Compare[];
  readonly success: readonly KeyspaceOperation[];
  readonly failure: readonly KeyspaceOperation[];
}

export interface Compare {
  readonly range: KeyRange;
  readonly is: 'equal' | 'greater' | 'less' | 'notEqual';
  readonly target:
    | { readonly of: 'version' | 'create' | 'mod'; readonly number: number }
    | { readonly of: 'lease'; readonly lease: LeaseId }
    | { readonly of: 'value'; readonly value: Uint8Array };
}

// --- what comes of them --------------------------------------------------------------------------

export const KEYSPACE_ERRORS = [
  'malformed',
  'emptyKey',
  'emptyRange',
  'emptyOperation',
  'tooManyOperations',
  'duplicateKey',
  'keyTooLong',
  'valueTooLong',
  'leaseNotFound',
  'leaseExists',
  'leaseTtlTooLarge',
  'keyNotFound',
  'valueProvided',
  'leaseProvided',
  'futureRevision',
  'compacted',
  'wrongKind',
  'numberTooLarge',
  'tooMuch',
] as const;
export type KeyspaceError = (typeof KEYSPACE_ERRORS)[number];

export type OperationResult =
  | {
      readonly kind: 'range';
      readonly records: readonly KeyspaceRecord[];
      /** Of all keys of the range, whatever the limit and the filters. */
      readonly count: number;
      readonly more: boolean;
    }
  | {
      readonly kind: 'put';
      readonly created: boolean;
      readonly previous: KeyspaceRecord | undefined;
    }
  | {
      readonly kind: 'delete';
      readonly deleted: number;
      readonly previous: readonly KeyspaceRecord[];
    }
  | {
      readonly kind: 'merge';
      readonly outcome: 'inserted' | 'merged' | 'noChange';
      readonly value: Uint8Array;
    }
  | {
      readonly kind: 'txn';
      readonly succeeded: boolean;
      readonly results: readonly OperationResult[];
    };

/** `revision` is the shard's behind the command. */
export type KeyspaceResult =
  | { readonly kind: 'done'; readonly revision: number; readonly result: OperationResult }
  /** A command about a lease, or a compaction. `ttlMs`: what the lease has from now on. */
  | { readonly kind: 'carriedOut'; readonly revision: number; readonly ttlMs: number }
  /** No effect. */
  | { readonly kind: 'refused'; readonly revision: number; readonly error: KeyspaceError };

export type KeyspaceCommand =
  | { readonly kind: 'operate'; readonly operation: KeyspaceOperation }
  | { readonly kind: 'compact'; readonly revision: number }
  | { readonly kind: 'grant'; readonly lease: LeaseId; readonly ttlMs: number }
  | { readonly kind: 'revoke' | 'keepAlive'; readonly lease: LeaseId };

export type KeyspaceQuestion =
  | { readonly kind: 'range'; readonly operation: RangeOperation }
  /** What happened from a revision on, up to the present. */
  | { readonly kind: 'changes'; readonly range: KeyRange; readonly from: number }
  | { readonly kind: 'lease'; readonly lease: LeaseId }
  | { readonly kind: 'leases' };

/** One key's part in a revision. `record` of a deletion has the key and `modRevision` only. */
export interface KeyspaceChange {
  readonly kind: 'put' | 'delete';
  readonly record: KeyspaceRecord;
  /** Unless it was compacted. */
  readonly previous: KeyspaceRecord | undefined;
}

export type KeyspaceAnswer =
  | { readonly kind: 'range'; readonly revision: number; readonly result: OperationResult }
  | {
      readonly kind: 'changes';
      readonly revision: number;
      readonly changes: readonly KeyspaceChange[];
    }
  /** `first`: the first revision that is there still. */
  | { readonly kind: 'compacted'; readonly revision: number; readonly first: number }
  | {
      readonly kind: 'lease';
      readonly revision: number;
      /** Undefined: there is none. */
      readonly found:
        | {
            readonly ttlMs: number;
            readonly leftMs: number;
            readonly keys: readonly Uint8Array[];
          }
        | undefined;
    }
  | { readonly kind: 'leases'; readonly revision: number; readonly leases: readonly LeaseId[] }
  | { readonly kind: 'refused'; readonly revision: number; readonly error: KeyspaceError };
