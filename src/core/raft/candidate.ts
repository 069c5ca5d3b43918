// What candidates and pre-candidates do with what they hear.

import { assert, unreachable } from '../../base/assert.ts';
import { handleVoteResponse } from './elections.ts';
import { handleFromLeader } from './follower.ts';
import type { StepOutcome } from './outcomes.ts';
import { refuseForwardedRead } from './reads.ts';
import { becomeFollower } from './roles.ts';
import type { RaftState } from './state.ts';
import { type Message, NO_NODE } from './types.ts';

/** [R8] A pre-vote is granted for the next term; an older grant was for an earlier attempt. */
function isLateGrant(raft: RaftState, { kind, reject, term }: Message): boolean {
  return kind === 'preVoteResponse' && !reject && term !== raft.term + 1;
}

export function stepCandidate(raft: RaftState, message: Message): StepOutcome {
  assert(raft.lead === NO_NODE, '[R5] whoever campaigns knows no leader');
  switch (message.kind) {
    case 'append':
    case 'heartbeat':
    case 'snapshot':
      // Someone else won this term.
      becomeFollower(raft, message.term, message.from);
      return handleFromLeader(raft, message);
    case 'voteResponse':
    case 'preVoteResponse': {
      // [R8] A grant for the pre-vote is not a vote, also not our own that comes back late.
      const expected = raft.role === 'candidate' ? 'voteResponse' : 'preVoteResponse';
      if (message.kind !== expected) return 'stale';
      if (isLateGrant(raft, message)) return 'stale';
      handleVoteResponse(raft, message);
      return 'handled';
    }
    case 'readIndex':
      refuseForwardedRead(raft, message);
      return 'dropped';
    case 'propose':
    case 'transferLeader':
      return 'dropped';
    case 'appendResponse':
    case 'heartbeatResponse':
    case 'timeoutNow':
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
