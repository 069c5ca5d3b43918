// Config changes take effect when they are applied, not when they are appended: there is never one
// to take back. That is sound because at most one is unapplied [R42] and nobody campaigns while a
// committed one is unapplied [R44].

import { assert, implies } from '../../base/assert.ts';
import { confChangeEntryKind, encodeConfChange, LEAVE_JOINT } from './confchange-codec.ts';
import { type ChangeResult, changeConfig, isConsistent } from './config-change.ts';
import type { ConfChangeOutcome } from './outcomes.ts';
import { proposeAsLeader } from './proposals.ts';
import { maybeConfirmReads, releaseWaitingReads } from './reads.ts';
import { broadcastAppend, maybeCommit, maybeSendAppend, type Proposal } from './replication.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import { abortTransfer } from './transfer.ts';
import { type ConfChange, NO_NODE } from './types.ts';

const LEAVE: readonly Proposal[] = [
  {
    kind: confChangeEntryKind(LEAVE_JOINT),
    payload: encodeConfChange(LEAVE_JOINT) ?? new Uint8Array(0),
  },
];

export function applyConfChange(raft: RaftState, change: ConfChange): ConfChangeOutcome {
  const { config, peers, limits } = raft.tracker;
  const lastIndex = raft.log.lastIndex();
  const result = changeConfig({ config, peers, limits, lastIndex }, change);
  if (result.kind === 'refused') {
    // [R45] It is in the log, so every replica gets here with the same config and refuses alike.
    return { kind: 'refused', reason: result.reason, confState: config };
  }
  switchConfig(raft, result);
  assert(raft.tracker.config === result.config, '[R41] an applied config is in force');
  return { kind: 'applied', confState: raft.tracker.config };
}

/** A new config is in force, from a change or from a snapshot. */
export function switchConfig(
  raft: RaftState,
  { config, peers }: Omit<ChangeResult & { kind: 'changed' }, 'kind'>,
): void {
  const { tracker } = raft;
  assert(isConsistent(config), '[R41] only consistent configs come into force');
  tracker.switchTo(config, peers);
  raft.emit({ kind: 'configSwitched', config });
  if (!raft.isLeader()) return;
  const self = tracker.progress(raft.id);
  if (self === undefined || self.isLearner) {
    // While joint we are still a voter of the old half and lead on: the new majority may not even
    // know the change. Only the config without us ends it.
    if (!raft.settings.stepDownOnRemoval) return;
    raft.emit({ kind: 'steppedDown', cause: 'removed', term: raft.term });
    becomeFollower(raft, raft.term, NO_NODE);
    return;
  }
  // The lease was granted by another quorum.
  raft.leaseStart = Number.NEGATIVE_INFINITY;
  if (maybeCommit(raft)) {
    // Fewer voters can make a majority of what was a minority.
    releaseWaitingReads(raft);
    broadcastAppend(raft);
  } else {
    // Newcomers need not wait for a heartbeat or a proposal.
    for (const peer of tracker.peers) if (peer.id !== raft.id) maybeSendAppend(raft, peer, false);
  }
  maybeConfirmReads(raft);
  implies(
    self.id === raft.lead,
    raft.isLeader(),
    '[R5] whoever leads by its own account is leader',
  );
  if (raft.transferee !== NO_NODE && !tracker.isVoter(raft.transferee)) abortTransfer(raft);
}

/** The machine applied everything up to `index`; `bytes` of entries were in its hands. */
export function appliedTo(raft: RaftState, index: number, bytes: number): void {
  const { log } = raft;
  log.appliedTo(Math.max(index, log.applied), bytes);
  maybeLeaveJoint(raft);
}

/** [R46] Leaves a joint config that says so, once it is applied and nothing is under way. */
export function maybeLeaveJoint(raft: RaftState): void {
  const { log, tracker } = raft;
  if (!tracker.config.autoLeave || !raft.isLeader() || log.applied < raft.pendingConfIndex) return;
  // Refused only while leadership is handed over: then the next leader does it, or we do when the
  // transfer was given up.
  const outcome = proposeAsLeader(raft, LEAVE);
  if (outcome.kind === 'appended' && outcome.ignored.length === 0) {
    raft.emit({ kind: 'autoLeaveProposed', index: outcome.firstIndex });
  }
}
