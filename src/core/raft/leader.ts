// What a leader does with what it hears.

import { assert, unreachable } from '../../base/assert.ts';
import type { StepOutcome } from './outcomes.ts';
import type { Progress } from './progress.ts';
import { takeForwarded } from './proposals.ts';
import { handleForwardedRead, maybeConfirmReads, releaseWaitingReads } from './reads.ts';
import {
  broadcastCommit,
  isToldOfCommit,
  maybeCommit,
  maybeSendAppend,
  sendAllAppends,
} from './replication.ts';
import type { RaftState } from './state.ts';
import { maybeSendTimeoutNow, startTransfer } from './transfer.ts';
import type { Message, NodeId } from './types.ts';

export function stepLeader(raft: RaftState, message: Message): StepOutcome {
  switch (message.kind) {
    case 'appendResponse':
    case 'heartbeatResponse':
      return handleResponse(raft, message);
    case 'propose':
      return takeForwarded(raft, message.entries) ? 'handled' : 'dropped';
    case 'readIndex':
      handleForwardedRead(raft, message);
      return 'handled';
    case 'transferLeader':
      return startTransfer(raft, message.vote).kind === 'refused' ? 'dropped' : 'handled';
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      // [R5] A term has one leader: whoever sends this in ours is not it.
      raft.emit({ kind: 'contradiction', from: message.from, detail: 'twoLeaders' });
      return 'contradiction';
    case 'voteResponse':
    case 'preVoteResponse':
    case 'timeoutNow':
      // About the election that is won, or meant for the follower we were.
      return 'stale';
    case 'vote':
    case 'preVote':
    case 'readIndexResponse':
    case 'storageAppend':
    case 'storageAppendResponse':
    case 'storageApply':
    case 'storageApplyResponse':
      // The same for every role: dealt with in step.ts.
      return 'stale';
  }
  return unreachable(message.kind);
}

function handleResponse(raft: RaftState, message: Message): StepOutcome {
  const peer = raft.tracker.progress(message.from);
  if (peer === undefined) return 'stale';
  if (message.kind === 'heartbeatResponse') {
    handleHeartbeatResponse(raft, peer, message);
    return 'handled';
  }
  if (message.reject) {
    peer.isRecentlyActive = true;
    handleRejection(raft, peer, message);
    return 'handled';
  }
  if (message.index > raft.log.lastIndex()) {
    // [R17] It acknowledges what we never sent in this term.
    raft.emit({ kind: 'contradiction', from: message.from, detail: 'acknowledgedBeyondLog' });
    return 'contradiction';
  }
  peer.isRecentlyActive = true;
  handleAcknowledgement(raft, peer, message.index);
  return 'handled';
}

/**
 * The peer has nothing that matches at `message.index`; it suggests the newest index where it may.
 *
 *   ours    1 1 1 4 4 4 4 4        The peer rejects at 8 and says: my last entry before that is of
 *   theirs  1 1 1 1 2 2 2          term 2 at 7. We have no term 2, and our newest entry of a lower
 *           1 2 3 4 5 6 7 8        term is at 3: probe there, not at 7, 6, 5, 4. [R18]
 */
function handleRejection(raft: RaftState, peer: Progress, message: Message): void {
  let hint = message.rejectHint;
  if (message.logTerm > 0) hint = raft.log.conflictByTerm(hint, message.logTerm).index;
  assert(hint <= message.rejectHint, '[R18] a hint leads back');
  if (!peer.maybeDecrease(message.index, hint)) return;
  if (peer.state === 'replicate') peer.becomeProbe();
  raft.emit({ kind: 'peerProbed', peer: peer.id, next: peer.next });
  maybeSendAppend(raft, peer, true);
}

function handleAcknowledgement(raft: RaftState, peer: Progress, index: number): void {
  assert(index <= raft.log.lastIndex(), '[R17] only what exists is acknowledged');
  const isProbeAnswered = peer.state === 'probe' && peer.match === index;
  if (!peer.maybeUpdate(index) && !isProbeAnswered) return;
  if (peer.state === 'replicate') peer.inflights.freeUpTo(index);
  else if (peer.state === 'probe') peer.becomeReplicate();
  else if (peer.match + 1 >= raft.log.firstIndex()) {
    // The log reaches back to where the peer is. Which snapshot brought it there, ours or another
    // one, does not matter.
    peer.becomeProbe();
    peer.becomeReplicate();
    raft.emit({ kind: 'peerRecovered', peer: peer.id });
  }
  const isSelf = peer.id === raft.id;
  if (maybeCommit(raft)) {
    releaseWaitingReads(raft);
    broadcastCommit(raft);
  } else if (!isSelf && isToldOfCommit(raft, peer)) {
    // The commit notice sent earlier got lost or did not reach this far.
    maybeSendAppend(raft, peer, true);
  }
  if (isSelf) return;
  // Room in the window may let several appends go.
  sendAllAppends(raft, peer);
  maybeSendTimeoutNow(raft, peer);
}

function handleHeartbeatResponse(raft: RaftState, peer: Progress, message: Message): void {
  assert(peer.match <= raft.log.lastIndex(), '[R17] nobody matches beyond the log');
  peer.isRecentlyActive = true;
  peer.isFlowPaused = false;
  // Behind: whatever was on the way may be lost. In probe: it may be equal to us without our
  // knowing, which an empty append settles.
  if (peer.match < raft.log.lastIndex() || peer.state === 'probe') {
    maybeSendAppend(raft, peer, true);
  }
  // [R50] Rounds beyond the newest were never begun, whatever the peer says.
  if (message.context > raft.reads.newest) return;
  if (message.context <= peer.readRound) return;
  peer.readRound = message.context;
  assert(peer.readRound <= raft.reads.newest, '[R50] only rounds that began are confirmed');
  maybeConfirmReads(raft);
}

// --- what the host reports ----------------------------------------------------------------------

export function reportUnreachable(raft: RaftState, id: NodeId): void {
  const peer = raft.isLeader() && id !== raft.id ? raft.tracker.progress(id) : undefined;
  // During replication much may be on the way and lost: find out.
  if (peer?.state === 'replicate') peer.becomeProbe();
}

export function reportSnapshot(raft: RaftState, id: NodeId, ok: boolean): void {
  const peer = raft.isLeader() ? raft.tracker.progress(id) : undefined;
  if (peer?.state !== 'snapshot') return;
  if (!ok) peer.pendingSnapshot = 0;
  peer.becomeProbe();
  assert(peer.pendingSnapshot === 0, '[R32] a reported snapshot is not on its way');
  // Arrived: its acknowledgement comes in a moment. Failed: not again before the next heartbeat.
  peer.isFlowPaused = true;
  raft.emit({ kind: 'snapshotReported', peer: id, ok });
}
