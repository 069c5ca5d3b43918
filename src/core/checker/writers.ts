// Finds for each version that somebody knows of the write it comes from. Most writes told their
// version; any other version must come from a lost write, each from a different one.

import { assert } from '../../base/assert.ts';
import type { LostWrite, VersionedOperation, VersionedValue, Violation } from './versioned.ts';

/** What is known of one version. */
interface Origin {
  /** Who told of it first: the write where that is known. */
  readonly toldBy: VersionedOperation;
  readonly isWrite: boolean;
  /** Undefined where it was only required, never seen. */
  value: VersionedValue | undefined;
}

/** A version whose write is not known. */
interface Orphan extends Origin {
  readonly version: number;
}

/** The first of the rules V1, V2, V4 and V5 that is found broken, or undefined. */
export function findWriters(
  returned: readonly VersionedOperation[],
  lost: readonly LostWrite[],
): Violation | undefined {
  const origins = new Map<number, Origin>();
  const violation = noteWrites(returned, origins) ?? noteObservations(returned, origins);
  if (violation !== undefined) return violation;
  const versions = [...origins.keys()].toSorted((a, b) => a - b);
  const orphans: Orphan[] = [];
  for (const [i, version] of versions.entries()) {
    const previous = versions[i - 1] ?? 0;
    const origin = origins.get(version) as Origin;
    if (!origin.isWrite) orphans.push({ ...origin, version });
    else if (isMisplaced(origin.toldBy, previous)) {
      return {
        rule: 'V4',
        operation: origin.toldBy,
        problem: `version ${version} does not follow the version it required, but ${previous}`,
      };
    }
  }
  const orphan = findUnmatched(orphans, lost);
  if (orphan === undefined) return undefined;
  return {
    rule: 'V2',
    operation: orphan.toldBy,
    problem: `no write can have made version ${orphan.version}`,
  };
}

function isMisplaced({ action }: VersionedOperation, previous: number): boolean {
  return action.kind === 'write' && action.after !== undefined && action.after !== previous;
}

function noteWrites(
  returned: readonly VersionedOperation[],
  origins: Map<number, Origin>,
): Violation | undefined {
  for (const operation of returned) {
    const { action } = operation;
    if (action.kind !== 'write') continue;
    assert(action.version >= 1, 'versions of writes count from 1 [V1]');
    const known = origins.get(action.version);
    if (known !== undefined) {
      const problem = `two writes made version ${action.version}`;
      return { rule: 'V1', operation, other: known.toldBy, problem };
    }
    origins.set(action.version, { toldBy: operation, isWrite: true, value: action.value });
  }
  return undefined;
}

function noteObservations(
  returned: readonly VersionedOperation[],
  origins: Map<number, Origin>,
): Violation | undefined {
  for (const operation of returned) {
    const { action } = operation;
    if (action.kind === 'unseen' || action.kind === 'lost') continue;
    const isWrite = action.kind === 'write';
    const version = isWrite ? (action.after ?? 0) : action.version;
    const value = isWrite ? undefined : action.value;
    if (version === 0) {
      if (value === undefined || value === null) continue;
      return { rule: 'V5', operation, problem: 'there is a value before all writes' };
    }
    const origin = origins.get(version);
    if (origin === undefined) origins.set(version, { toldBy: operation, isWrite: false, value });
    else if (origin.value === undefined) origin.value = value;
    else if (value !== undefined && origin.value !== value) {
      const problem = `version ${version} has two values`;
      return { rule: 'V2', operation, other: origin.toldBy, problem };
    }
  }
  return undefined;
}

/**
 * The first orphan for which no lost write is left. A write can have made the versions above its
 * floor, so the later it was called, the fewer versions it fits. Going up through the versions and
 * taking the write of the highest floor that fits therefore never takes one that a later version
 * would have needed more. Orphans of unknown value can take any write, so they come last.
 */
function findUnmatched(orphans: readonly Orphan[], lost: readonly LostWrite[]): Orphan | undefined {
  const byFloor = lost.toSorted((a, b) => a.floor - b.floor);
  const groups = Map.groupBy(byFloor, ({ value }) => value);
  const pools = new Map(Array.from(groups, ([value, writes]) => [value, new Pool(writes)]));
  const unmatched = orphans.find(
    ({ value, version }) => value !== undefined && pools.get(value)?.takeBelow(version) !== true,
  );
  if (unmatched !== undefined) return unmatched;
  const left = [...pools.values()].flatMap((pool) => pool.left());
  const pool = new Pool(left.toSorted((a, b) => a.floor - b.floor));
  return orphans.find(({ value, version }) => value === undefined && !pool.takeBelow(version));
}

/** Lost writes by ascending floor, asked for with ascending versions. */
class Pool {
  readonly #writes: readonly LostWrite[];
  #reached = 0;
  /** Writes below the version last asked for that nobody took; the highest floor on top. */
  readonly #fitting: LostWrite[] = [];

  constructor(writes: readonly LostWrite[]) {
    this.#writes = writes;
  }

  /** Takes the write of the highest floor below `version`; false when there is none. */
  takeBelow(version: number): boolean {
    while ((this.#writes[this.#reached]?.floor ?? version) < version) {
      this.#fitting.push(this.#writes[this.#reached] as LostWrite);
      this.#reached += 1;
    }
    return this.#fitting.pop() !== undefined;
  }

  left(): LostWrite[] {
    return [...this.#fitting, ...this.#writes.slice(this.#reached)];
  }
}
