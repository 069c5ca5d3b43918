// What a crash may leave of the changes of a log that were on their way to the disk: one contract
// for the log, whose crash points are held against it, and for the simulation of Raft, whose disks
// lose their writes by it.
//
//   change 1                     change 2
//   head | entry | entry         head | entry | entry
//        ^       ^       ^       ^    ^       ^       ^  a crash keeps what is left of one of these
//
// The head is all of a change but its entries, with the cut of what they replace. [W21] It is there
// as a whole or not at all. Entries follow it one by one, because the log may close a batch between
// any two of them; changes follow each other in the order in which they were asked for.

import type { Entry, HardState, MemoryLog, Snapshot } from '../../src/core/raft/index.ts';

/** What a Ready wants durable; of a change of the log, all but the shard. */
export interface LogChange {
  readonly install?: Snapshot | undefined;
  readonly save?: Snapshot | undefined;
  readonly hardState?: HardState | undefined;
  readonly entries?: readonly Entry[] | undefined;
}

/** How many steps `changeInSteps` takes at most. */
export function stepsOf({ entries = [] }: LogChange): number {
  return 1 + entries.length;
}

/** Carries `change` out on `log`, and pauses wherever a crash may keep what was done so far. */
export function* changeInSteps(log: MemoryLog, change: LogChange): Generator<void> {
  const { entries = [], hardState, install, save } = change;
  if (install !== undefined) log.applySnapshot(install);
  if (save !== undefined) log.saveSnapshot(save);
  if (hardState !== undefined) log.setHardState(hardState);
  log.truncate(lastCommon(log, entries));
  yield;
  for (const entry of entries) {
    log.append([entry]);
    yield;
  }
}

/** The last entry that `entries` do not replace by another one. */
function lastCommon(log: MemoryLog, entries: readonly Entry[]): number {
  const base = log.firstIndex() - 1;
  const other = entries.find(({ index, term }) => index > base && log.term(index) !== term);
  if (other !== undefined) return other.index - 1;
  const last = entries.at(-1);
  return last !== undefined && last.index <= base ? base : log.lastIndex();
}
