// What a follower does with what it hears; candidates use it too once they give way to a leader.

import { assert, unreachable } from '../../base/assert.ts';
import { maybeCampaign } from './elections.ts';
import type { ForgetOutcome, StepOutcome } from './outcomes.ts';
import { takeForwarded } from './proposals.ts';
import { refuseForwardedRead } from './reads.ts';
import { handleSnapshot } from './snapshots.ts';
import type { RaftState } from './state.ts';
import { transferLeader } from './transfer.ts';
import { type Entry, type Message, NO_NODE } from './types.ts';

export function stepFollower(raft: RaftState, message: Message): StepOutcome {
  switch (message.kind) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      hearLeader(raft, message);
      return handleFromLeader(raft, message);
    case 'propose':
      return takeForwarded(raft, message.entries) ? 'handled' : 'dropped';
    case 'readIndex':
      refuseForwardedRead(raft, message);
      return 'dropped';
    case 'transferLeader':
      return transferLeader(raft, message.vote).kind === 'forwarded' ? 'handled' : 'dropped';
    case 'timeoutNow':
      maybeCampaign(raft, true);
      return 'handled';
    case 'appendResponse':
    case 'heartbeatResponse':
    case 'voteResponse':
    case 'preVoteResponse':
      // Answers to the leader or candidate we were.
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

function hearLeader(raft: RaftState, { from, term }: Message): void {
  assert(raft.role === 'follower' && term === raft.term, '[R5] followers hear their own term');
  raft.electionElapsed = 0;
  raft.lead = from;
  // The leader is alive after all. An election that it ordered itself goes on.
  if (raft.postponedCampaign === 'ordinary') raft.postponedCampaign = 'none';
}

/** An append, heartbeat or snapshot of the leader of our term. */
export function handleFromLeader(raft: RaftState, message: Message): StepOutcome {
  if (message.kind === 'append') return handleAppend(raft, message);
  if (message.kind === 'heartbeat') return handleHeartbeat(raft, message);
  handleSnapshot(raft, message);
  return 'handled';
}

function handleAppend(raft: RaftState, message: Message): StepOutcome {
  const { log } = raft;
  const { entries, index, logTerm } = message;
  if (index < log.committed) {
    // Late: all of it up to our commit index is here. Say how far that is.
    acknowledge(raft, message, log.committed);
    return 'handled';
  }
  if (!log.matches(index, logTerm)) {
    reject(raft, message);
    return 'handled';
  }
  const from = findConflict(raft, entries);
  const first = entries[from];
  if (first !== undefined) {
    assert(first.term <= raft.term, '[R13] no entry is newer than the term it is sent in');
    if (first.index <= log.committed) {
      // [R24] Two committed entries at one index: a disk lies, or a node came back without its own.
      raft.emit({ kind: 'contradiction', from: message.from, detail: 'replacesCommitted' });
      return 'contradiction';
    }
    log.append(from === 0 ? entries : entries.slice(from));
  }
  // [R19] Beyond what this append vouches for, our log may hold something else than the leader's:
  // B has 5 6 7, of which 6 and 7 are from a leader that is gone. An append with 5 and commit index
  // 7 makes 5 committed, and no more.
  const validated = index + entries.length;
  assert(log.lastIndex() >= validated, '[R20] what the append holds is in the log');
  log.commitTo(Math.min(message.commit, validated));
  acknowledge(raft, message, validated);
  return 'handled';
}

/**
 * Position of the first entry that our log does not have. [R20] Entries that agree are left alone,
 * so that a late, shorter append does not cut off what came after it.
 */
function findConflict(raft: RaftState, entries: readonly Entry[]): number {
  const { log } = raft;
  const [first] = entries;
  if (first === undefined || first.index > log.lastIndex()) return 0;
  let at = 0;
  while (at < entries.length) {
    const { index, term } = entries[at] as Entry;
    if (!log.matches(index, term)) break;
    at += 1;
  }
  return at;
}

function acknowledge(raft: RaftState, { from }: Message, index: number): void {
  assert(index <= raft.log.lastIndex(), '[R17] only what exists is acknowledged');
  const response = raft.draft('appendResponse', from);
  response.index = index;
  raft.postWhenDurable(response);
}

function reject(raft: RaftState, { from, index, logTerm }: Message): void {
  raft.emit({ kind: 'appendRejected', from, index });
  const { log } = raft;
  // [R18] The mirror image of what the leader does: our newest entry that could be in its log.
  const hint = log.conflictByTerm(Math.min(index, log.lastIndex()), logTerm);
  assert(hint.index <= index, '[R18] a hint leads back');
  const response = raft.draft('appendResponse', from);
  response.index = index;
  response.reject = true;
  response.rejectHint = hint.index;
  response.logTerm = hint.term;
  raft.postWhenDurable(response);
}

function handleHeartbeat(raft: RaftState, { from, commit, context }: Message): StepOutcome {
  if (commit > raft.log.lastIndex()) {
    // [R17] The leader knows us to hold entries that we do not have: our disk lost them. To go on
    // would mean to vote without them.
    raft.emit({ kind: 'contradiction', from, detail: 'logLost' });
    return 'contradiction';
  }
  raft.log.commitTo(commit);
  assert(raft.role === 'follower', '[R5] only followers answer heartbeats');
  const response = raft.draft('heartbeatResponse', from);
  response.context = context;
  raft.post(response);
  return 'handled';
}

export function forgetLeader(raft: RaftState): ForgetOutcome {
  if (raft.role !== 'follower') return 'notFollower';
  // [R53] A lease counts on us not to vote for another one yet.
  if (raft.settings.reads === 'lease') return 'leaseReads';
  if (raft.lead === NO_NODE) return 'noLeader';
  raft.emit({ kind: 'leaderForgotten', lead: raft.lead, term: raft.term });
  raft.lead = NO_NODE;
  return 'forgotten';
}
