// Campaigns and votes.

import { assert } from '../../base/assert.ts';
import { reaches } from './log.ts';
import type { CampaignOutcome } from './outcomes.ts';
import { broadcastAppend } from './replication.ts';
import { becomeCandidate, becomeFollower, becomeLeader, becomePreCandidate } from './roles.ts';
import type { RaftState } from './state.ts';
import { type Message, NO_NODE } from './types.ts';

/** Entries looked at in one go when a campaign scans for config changes. */
const SCAN_BYTES_MAX = 1024 * 1024;

/** Starts an election, if this node may. `forced`: by order of the leader that hands over. */
export function maybeCampaign(raft: RaftState, forced: boolean): CampaignOutcome {
  if (raft.isLeader()) {
    raft.emit({ kind: 'campaignRefused', reason: 'alreadyLeader' });
    return 'alreadyLeader';
  }
  if (!raft.isPromotable()) {
    raft.emit({ kind: 'notPromotable' });
    return 'notPromotable';
  }
  const found = findUnappliedConfChange(raft);
  if (found === 'unknown') {
    raft.postponedCampaign = forced ? 'forced' : 'ordinary';
    return 'waitsForLog';
  }
  if (found === 'found') {
    raft.emit({ kind: 'campaignRefused', reason: 'unappliedConfChange' });
    return 'unappliedConfChange';
  }
  // Whoever hands over vouches that the leader is gone: nothing to ask around for.
  campaign(raft, raft.settings.preVote && !forced, forced);
  return 'started';
}

/** The log entries that a campaign waited for are there. */
export function resumeCampaign(raft: RaftState): void {
  if (raft.postponedCampaign === 'none') return;
  const forced = raft.postponedCampaign === 'forced';
  raft.postponedCampaign = 'none';
  maybeCampaign(raft, forced);
}

/**
 * [R44] A node that did not apply a committed change would collect votes by a config that is over.
 * A B C became, committed but not applied at C, A B; C's majority could be C and B, while A and B
 * elect A. So C waits until it caught up.
 */
function findUnappliedConfChange(raft: RaftState): 'none' | 'found' | 'unknown' {
  const { log } = raft;
  // What was scanned stays as it is: it is committed.
  let low = Math.max(log.applied, raft.scannedTo) + 1;
  while (low <= log.committed) {
    const high = log.committed + 1;
    const entries = log.entries(low, high, SCAN_BYTES_MAX);
    if (entries === 'pending') {
      raft.fetches.push({
        purpose: 'campaign',
        peer: NO_NODE,
        low,
        high,
        bytesMax: SCAN_BYTES_MAX,
      });
      return 'unknown';
    }
    assert(entries !== 'compacted', '[R26] the log keeps what is not applied');
    if (entries.some(({ kind }) => kind !== 'normal')) return 'found';
    assert(entries[0]?.index === low, '[R23] the log answers what it was asked');
    low += entries.length;
    raft.scannedTo = low - 1;
  }
  return 'none';
}

function campaign(raft: RaftState, preVote: boolean, forced: boolean): void {
  assert(raft.isPromotable(), '[R44] only voters campaign');
  if (preVote) becomePreCandidate(raft);
  else becomeCandidate(raft);
  const { log, settings, tracker } = raft;
  const term = preVote ? raft.term + 1 : raft.term;
  raft.emit({ kind: 'campaignStarted', term, preVote });
  assert(tracker.isVoter(raft.id), '[R44] only voters campaign');
  const last = log.lastId();
  for (const id of tracker.voterIds) {
    if (id === raft.id) {
      // [R12] Our own vote counts once it is durable, so that it cannot be given twice.
      const own = raft.draft(preVote ? 'preVoteResponse' : 'voteResponse', id);
      own.term = term;
      raft.postWhenDurable(own);
      continue;
    }
    const request = raft.draft(preVote ? 'preVote' : 'vote', id);
    request.term = term;
    request.index = last.index;
    request.logTerm = last.term;
    request.forced = forced;
    request.priority = settings.priority;
    if (settings.commitInVotes) tellCommit(raft, request);
    raft.post(request);
  }
}

