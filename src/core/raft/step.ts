// The way of a message into the core: is it possible at all, is its term current, what does it mean
// to the role we are in.

import { assert, implies } from '../../base/assert.ts';
import { stepCandidate } from './candidate.ts';
import { handleVoteRequest } from './elections.ts';
import { entriesBytes, payloadBytes } from './entries.ts';
import { stepFollower } from './follower.ts';
import { stepLeader } from './leader.ts';
import { appliedTo } from './membership.ts';
import { hasPlausibleEntries, hasPlausibleNumbers, hasPlausibleSnapshot } from './message.ts';
import type { StepOutcome } from './outcomes.ts';
import { handleReadResponse } from './reads.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import { APPEND_THREAD, APPLY_THREAD, type Message, type MessageKind, NO_NODE } from './types.ts';

type Gate =
  /** Answers that only members of the config give. */
  | 'response'
  /** Requests that anyone may send: who has no config yet must hear from us. */
  | 'request'
  /** Asks a favour, or grants one: good in any term and therefore without one. */
  | 'favour'
  /** From the pseudo nodes. */
  | 'storage'
  /** To the pseudo nodes: never stepped. */
  | 'outbound';

const GATES: Record<MessageKind, Gate> = {
  append: 'request',
  appendResponse: 'response',
  heartbeat: 'request',
  heartbeatResponse: 'response',
  vote: 'request',
  voteResponse: 'response',
  preVote: 'request',
  preVoteResponse: 'response',
  snapshot: 'request',
  timeoutNow: 'request',
  propose: 'favour',
  transferLeader: 'favour',
  readIndex: 'favour',
  readIndexResponse: 'favour',
  storageAppend: 'outbound',
  storageAppendResponse: 'storage',
  storageApply: 'outbound',
  storageApplyResponse: 'storage',
};

const PROMISES: ReadonlySet<MessageKind> = new Set<MessageKind>([
  'appendResponse',
  'voteResponse',
  'preVoteResponse',
]);

/** A message from outside, which may be anything, or a promise to ourselves that came true. */
export function step(raft: RaftState, message: Message): StepOutcome {
  const gate = GATES[message.kind];
  if (gate === 'storage') return stepStorage(raft, message);
  // A codec never makes negative ids, so that this came from our own host, out of place.
  if (gate === 'outbound' || message.from < NO_NODE) return 'localMessage';
  if (!isPlausible(raft, message, gate)) return 'malformed';
  if (gate === 'response' && raft.tracker.progress(message.from) === undefined) {
    return 'unknownPeer';
  }
  return stepChecked(raft, message);
}

/** Whether the fields of a message can belong together. What passes here harms no invariant. */
function isPlausible(raft: RaftState, message: Message, gate: Gate | undefined): boolean {
  const { from, kind, to } = message;
  // An unknown kind, which the types exclude and the network may not.
  if (gate === undefined) return false;
  if (to !== raft.id || !Number.isSafeInteger(from) || from === NO_NODE) return false;
  // Only promises come back to who made them.
  if (from === raft.id && !PROMISES.has(kind)) return false;
  // A voter of term 0 refuses pre-votes in its own term; nobody else speaks in term 0.
  const mayLackTerm = gate === 'favour' || (kind === 'preVoteResponse' && message.reject);
  if (message.term === 0 ? !mayLackTerm : gate === 'favour') return false;
  if (!hasPlausibleNumbers(message)) return false;
  if (kind === 'append') return hasPlausibleEntries(message);
  return kind !== 'snapshot' || hasPlausibleSnapshot(message);
}

function stepChecked(raft: RaftState, message: Message): StepOutcome {
  if (message.term > raft.term) {
    const outcome = meetHigherTerm(raft, message);
    if (outcome !== undefined) return outcome;
  } else if (message.term < raft.term && GATES[message.kind] !== 'favour') {
    return meetLowerTerm(raft, message);
  }
  if (message.kind === 'vote' || message.kind === 'preVote') {
    handleVoteRequest(raft, message);
    return 'handled';
  }
  if (message.kind === 'readIndexResponse') {
    // [R57] True for ever, whatever became of the role in which we asked.
    handleReadResponse(raft, message);
    return 'handled';
  }
  const isGrant = message.kind === 'preVoteResponse';
  assert(message.term <= raft.term || isGrant, '[R3] nothing is handled in a term not entered');
  if (raft.role === 'leader') return stepLeader(raft, message);
  if (raft.role === 'follower') return stepFollower(raft, message);
  return stepCandidate(raft, message);
}

