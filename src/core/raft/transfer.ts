// Handing leadership over: bring the chosen voter up to date, take no proposals meanwhile, then
// tell it to campaign at once. Given up after one election timeout, when the target is no longer a
// voter, or with the role.

import { assert } from '../../base/assert.ts';
import type { TransferOutcome } from './outcomes.ts';
import type { Progress } from './progress.ts';
import { maybeSendAppend } from './replication.ts';
import type { RaftState } from './state.ts';
import { NO_NODE, type NodeId } from './types.ts';

export function transferLeader(raft: RaftState, to: NodeId): TransferOutcome {
  if (raft.isLeader()) return startTransfer(raft, to);
  if (raft.lead === NO_NODE) return { kind: 'refused', reason: 'noLeader' };
  const message = raft.draft('transferLeader', raft.lead);
  message.term = 0;
  message.vote = to;
  raft.post(message);
  return { kind: 'forwarded', to: raft.lead };
}

export function startTransfer(raft: RaftState, to: NodeId): TransferOutcome {
  assert(raft.isLeader(), '[R70] only leaders hand over');
  const peer = raft.tracker.progress(to);
  if (peer === undefined) return { kind: 'refused', reason: 'unknownNode' };
  if (!raft.tracker.isVoter(to)) return { kind: 'refused', reason: 'learner' };
  // Asking again must not push the deadline out.
  if (raft.transferee === to) return { kind: 'alreadyInProgress' };
  abortTransfer(raft);
  if (to === raft.id) return { kind: 'alreadyLeader' };
  assert(raft.transferee === NO_NODE, '[R70] one transfer at a time');
  // The transfer has one election timeout from now.
  raft.electionElapsed = 0;
  raft.transferee = to;
  raft.emit({ kind: 'transferStarted', to });
  if (!maybeSendTimeoutNow(raft, peer)) maybeSendAppend(raft, peer, true);
  return { kind: 'started' };
}

/** The transferee holds everything we have: it wins as soon as it campaigns. */
export function maybeSendTimeoutNow(raft: RaftState, peer: Progress): boolean {
  assert(peer.match <= raft.log.lastIndex(), '[R17] nobody matches beyond the log');
  if (peer.id !== raft.transferee || peer.match !== raft.log.lastIndex()) return false;
  assert(raft.isLeader() && raft.tracker.isVoter(peer.id), '[R70] a leader hands over to a voter');
  // [R54] From here on the message may arrive at any time, even after the transfer was given up.
  raft.isLeaseForfeited = true;
  raft.post(raft.draft('timeoutNow', peer.id));
  return true;
}

export function abortTransfer(raft: RaftState): void {
  if (raft.transferee === NO_NODE) return;
  assert(raft.isLeader(), '[R70] only a leader hands over');
  raft.emit({ kind: 'transferAborted', to: raft.transferee });
  raft.transferee = NO_NODE;
}
