// Leases, and keys that are deleted for their age. [KV15-KV17]
//
// A lease that is kept alive is not found later in the list of what is due: when its old time has
// come the list is put right. So keeping alive is one write.

import type { MachineState, MachineView } from '../../core/machine.ts';
import { NEVER_MS } from '../../core/machine.ts';
import type { Draft } from './draft.ts';
import type { KeyspaceLimits } from './editions.ts';
import {
  attachedTo,
  type Due,
  decodeLease,
  dueOfKey,
  END_OF_DUE,
  encodeLease,
  FIRST_DUE,
  FIRST_KEY_DUE,
  keyDueKey,
  keyOfAttached,
  leaseDueKey,
  leaseKey,
  type StoredLease,
} from './layout.ts';
import type { KeyspaceError, LeaseId } from './types.ts';

const NOTHING = new Uint8Array(0);

/** A lease that keys can be attached to. */
export function findLease(view: MachineView, lease: LeaseId): StoredLease | undefined {
  const bytes = view.get(leaseKey(lease));
  const found = bytes === undefined ? undefined : decodeLease(bytes);
  return found?.hasEnded === true ? undefined : found;
}

export function grant(
  state: MachineState,
  lease: LeaseId,
  ttlMs: number,
  nowMs: number,
  { leaseTtlMsMax }: KeyspaceLimits,
): KeyspaceError | undefined {
  if (lease === 0n || ttlMs === 0) return 'malformed';
  if (ttlMs > leaseTtlMsMax) return 'leaseTtlTooLarge';
  if (findLease(state, lease) !== undefined) return 'leaseExists';
  setLease(state, lease, { ttlMs, expiresMs: nowMs + ttlMs, hasEnded: false });
  return undefined;
}

/** Answers what the lease has from now on, 0 if there is none. */
export function keepAlive(state: MachineState, lease: LeaseId, nowMs: number): number {
  const found = findLease(state, lease);
  if (found === undefined) return 0;
  const { ttlMs } = found;
  state.put(leaseKey(lease), encodeLease({ ...found, expiresMs: nowMs + ttlMs }));
  return ttlMs;
}

function setLease(state: MachineState, lease: LeaseId, stored: StoredLease): void {
  state.put(leaseKey(lease), encodeLease(stored));
  state.put(leaseDueKey(stored.expiresMs, lease), NOTHING);
}

/**
 * Deletes what is attached to the lease, as much as one command may; false if there is more. From
 * now on nothing can be attached to it.
 */
export function endLease(
  state: MachineState,
  lease: LeaseId,
  nowMs: number,
  draft: Draft,
  { keysPerCommandMax, leaseFenceMs }: KeyspaceLimits,
): boolean {
  const { high, low } = attachedTo(lease);
  const keys: Uint8Array[] = [];
  let hasMore = false;
  for (const { key } of state.range(low, high)) {
    hasMore = keys.length === keysPerCommandMax;
    if (hasMore) break;
    keys.push(keyOfAttached(key));
  }
  for (const key of keys) {
    const record = draft.find(key);
    if (record !== undefined) draft.delete(record);
  }
  // With more to delete it is looked at again at once.
  const expiresMs = hasMore ? nowMs : nowMs + leaseFenceMs;
  setLease(state, lease, { ttlMs: 0, expiresMs, hasEnded: true });
  return !hasMore;
}

/** What is due first; the list has leases and keys one behind the other. */
export function firstDueMs(view: MachineView): number {
  return Math.min(
    firstOf(view, FIRST_DUE, FIRST_KEY_DUE),
    firstOf(view, FIRST_KEY_DUE, END_OF_DUE),
  );
}

function firstOf(view: MachineView, low: Uint8Array, high: Uint8Array): number {
  for (const { key } of view.range(low, high)) return dueOfKey(key).timeMs;
  return NEVER_MS;
}

/** What is due by now, some of it. */
export function dueBy(view: MachineView, nowMs: number, most: number): readonly Due[] {
  const due: Due[] = [];
  for (const [low, high] of [
    [FIRST_DUE, FIRST_KEY_DUE],
    [FIRST_KEY_DUE, END_OF_DUE],
  ] as const) {
    for (const { key } of view.range(low, high)) {
      const one = dueOfKey(key);
      if (one.timeMs > nowMs || due.length === most) break;
      due.push(one);
    }
  }
  return due;
}

/** Takes a lease off the list. Answers whether it has ended only now, and its keys must go. */
export function settleDueLease(
  state: MachineState,
  { lease, timeMs }: Extract<Due, { kind: 'lease' }>,
  nowMs: number,
): boolean {
  state.delete(leaseDueKey(timeMs, lease));
  const bytes = state.get(leaseKey(lease));
  if (bytes === undefined) return false;
  const stored = decodeLease(bytes);
  if (stored.expiresMs > nowMs) {
    state.put(leaseDueKey(stored.expiresMs, lease), NOTHING);
    return false;
  }
  const hasKeys = !isEmpty(state, lease);
  if (!stored.hasEnded || hasKeys) return true;
  state.delete(leaseKey(lease));
  return false;
}

function isEmpty(view: MachineView, lease: LeaseId): boolean {
  const { high, low } = attachedTo(lease);
  for (const _ of view.range(low, high)) return false;
  return true;
}

/** Takes a key off the list, and into the draft if it is to go. */
export function settleDueKey(
  state: MachineState,
  { key, timeMs }: Extract<Due, { kind: 'key' }>,
  draft: Draft,
): void {
  const record = draft.find(key);
  if (record !== undefined && record.expiresMs === timeMs) draft.delete(record);
  else state.delete(keyDueKey(timeMs, key));
}
