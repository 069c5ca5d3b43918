// Checks histories whose answers carry versions, such as revisions or offsets. The versions give
// away the order of the writes, so nothing has to be searched: the time is that of sorting, for
// any length and any concurrency. SPEC.md V1 to V5 states the rules and why they are exact.

import { assert } from '../../base/assert.ts';
import { NEVER } from './model.ts';
import type {
  LostWrite,
  VersionedAction,
  VersionedOperation,
  VersionsVerdict,
  Violation,
} from './versioned.ts';
import { findWriters } from './writers.ts';

export function checkVersions(operations: readonly VersionedOperation[]): VersionsVerdict {
  for (const own of Map.groupBy(operations, ({ key }) => key).values()) {
    const violation = checkKey(own);
    if (violation !== undefined) return { kind: 'notLinearizable', ...violation };
  }
  return { kind: 'linearizable' };
}

function checkKey(operations: readonly VersionedOperation[]): Violation | undefined {
  const lost: LostWrite[] = [];
  const waiting = operations
    .filter(({ returnAt }) => returnAt !== NEVER)
    .toSorted((a, b) => a.returnAt - b.returnAt);
  const pointOf = new Map<VersionedOperation, number>();
  let floor = 0;
  let floorSetBy: VersionedOperation | undefined;
  let returned = 0;
  for (const operation of operations.toSorted((a, b) => a.callAt - b.callAt)) {
    // All that returned before this call is behind it; what they saw, it cannot unsee.
    for (; (waiting[returned]?.returnAt ?? NEVER) < operation.callAt; returned++) {
      const before = waiting[returned] as VersionedOperation;
      const point = pointOf.get(before) as number;
      if (point > floor) floorSetBy = before;
      floor = Math.max(floor, point);
    }
    const { action, returnAt } = operation;
    assert(action.kind !== 'lost' || returnAt === NEVER, 'a lost write is pending [V1]');
    if (returnAt === NEVER) {
      assert(action.kind !== 'write', 'a write that never returned tells no version [V1]');
      if (action.kind === 'lost') lost.push({ value: action.value, floor });
      continue;
    }
    const violation = checkFloor(operation, floor, floorSetBy);
    if (violation !== undefined) return violation;
    pointOf.set(operation, pointAbove(action, floor));
  }
  return findWriters(waiting, lost);
}

/** The lowest version at which the action can be put, given what came before it. */
function pointAbove(action: VersionedAction, floor: number): number {
  if (action.kind === 'seen') return Math.max(floor, action.version);
  return action.kind === 'read' || action.kind === 'write' ? action.version : floor;
}

/** Rule V3: nobody sees less than what others had seen before he asked. */
function checkFloor(
  operation: VersionedOperation,
  floor: number,
  floorSetBy: VersionedOperation | undefined,
): Violation | undefined {
  const { action } = operation;
  if (action.kind === 'seen' || action.kind === 'lost') return undefined;
  const isBelow = action.kind === 'read' ? action.version < floor : action.version <= floor;
  if (!isBelow || floorSetBy === undefined) return undefined;
  return {
    rule: 'V3',
    operation,
    other: floorSetBy,
    problem: `${action.kind} of version ${action.version} after version ${floor} was known`,
  };
}