/** A vote or pre-vote request whose term is at least ours. */
export function handleVoteRequest(raft: RaftState, message: Message): void {
  const preVote = message.kind === 'preVote';
  const response = raft.draft(preVote ? 'preVoteResponse' : 'voteResponse', message.from);
  if (mayVote(raft, message) && isWorthy(raft, message)) {
    // A learner answers too: it may be a voter by a config that it has not heard of, and without
    // its vote the group could be stuck. Whoever asks knows whether the answer counts.
    //
    // [R6] The answer carries the term that was asked for: a grant for a future term must not look
    // like one for ours, nor make the asker ignore it as stale.
    response.term = message.term;
    raft.emit({ kind: 'voteCast', to: message.from, term: message.term, preVote });
    if (!preVote) {
      assert(message.term === raft.term, '[R4] a vote is cast in the term it is for');
      assert(raft.role !== 'candidate', '[R4] candidates gave their vote to themselves');
      raft.electionElapsed = 0;
      raft.vote = message.from;
    }
  } else {
    response.reject = true;
    if (raft.settings.commitInVotes) tellCommit(raft, response);
    raft.emit({ kind: 'voteRefused', to: message.from, term: message.term, preVote });
    maybeCommitByVote(raft, message);
  }
  raft.postWhenDurable(response);
}

/** [R4] One vote per term, and none against a leader we know. A pre-vote binds nobody. */
function mayVote(raft: RaftState, message: Message): boolean {
  if (raft.vote === message.from) return true;
  if (raft.vote === NO_NODE && raft.lead === NO_NODE) return true;
  return message.kind === 'preVote' && message.term > raft.term;
}

/**
 * [R7] Whoever lacks what we have, or once had [R48], may lack what is committed. Priority decides
 * between equals.
 */
function isWorthy(raft: RaftState, { index, logTerm, priority }: Message): boolean {
  if (!raft.log.isUpToDate({ index, term: logTerm })) return false;
  if (!reaches({ index, term: logTerm }, raft.settings.voteFloor)) return false;
  const last = raft.log.lastId();
  if (index !== last.index || logTerm !== last.term) return true;
  return priority >= raft.settings.priority;
}

function tellCommit(raft: RaftState, message: { commit: number; commitTerm: number }): void {
  const { log } = raft;
  const term = log.term(log.committed);
  assert(typeof term === 'number', '[R23] the term of the commit index is always known');
  message.commit = log.committed;
  message.commitTerm = term;
}

/**
 * [R47] Learns from a vote how far the log is committed. A leads A B and hands its seat over: entry
 * 8 makes B the only voter and A a learner, and A appended 9 before it applied 8. B has 8, but does
 * not know that it is committed: by its config it needs A's vote, which A, with 9, refuses. A may
 * not campaign as a learner. A's refusal tells B of 8, and B, alone by 8, needs no vote.
 */
function maybeCommitByVote(raft: RaftState, { commit, commitTerm }: Message): void {
  if (!raft.settings.commitInVotes || commitTerm === 0 || raft.isLeader()) return;
  if (commit > raft.log.lastIndex() || !raft.log.matches(commit, commitTerm)) return;
  if (!raft.log.commitTo(commit) || raft.role === 'follower') return;
  // [R44] holds for campaigns that have begun, too.
  if (findUnappliedConfChange(raft) !== 'none') becomeFollower(raft, raft.term, NO_NODE);
}

/** An answer to our (pre-)vote request, perhaps our own. */
export function handleVoteResponse(raft: RaftState, message: Message): void {
  if (message.reject) maybeCommitByVote(raft, message);
  if (raft.role === 'follower') return;
  assert(!raft.isLeader(), '[R5] leaders have no election to win');
  raft.tracker.recordVote(message.from, !message.reject);
  const result = raft.tracker.voteResult();
  if (result === 'lost') becomeFollower(raft, raft.term, NO_NODE);
  else if (result === 'won' && raft.role === 'preCandidate') campaign(raft, false, false);
  else if (result === 'won') {
    becomeLeader(raft);
    broadcastAppend(raft);
  }
}
