// The beginning of a shard: as its founders agreed, or as the log and the store left it. [H53]

import { assert, unreachable } from '../../base/assert.ts';
import { keepsFiles } from '../../core/machine.ts';
import type { ConfState, EntryId, Snapshot } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardChange, ShardId } from '../../engine/wal/index.ts';
import type { FormerLog, ReplicaState, StateStore } from '../state/index.ts';
import type { ShardPlan } from '../types.ts';
import type { ShardLog } from './replica-log.ts';

export type Opening = Resumption | NewReplica;

/** Its log must be durable before the state is made. */
export interface NewReplica {
  readonly kind: 'new';
  readonly change: ShardChange;
  /** What the log begins with. */
  readonly at: EntryId;
  readonly confState: ConfState;
}

export type Resumption =
  | { readonly kind: 'ready'; readonly data: ReplicaState }
  | { readonly kind: 'refused'; readonly refusal: OpeningRefusal };

/** Mostly [H53]: log and store contradict each other, one lost what the other counts on. */
export type OpeningRefusal =
  /** [H99] Its machine keeps files, and nobody here keeps them for it. */
  | { readonly kind: 'noFileKeeper'; readonly machine: string }
  /** Its log begins behind `base`, and the store has no record of the shard. */
  | { readonly kind: 'storeLostShard'; readonly base: number }
  /** The log names a snapshot of `index` whose state is not staged. */
  | { readonly kind: 'storeLostState'; readonly index: number }
  /** The store stands at `applied`, before the log's first entry. */
  | { readonly kind: 'storeFellBack'; readonly applied: number; readonly base: number }
  /** The store has applied entries that the log does not have. */
  | { readonly kind: 'logLostEntries'; readonly applied: number; readonly last: number }
  /** The store and the log hold different entries at `index`. */
  | { readonly kind: 'differentEntries'; readonly index: number };

/** For people. */
export function describeOpeningRefusal(shard: ShardId, refusal: OpeningRefusal): string {
  switch (refusal.kind) {
    case 'noFileKeeper':
      return `shard ${shard}: its machine, ${refusal.machine}, keeps files; this release cannot`;
    case 'storeLostShard':
      return (
        `shard ${shard}: its log begins at ${refusal.base + 1}, ` +
        'and the store knows nothing of it'
      );
    case 'storeLostState':
      return `shard ${shard}: the store lost its state of ${refusal.index}`;
    case 'storeFellBack': {
      const where = `the store is at ${refusal.applied}, its log begins after ${refusal.base}`;
      return `shard ${shard}: ${where}: the store lost what it had`;
    }
    case 'logLostEntries': {
      const where = `the store is at ${refusal.applied}, its log ends at ${refusal.last}`;
      return `shard ${shard}: ${where}: the log lost what it had`;
    }
    case 'differentEntries':
      return `shard ${shard}: the store and the log hold different entries at ${refusal.index}`;
    default:
      return unreachable(refusal);
  }
}

const NOTHING = new Uint8Array(0);
const NOWHERE: EntryId = { index: 0, term: 0 };

export function openReplica(
  plan: ShardPlan,
  log: ShardLog,
  states: StateStore,
  member: MemberId,
): Opening {
  const { machine, shard } = plan;
  if (keepsFiles(machine)) return refuse({ kind: 'noFileKeeper', machine: machine.kind });
  const data = states.open(shard, machine);
  if (data !== undefined) return resumeReplica(log, data);
  const { base } = log;
  const former = states.former(shard);
  if (former !== undefined) return comeBack(plan, log, former);
  // A newcomer may have a term before it has a state: it is none that founds.
  if (isUntouched(log) && plan.founders.includes(member)) return found(plan);
  if (isEmpty(log)) {
    const created = states.create(shard, machine, NOWHERE, configOf([]));
    return { kind: 'ready', data: created };
  }
  // The store is written behind the log: after a crash it may not know the shard yet.
  const snapshot = log.snapshot();
  if (snapshot.index === base.index && base.index === 1) {
    return { kind: 'ready', data: states.create(shard, machine, base, snapshot.confState) };
  }
  return refuse({ kind: 'storeLostShard', base: base.index });
}

function refuse(refusal: OpeningRefusal): Resumption {
  return { kind: 'refused', refusal };
}

/** [R37] A founder's config is not in the log: the log begins with a snapshot that holds it. */
function found({ founders, shard }: ShardPlan): NewReplica {
  assert(new Set(founders).size === founders.length, 'founders are different members');
  const snapshot: Snapshot = { index: 1, term: 1, confState: configOf(founders), data: NOTHING };
  const hardState = { term: 1, vote: 0, commit: 1 };
  const { confState } = snapshot;
  return { kind: 'new', change: { shard, install: snapshot, hardState }, at: snapshot, confState };
}

/**
 * [H95] Term and vote are what it had when it left: in that term it may have voted. It founds
 * nothing, whatever the plan says: the others may have gone on from what it founded before.
 */
function comeBack({ shard }: ShardPlan, log: ShardLog, { term, vote }: FormerLog): NewReplica {
  assert(isUntouched(log), '[H95] the log forgets a shard before it comes back');
  const change = { shard, hardState: { term, vote, commit: 0 } };
  return { kind: 'new', change, at: NOWHERE, confState: configOf([]) };
}

function isEmpty(log: ShardLog): boolean {
  return log.snapshot().index === 0 && log.lastIndex() === 0;
}

/** Nothing was promised by it: no entry, no vote, no term. */
export function isUntouched(log: ShardLog): boolean {
  return isEmpty(log) && log.initialState().hardState.term === 0;
}

/** [H95] What others may count on when the log is gone. */
export function formerLogOf(log: ShardLog): FormerLog {
  const { term, vote } = log.initialState().hardState;
  const index = log.lastIndex();
  const lastTerm = log.term(index);
  assert(typeof lastTerm === 'number', '[R23] the term of the last entry is always known');
  return { term, vote, last: { index, term: lastTerm } };
}

function configOf(voters: readonly MemberId[]): ConfState {
  return {
    voters: voters.toSorted((a, b) => a - b),
    votersOutgoing: [],
    learners: [],
    learnersNext: [],
    autoLeave: false,
  };
}

/** The replica that log and store left, if they fit. */
function resumeReplica(log: ShardLog, data: ReplicaState): Resumption {
  if (data.finishInstall(log.snapshot()) === 'missing') {
    return refuse({ kind: 'storeLostState', index: log.snapshot().index });
  }
  const applied = data.applied();
  const base = log.base.index;
  if (applied.index < base) return refuse({ kind: 'storeFellBack', applied: applied.index, base });
  // All that the machine applied was durable in the log first [R27]: without it the log lost
  // entries, and with them perhaps a vote.
  const last = log.lastIndex();
  if (applied.index > last) return refuse({ kind: 'logLostEntries', applied: applied.index, last });
  const term = log.term(applied.index);
  if (typeof term === 'number' && term !== applied.term) {
    return refuse({ kind: 'differentEntries', index: applied.index });
  }
  return { kind: 'ready', data };
}
