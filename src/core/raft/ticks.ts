// Time. A tick is whatever the host makes of it; only ratios matter here.

import { assert } from '../../base/assert.ts';
import { maybeCampaign } from './elections.ts';
import { maybeLeaveJoint } from './membership.ts';
import { beginRound } from './reads.ts';
import { broadcastHeartbeat } from './replication.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import { abortTransfer } from './transfer.ts';
import { NO_NODE } from './types.ts';

export function tick(raft: RaftState): void {
  if (raft.restartLeaseTicks > 0) raft.restartLeaseTicks -= 1;
  if (raft.isLeader()) tickLeader(raft);
  else tickElection(raft);
}

function tickElection(raft: RaftState): void {
  assert(!raft.isLeader() && raft.electionTimeout > 0, '[R5] leaders do not wait for a leader');
  raft.electionElapsed += 1;
  assert(raft.transferee === NO_NODE, '[R70] only a leader hands over');
  if (raft.electionElapsed < raft.electionTimeout || !raft.isPromotable()) return;
  raft.electionElapsed = 0;
  maybeCampaign(raft, false);
}

function tickLeader(raft: RaftState): void {
  assert(raft.lead === raft.id, '[R5] a leader knows itself to lead');
  raft.electionElapsed += 1;
  if (raft.electionElapsed >= raft.settings.electionTicks) {
    raft.electionElapsed = 0;
    if (raft.settings.checkQuorum) checkQuorum(raft);
    if (raft.isLeader()) giveUpTransfer(raft);
  }
  if (raft.isLeader()) tickLeaderLate(raft);
}

/**
 * [R9] A tick that the host makes up for, before it has read what peers sent meanwhile: the lease
 * ages [R53] and heartbeats are due, but that nobody was heard says nothing.
 */
export function tickLeaderLate(raft: RaftState): void {
  if (!raft.isLeader()) return;
  raft.leaderTicks += 1;
  raft.heartbeatElapsed += 1;
  if (raft.heartbeatElapsed < raft.settings.heartbeatTicks) return;
  raft.heartbeatElapsed = 0;
  sendHeartbeat(raft);
}

function sendHeartbeat(raft: RaftState): void {
  // Each heartbeat renews the lease, by a round that nobody waits for.
  if (raft.settings.reads === 'lease') beginRound(raft, []);
  else broadcastHeartbeat(raft);
}

/**
 * [R9] Leader and followers were at rest, without ticks. Nobody was asked for a sign of life
 * meanwhile: peers have an election timeout from now on to give one. A leader that made up for
 * its rest by ticks could check its quorum twice at once: at rest at tick 9 of 10, it checks at the
 * first of 10 ticks that it makes up for, and again at the first one that is due.
 * [R53] Its lease aged by as much as it rested.
 */
export function leaderRested(raft: RaftState, ticks: number): void {
  assert(ticks >= 0, '[R9] time goes forward');
  // A late answer of a later term may have come before whatever ended the rest.
  if (!raft.isLeader()) return;
  assert(raft.transferee === NO_NODE, '[R70] nobody rests while a leader hands over');
  raft.leaderTicks += ticks;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  forgetWhoIsActive(raft);
  sendHeartbeat(raft);
}

/** [R70] The transfer had its time; proposals are taken again. */
function giveUpTransfer(raft: RaftState): void {
  if (raft.transferee === NO_NODE) return;
  abortTransfer(raft);
  // [R46] Refused meanwhile, and in a group without writes no applied entry would bring it back.
  maybeLeaveJoint(raft);
}

/** [R9] A leader that reaches no quorum stops claiming to be one. */
function checkQuorum(raft: RaftState): void {
  assert(raft.isLeader(), '[R9] only leaders need a quorum');
  if (!raft.tracker.isQuorumActive()) {
    raft.emit({ kind: 'steppedDown', cause: 'quorumLost', term: raft.term });
    becomeFollower(raft, raft.term, NO_NODE);
  }
  forgetWhoIsActive(raft);
}

function forgetWhoIsActive(raft: RaftState): void {
  for (const peer of raft.tracker.peers) {
    if (peer.id !== raft.id) peer.isRecentlyActive = false;
  }
}
