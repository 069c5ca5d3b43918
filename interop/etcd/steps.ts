// What a sequence asks of a store, and what it hears, in a form that two stores can be compared in.

import type {
  KeyRange,
  KeyspaceError,
  KeyspaceOperation,
  LeaseId,
} from '../../src/service/keyspace/index.ts';

export type Step =
  | { readonly do: 'operate'; readonly operation: KeyspaceOperation }
  | { readonly do: 'compact'; readonly revision: number }
  /** Lease 0: the store chooses. */
  | { readonly do: 'grant'; readonly lease: LeaseId; readonly ttlSeconds: number }
  | { readonly do: 'revoke' | 'keepAlive' | 'timeToLive'; readonly lease: LeaseId }
  | { readonly do: 'leases' }
  | Watch;

/** Everything that happened from a revision on, up to now. */
export interface Watch {
  readonly do: 'watch';
  readonly range: KeyRange;
  readonly from: number;
  readonly wantsPrevious: boolean;
  readonly leavesOut: 'nothing' | 'puts' | 'deletions';
}

/** Revisions count from the beginning of the sequence: 1 is the empty store. */
export type Answer =
  | { readonly error: KeyspaceError }
  | { readonly revision: number; readonly result: Told }
  | { readonly revision: number; readonly ttlSeconds: number; readonly keys?: readonly string[] }
  | { readonly revision: number; readonly leases: readonly string[] }
  | { readonly events: readonly ToldEvent[] }
  | { readonly compacted: number };

export type Told =
  | { readonly range: readonly ToldRecord[]; readonly count: number; readonly more: boolean }
  | { readonly put: ToldRecord | null }
  | { readonly deleted: number; readonly previous: readonly ToldRecord[] }
  | { readonly succeeded: boolean; readonly results: readonly Told[] }
  | { readonly nothing: true };

/** Bytes as text, one character each. */
export interface ToldRecord {
  readonly key: string;
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
  readonly lease: string;
}

export interface ToldEvent {
  readonly kind: 'put' | 'delete';
  readonly record: ToldRecord;
  readonly previous: ToldRecord | null;
}

export interface KeyspacePeer {
  readonly name: string;
  /** An empty store, at revision 1. */
  begin(): Promise<void>;
  carryOut(step: Step): Promise<Answer>;
  close(): Promise<void>;
}

export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

/** A step in a line, for those who look for a difference. */
export function describe(step: unknown): string {
  return JSON.stringify(step, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    // Buffers have a form of their own by now.
    if (value instanceof Uint8Array) return textOf(value);
    return value;
  });
}