/** Undefined if the message is to be handled further, now that the terms are equal. */
function meetHigherTerm(raft: RaftState, message: Message): StepOutcome | undefined {
  const { from, kind, term } = message;
  if ((kind === 'vote' || kind === 'preVote') && !message.forced) {
    const remainingTicks = leaseTicks(raft);
    if (remainingTicks > 0) {
      // [R9] A leader is alive: whoever campaigns has lost touch, not the group.
      raft.emit({ kind: 'voteIgnored', from, remainingTicks });
      return 'leaseHolds';
    }
  }
  // [R6] A pre-vote asks about a term that nobody is in. If it is granted the term rises with the
  // vote that follows; a refusal carries a term that someone is in.
  if (kind === 'preVote' || (kind === 'preVoteResponse' && !message.reject)) return undefined;
  const isFromLeader = kind === 'append' || kind === 'heartbeat' || kind === 'snapshot';
  becomeFollower(raft, term, isFromLeader ? from : NO_NODE);
  assert(raft.term === term, '[R3] a message of a higher term takes us there');
  assert(raft.term === term && raft.vote === NO_NODE, '[R3] a new term begins without a vote');
  return undefined;
}

/** Ticks for which votes are still refused for the sake of the leader we heard. */
function leaseTicks(raft: RaftState): number {
  const { checkQuorum, electionTicks } = raft.settings;
  implies(raft.isLeader(), raft.lead === raft.id, '[R9] a leader holds the lease of itself');
  if (!checkQuorum) return 0;
  const heard = raft.lead === NO_NODE ? 0 : electionTicks - raft.electionElapsed;
  return Math.max(heard, raft.restartLeaseTicks);
}

function meetLowerTerm(raft: RaftState, message: Message): StepOutcome {
  const { from, kind } = message;
  assert(message.term < raft.term, '[R3] what is stale is of an earlier term');
  const { checkQuorum, preVote } = raft.settings;
  if ((kind === 'append' || kind === 'heartbeat') && (checkQuorum || preVote)) {
    // [R9] We are ahead of a leader that works: our campaign was in vain, and nobody heeds our
    // votes. Without an answer we would never be taken back: its heartbeats are stale to us, our
    // votes ignored by those who hear it. The answer makes it step down and the next term includes
    // us. Where votes are always heeded this would only disturb.
    raft.postWhenDurable(raft.draft('appendResponse', from));
    return 'handled';
  }
  // [R9] Silence would leave the asker in its old term for ever, if all others refuse as well. With
  // real votes it could still catch up by chance, unless we campaign as often, in vain: A leaves a
  // joint config of A and B, B has not heard of it and asks others, so that its term stays ahead.
  if (kind === 'preVote' || (kind === 'vote' && raft.settings.commitInVotes)) {
    const response = raft.draft(kind === 'preVote' ? 'preVoteResponse' : 'voteResponse', from);
    response.reject = true;
    raft.postWhenDurable(response);
    return 'handled';
  }
  return 'stale';
}

/** The disk or the machine did what it was asked to. */
function stepStorage(raft: RaftState, message: Message): StepOutcome {
  if (message.kind === 'storageApplyResponse') {
    if (message.from !== APPLY_THREAD) return 'localMessage';
    const last = message.entries.at(-1);
    if (last === undefined) return 'handled';
    assert(last.index <= raft.log.applying, '[R22] only what was handed out is applied');
    appliedTo(raft, last.index, entriesBytes(message.entries));
    raft.uncommittedBytes = Math.max(0, raft.uncommittedBytes - payloadBytes(message.entries));
    return 'handled';
  }
  if (message.from !== APPEND_THREAD) return 'localMessage';
  if (message.term > raft.term) return 'malformed';
  // [R28] An answer of an earlier term may speak of entries that were replaced and put back since.
  // A B C D E, and A's disk is slow. In term 1 A appends 1/5. B, leader of term 2, replaces it by
  // 2/5. C, leader of term 3 without having seen either, replaces that by 3/5 ... and so on until a
  // leader that does have 1/5 puts it back. The disk's answer "1/5 is durable" is about the first
  // write; the second is behind the others in the queue, which will overwrite the first. Trimming
  // now would have us read 2/5 from the disk. The answer to the last write comes, too.
  const isCurrent = message.term === raft.term;
  if (isCurrent && message.index > 0) {
    raft.log.unstable.stableTo({ index: message.index, term: message.logTerm });
  }
  // A snapshot is not replaced: it only grows, whatever the term.
  if (message.snapshot !== undefined) {
    raft.log.unstable.stableSnapshotTo(message.snapshot.index);
    appliedTo(raft, message.snapshot.index, 0);
  }
  return isCurrent ? 'handled' : 'stale';
}
