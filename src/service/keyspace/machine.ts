// The machine of a keyspace's shard: every version of every key, leases, and the events of all
// changes. SPEC.md numbers what it promises.

import {
  type MachineCommand,
  type MachineQuestion,
  type MachineState,
  type MachineStep,
  type MachineView,
  type QueryAnswer,
  type ShardMachine,
} from '../../core/machine.ts';
import { answer } from './answers.ts';
import { type Before, decide, whyImpossible, whyMalformed } from './checks.ts';
import { decodeKeyspaceCommand, encodeKeyspaceResult } from './commands.ts';
import { clean } from './compaction.ts';
import { Draft } from './draft.ts';
import { KEYSPACE_EDITIONS, type KeyspaceLimits, limitsOf } from './editions.ts';
import { presentRecord, presentRecords } from './history.ts';
import { encodeShard, readShard, SHARD_KEY, type Shard } from './layout.ts';
import {
  dueBy,
  endLease,
  findLease,
  firstDueMs,
  grant,
  keepAlive,
  settleDueKey,
  settleDueLease,
} from './leases.ts';
import { carryOut } from './operations.ts';
import { viewOfAnswer } from './questions.ts';
import type {
  KeyspaceCommand,
  KeyspaceError,
  KeyspaceOperation,
  KeyspaceResult,
  LeaseId,
} from './types.ts';
import { CHANGES, changesOf } from './watching.ts';

/** Leases and keys that one step lets go of. */
const DUE_PER_STEP = 100;

export const keyspaceMachine: ShardMachine = {
  kind: 'mvcc',
  editions: KEYSPACE_EDITIONS,

  apply({ body, edition, timeMs }: MachineCommand, state: MachineState): Uint8Array {
    const command = decodeKeyspaceCommand(body);
    const shard = readShard(state);
    if (command === undefined) return encodeKeyspaceResult(refused(shard, 'malformed'));
    return encodeKeyspaceResult(carryOutOne(command, state, shard, timeMs, limitsOf(edition)));
  },

  query(question: MachineQuestion, view: MachineView): QueryAnswer {
    return answer(question, view);
  },

  wake({ edition, timeMs }: MachineStep, state: MachineState): void {
    const limits = limitsOf(edition);
    let shard = readShard(state);
    const due = dueBy(state, timeMs, DUE_PER_STEP);
    for (const one of due) {
      if (one.kind !== 'lease' || !settleDueLease(state, one, timeMs)) continue;
      const draft = new Draft(state, shard.revision + 1, timeMs);
      endLease(state, one.lease, timeMs, draft, limits);
      shard = write(draft, state, shard, limits);
    }
    const draft = new Draft(state, shard.revision + 1, timeMs);
    for (const one of due) if (one.kind === 'key') settleDueKey(state, one, draft);
    shard = write(draft, state, shard, limits);
    if (shard.cleaned < shard.compacted) {
      shard = { ...shard, cleaned: clean(state, shard) };
      state.put(SHARD_KEY, encodeShard(shard));
    }
    wakeAgain(state, shard, timeMs);
  },
};

function carryOutOne(
  command: KeyspaceCommand,
  state: MachineState,
  shard: Shard,
  timeMs: number,
  limits: KeyspaceLimits,
): KeyspaceResult {
  switch (command.kind) {
    case 'operate':
      return operate(command.operation, state, shard, timeMs, limits);
    case 'compact':
      return compact(command.revision, state, shard, timeMs);
    case 'grant': {
      const error = grant(state, command.lease, command.ttlMs, timeMs, limits);
      if (error !== undefined) return refused(shard, error);
      wakeAgain(state, shard, timeMs);
      return { kind: 'carriedOut', revision: shard.revision, ttlMs: command.ttlMs };
    }
    case 'keepAlive': {
      const ttlMs = keepAlive(state, command.lease, timeMs);
      if (ttlMs === 0) return refused(shard, 'leaseNotFound');
      return { kind: 'carriedOut', revision: shard.revision, ttlMs };
    }
    case 'revoke':
      return revoke(command.lease, state, shard, timeMs, limits);
  }
}

// --- operations ---------------------------------------------------------------------------------

function operate(
  operation: KeyspaceOperation,
  state: MachineState,
  shard: Shard,
  timeMs: number,
  limits: KeyspaceLimits,
): KeyspaceResult {
  const malformed = whyMalformed(operation, limits);
  if (malformed !== undefined) return refused(shard, malformed);
  const before: Before = {
    limits,
    revision: shard.revision,
    compacted: shard.compacted,
    find: (key) => presentRecord(state, key),
    records: (span) => presentRecords(state, span),
    hasLease: (lease) => findLease(state, lease) !== undefined,
  };
  const taken = new Map<KeyspaceOperation, boolean>();
  decide(operation, before, taken);
  const impossible = whyImpossible(operation, before, taken);
  if (impossible !== undefined) return refused(shard, impossible);
  const draft = new Draft(state, shard.revision + 1, timeMs);
  const { compacted, revision } = shard;
  const work = { view: state, draft, limits, timeMs, revision, compacted, taken };
  const result = carryOut(operation, work);
  // Nothing is written yet.
  if (typeof result === 'string') return refused(shard, result);
  const after = write(draft, state, shard, limits);
  if (draft.hasDue) wakeAgain(state, after, timeMs);
  return { kind: 'done', revision: after.revision, result };
}

/** [KV1] A draft without changes makes no revision. */
function write(draft: Draft, state: MachineState, shard: Shard, limits: KeyspaceLimits): Shard {
  if (draft.count === 0) return shard;
  draft.write(state, limits);
  const { revision } = draft;
  const after = { ...shard, revision };
  state.put(SHARD_KEY, encodeShard(after));
  // [KV20] All of a revision is one event.
  const changes = changesOf(draft.pending, revision);
  state.emit(CHANGES, viewOfAnswer({ kind: 'changes', revision, changes }));
  return after;
}

// --- leases and history -------------------------------------------------------------------------

function revoke(
  lease: LeaseId,
  state: MachineState,
  shard: Shard,
  timeMs: number,
  limits: KeyspaceLimits,
): KeyspaceResult {
  if (findLease(state, lease) === undefined) return refused(shard, 'leaseNotFound');
  const draft = new Draft(state, shard.revision + 1, timeMs);
  endLease(state, lease, timeMs, draft, limits);
  const after = write(draft, state, shard, limits);
  wakeAgain(state, after, timeMs);
  return { kind: 'carriedOut', revision: after.revision, ttlMs: 0 };
}

function compact(
  revision: number,
  state: MachineState,
  shard: Shard,
  timeMs: number,
): KeyspaceResult {
  if (revision > shard.revision) return refused(shard, 'futureRevision');
  if (revision <= shard.compacted) return refused(shard, 'compacted');
  const after = { ...shard, compacted: revision };
  state.put(SHARD_KEY, encodeShard(after));
  wakeAgain(state, after, timeMs);
  return { kind: 'carriedOut', revision: shard.revision, ttlMs: 0 };
}

/** At once while there is something to let go of. */
function wakeAgain(state: MachineState, { cleaned, compacted }: Shard, nowMs: number): void {
  state.wakeAt(cleaned < compacted ? nowMs : firstDueMs(state));
}

function refused({ revision }: Shard, error: KeyspaceError): KeyspaceResult {
  return { kind: 'refused', revision, error };
}
