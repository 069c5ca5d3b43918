// The four roles and the only ways from one to another.
//
//              timeout                quorum of pre-votes          quorum of votes
//   follower ----------> preCandidate --------------> candidate ----------------> leader
//    ^  ^  ^                 |    ^                    |    ^                        |
//    |  |  +-----------------+    +---- timeout -------+    | timeout, again         |
//    |  +----------------------------------------------+----+                        |
//    +-- higher term, quorum lost, removed -------------------------------------------+
//
// Without pre-votes, and when a leader hands over, follower and candidate are one step apart.

import { assert } from '../../base/assert.ts';
import { dropReads } from './reads.ts';
import { appendProposals, type Proposal } from './replication.ts';
import type { RaftState } from './state.ts';
import { abortTransfer } from './transfer.ts';
import { NO_NODE, type NodeId, type Role } from './types.ts';

/** What a leader's term begins with: see R15 and R52 for why it is needed. */
const FIRST_OF_TERM: readonly Proposal[] = [{ kind: 'normal', payload: new Uint8Array(0) }];

export function becomeFollower(raft: RaftState, term: number, lead: NodeId): void {
  assert(lead !== raft.id, '[R5] nobody follows itself');
  reset(raft, term);
  raft.lead = lead;
  enter(raft, 'follower');
}

/** Changes neither term nor vote: an attempt leaves no trace if it fails. */
export function becomePreCandidate(raft: RaftState): void {
  assert(!raft.isLeader(), '[R5] a leader does not campaign');
  raft.tracker.resetVotes();
  raft.lead = NO_NODE;
  enter(raft, 'preCandidate');
}

export function becomeCandidate(raft: RaftState): void {
  assert(!raft.isLeader(), '[R5] a leader does not campaign');
  reset(raft, raft.term + 1);
  raft.vote = raft.id;
  enter(raft, 'candidate');
  assert(raft.lead === NO_NODE, '[R5] whoever campaigns knows no leader');
}

export function becomeLeader(raft: RaftState): void {
  assert(raft.role === 'candidate', '[R5] leadership is won by candidates');
  reset(raft, raft.term);
  raft.lead = raft.id;
  enter(raft, 'leader');
  const self = raft.tracker.progress(raft.id);
  assert(self !== undefined, '[R5] a leader starts as a member of its config');
  // The leader replicates to itself too: its acknowledgements come from the disk.
  self.becomeReplicate();
  self.isRecentlyActive = true;
  const last = raft.log.lastIndex();
  raft.termStartIndex = last + 1;
  // [R42] Changes may stand anywhere in the tail: rather than look, wait until all is applied.
  raft.pendingConfIndex = last;
  const appended = appendProposals(raft, FIRST_OF_TERM);
  assert(raft.log.lastIndex() === raft.termStartIndex, '[R15] a term begins with its own entry');
  assert(appended, '[R60] an entry without payload is never refused');
}

function enter(raft: RaftState, role: Role): void {
  raft.role = role;
  raft.emit({ kind: 'roleChanged', role, term: raft.term });
}

/** Forgets everything that belongs to a role. */
function reset(raft: RaftState, term: number): void {
  assert(term >= raft.term, '[R3] the term never falls');
  if (term !== raft.term) {
    raft.term = term;
    raft.vote = NO_NODE;
  }
  raft.lead = NO_NODE;
  raft.electionElapsed = 0;
  raft.heartbeatElapsed = 0;
  raft.drawElectionTimeout();
  abortTransfer(raft);
  raft.tracker.resetVotes();
  raft.tracker.resetPeers(raft.log.lastIndex(), raft.id);
  raft.pendingConfIndex = 0;
  raft.uncommittedBytes = 0;
  raft.postponedCampaign = 'none';
  raft.leaderTicks = 0;
  raft.leaseStart = Number.NEGATIVE_INFINITY;
  raft.isLeaseForfeited = false;
  dropReads(raft);
  assert(raft.transferee === NO_NODE, '[R70] a transfer ends with the role');
  assert(raft.reads.pendingRound === 0, '[R56] nobody waits for a leader that is gone');
}
