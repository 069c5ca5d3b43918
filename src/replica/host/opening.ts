// What a shard begins with: as its founders agreed, or as the log and the store left it. [H53]

import { assert } from '../../base/assert.ts';
import type { ConfState, EntryId, Snapshot } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardChange } from '../../engine/wal/index.ts';
import type { ReplicaState, StateStore } from '../state/index.ts';
import type { ShardPlan } from '../types.ts';
import type { ShardLog } from './replica-log.ts';

export type Opening =
  | { readonly kind: 'ready'; readonly data: ReplicaState }
  /** Its log must be durable before the state is made. */
  | { readonly kind: 'found'; readonly change: ShardChange; readonly snapshot: Snapshot }
  /** Log and store contradict each other: one of them lost what the other counts on. */
  | { readonly kind: 'refused'; readonly why: string };

const NOTHING = new Uint8Array(0);
const NOWHERE: EntryId = { index: 0, term: 0 };

export function openReplica(
  plan: ShardPlan,
  log: ShardLog,
  states: StateStore,
  member: MemberId,
): Opening {
  const { machine, shard } = plan;
  const data = states.open(shard, machine);
  if (data !== undefined) return resume(log, data);
  const { base } = log;
  const isEmpty = log.snapshot().index === 0 && log.lastIndex() === 0;
  if (isEmpty && plan.founders.includes(member)) return found(plan);
  if (isEmpty) {
    const created = states.create(shard, machine, NOWHERE, configOf([]));
    return { kind: 'ready', data: created };
  }
  // The store is written behind the log: after a crash it may not know the shard yet.
  const snapshot = log.snapshot();
  if (snapshot.index === base.index && base.index === 1) {
    return { kind: 'ready', data: states.create(shard, machine, base, snapshot.confState) };
  }
  return {
    kind: 'refused',
    why: `shard ${shard}: its log begins at ${base.index + 1}, and the store knows nothing of it`,
  };
}

/** [R37] A founder's config is not in the log: the log begins with a snapshot that holds it. */
function found({ founders, shard }: ShardPlan): Opening {
  assert(new Set(founders).size === founders.length, 'founders are different members');
  const snapshot: Snapshot = { index: 1, term: 1, confState: configOf(founders), data: NOTHING };
  const hardState = { term: 1, vote: 0, commit: 1 };
  return { kind: 'found', change: { shard, install: snapshot, hardState }, snapshot };
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

function resume(log: ShardLog, data: ReplicaState): Opening {
  const { shard } = data;
  if (data.finishInstall(log.snapshot()) === 'missing') {
    const { index } = log.snapshot();
    return { kind: 'refused', why: `shard ${shard}: the store lost its state of ${index}` };
  }
  const applied = data.applied();
  if (applied.index < log.base.index) {
    const why = `shard ${shard}: the store is at ${applied.index}, its log begins after`;
    return { kind: 'refused', why: `${why} ${log.base.index}: the store lost what it had` };
  }
  // What the machine applied was durable in the log first [R27]: without it the log lost entries,
  // and with them perhaps a vote.
  if (applied.index > log.lastIndex()) {
    const why = `shard ${shard}: the store is at ${applied.index}, its log ends at`;
    return { kind: 'refused', why: `${why} ${log.lastIndex()}: the log lost what it had` };
  }
  const term = log.term(applied.index);
  if (typeof term === 'number' && term !== applied.term) {
    const why = `shard ${shard}: the store and the log hold different entries at`;
    return { kind: 'refused', why: `${why} ${applied.index}` };
  }
  return { kind: 'ready', data };
}
