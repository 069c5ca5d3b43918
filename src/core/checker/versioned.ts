// The vocabulary of histories whose answers carry versions.

import type { Operation } from './model.ts';

export type VersionedValue = string | number | null;

/** Versions count up from 1 in the order of the writes, gaps allowed; 0 is before all writes. */
export type VersionedAction =
  | {
      readonly kind: 'write';
      readonly value: VersionedValue;
      readonly version: number;
      /** The version that the write required to find, where it did. */
      readonly after?: number;
    }
  /** A write that never returned: it may have got any version, or none. */
  | { readonly kind: 'lost'; readonly value: VersionedValue }
  /** The latest version and its value; version 0 has the value null. */
  | { readonly kind: 'read'; readonly value: VersionedValue; readonly version: number }
  /** This version had been written: a record that was there, not necessarily the last. */
  | { readonly kind: 'seen'; readonly value: VersionedValue; readonly version: number }
  /** This version had not been written yet. */
  | { readonly kind: 'unseen'; readonly version: number };

export type VersionedOperation = Operation<VersionedAction>;

export type VersionsVerdict =
  | { readonly kind: 'linearizable' }
  | ({ readonly kind: 'notLinearizable' } & Violation);

export interface Violation {
  readonly rule: 'V1' | 'V2' | 'V3' | 'V4' | 'V5';
  readonly operation: VersionedOperation;
  /** The other party, where there is one. */
  readonly other?: VersionedOperation;
  readonly problem: string;
}

/** A lost write together with the version that was known before it was called. */
export interface LostWrite {
  readonly value: VersionedValue;
  readonly floor: number;
}
