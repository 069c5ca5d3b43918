// Linearizable reads: which index a read must wait for, and when that is known. See read-rounds.ts.
//
//   follower --readIndex--> leader --heartbeat(round)--> everyone
//            <--readIndexResponse--       <--heartbeatResponse(round)--

import { assert, implies } from '../../base/assert.ts';
import type { ReadOutcome, ReadRefusal } from './outcomes.ts';
import type { ReadRequest } from './read-rounds.ts';
import { broadcastHeartbeat } from './replication.ts';
import type { RaftState } from './state.ts';
import { type Message, NO_NODE, type NodeId } from './types.ts';

export function readIndex(raft: RaftState, byRound: boolean): ReadOutcome {
  if (raft.isLeader()) {
    const ticket = raft.drawTicket();
    const refusal = acceptRead(raft, { from: raft.id, ticket, byRound });
    return refusal === undefined
      ? { kind: 'accepted', ticket }
      : { kind: 'refused', reason: refusal };
  }
  if (raft.lead === NO_NODE) return { kind: 'refused', reason: 'noLeader' };
  const ticket = raft.drawTicket();
  const message = raft.draft('readIndex', raft.lead);
  message.term = 0;
  message.context = ticket;
  message.forced = byRound;
  raft.post(message);
  return { kind: 'forwarded', ticket, to: raft.lead };
}

/** A follower's read reached the leader. */
export function handleForwardedRead(raft: RaftState, message: Message): void {
  const request = { from: message.from, ticket: message.context, byRound: message.forced };
  if (acceptRead(raft, request) !== undefined) refuse(raft, request, 'tooManyReads');
}

/** We do not lead any more, or not yet: whoever asked is told, and finds out who does. */
export function refuseForwardedRead(raft: RaftState, message: Message): void {
  refuse(raft, { from: message.from, ticket: message.context, byRound: false }, 'leaderChanged');
}

/** The leader's answer to a read that we forwarded. */
export function handleReadResponse(raft: RaftState, message: Message): void {
  const { context: ticket, index } = message;
  if (message.reject) raft.readDrops.push({ ticket, reason: 'leaderChanged' });
  else raft.readStates.push({ ticket, index });
}

function acceptRead(raft: RaftState, request: ReadRequest): ReadRefusal | undefined {
  assert(raft.isLeader(), '[R50] only a leader answers reads');
  if (raft.reads.isFull()) return 'tooManyReads';
  // [R52] A new leader has everything that is committed, but does not know how far that goes before
  // it committed an entry of its own term. A committed 7, told a client, and died before B and C
  // heard of the commit; B now leads with committed = 6. A read at 6 would miss what A promised.
  // The same holds for the only voter of a group after a restart: commit is not synced to disk.
  if (raft.hasCommittedOwnTerm()) serveRead(raft, request);
  else raft.reads.wait(request);
  return undefined;
}

function serveRead(raft: RaftState, request: ReadRequest): void {
  const index = raft.log.committed;
  if (!request.byRound && hasLease(raft)) answer(raft, request, index);
  else if (!raft.reads.join(request, index)) beginRound(raft, [request]);
}

/** Starts a round for `requests`; without any, only to renew the lease. */
export function beginRound(raft: RaftState, requests: ReadRequest[]): void {
  assert(raft.isLeader(), '[R50] only a leader begins rounds');
  implies(requests.length > 0, raft.hasCommittedOwnTerm(), '[R52] a new leader serves no reads');
  const round = raft.reads.begin(requests, raft.log.committed, raft.leaderTicks);
  // [R51] The leader confirms itself, which counts only while it is a voter.
  const self = raft.tracker.progress(raft.id);
  if (self !== undefined) self.readRound = round;
  broadcastHeartbeat(raft);
  maybeConfirmReads(raft);
}

/** The first commit of the term: what waited for it can be served. */
export function releaseWaitingReads(raft: RaftState): void {
  if (!raft.hasCommittedOwnTerm()) return;
  for (const request of raft.reads.takeWaiting()) serveRead(raft, request);
}

/** Answers the reads of all rounds that a quorum (both, if joint) confirmed. */
export function maybeConfirmReads(raft: RaftState): void {
  if (raft.reads.pendingRound === 0) return;
  for (const round of raft.reads.takeConfirmed(raft.tracker.confirmedRound())) {
    assert(round.sentAtTick <= raft.leaderTicks, '[R53] a lease starts in the past');
    assert(round.index <= raft.log.committed, '[R50] reads are answered with what is committed');
    raft.leaseStart = Math.max(raft.leaseStart, round.sentAtTick);
    for (const request of round.requests) answer(raft, request, round.index);
  }
}

/**
 * [R53] No other leader can exist yet: a quorum heard from us at `leaseStart` or later, and each of
 * them refuses votes for `electionTicks` of its own ticks after that. The first of our ticks may
 * come right after the start and the first of theirs too, hence one tick off on either side, and
 * the margin for clocks that run at different speeds.
 * [R54] None of this holds once we told someone to campaign: its votes are not refused.
 */
function hasLease(raft: RaftState): boolean {
  const { settings } = raft;
  if (settings.reads !== 'lease' || raft.isLeaseForfeited || raft.transferee !== NO_NODE) {
    return false;
  }
  assert(settings.checkQuorum, '[R53] leases rest on voters that refuse');
  const age = raft.leaderTicks - raft.leaseStart;
  return age <= settings.electionTicks - 2 - settings.leaseMarginTicks;
}

function answer(raft: RaftState, { from, ticket }: ReadRequest, index: number): void {
  assert(raft.hasCommittedOwnTerm(), '[R52] a new leader serves no reads');
  if (from === raft.id) raft.readStates.push({ ticket, index });
  else postResponse(raft, from, ticket, index, false);
}

function refuse(raft: RaftState, { from, ticket }: ReadRequest, reason: ReadRefusal): void {
  if (from === raft.id) raft.readDrops.push({ ticket, reason });
  else postResponse(raft, from, ticket, 0, true);
}

/** [R57] Without a term: a refusal by a node that is ahead must not depose the asker's leader. */
function postResponse(
  raft: RaftState,
  to: NodeId,
  ticket: number,
  index: number,
  reject: boolean,
): void {
  const message = raft.draft('readIndexResponse', to);
  message.term = 0;
  message.index = index;
  message.reject = reject;
  message.context = ticket;
  raft.post(message);
}

/** [R56] Leadership is over: whoever waits is told, here or across the network. */
export function dropReads(raft: RaftState): void {
  for (const request of raft.reads.takeAll()) refuse(raft, request, 'leaderChanged');
}
