// A look inside, for operators and tests. Values are copies.

import type { BasicStatus, Status } from './outputs.ts';
import type { RaftState } from './state.ts';

export function basicStatus(raft: RaftState): BasicStatus {
  const { log } = raft;
  return {
    id: raft.id,
    role: raft.role,
    term: raft.term,
    vote: raft.vote,
    lead: raft.lead,
    firstIndex: log.firstIndex(),
    lastIndex: log.lastIndex(),
    commit: log.committed,
    applied: log.applied,
    config: raft.tracker.config,
    transferee: raft.transferee,
    electionElapsedTicks: raft.electionElapsed,
    electionTimeoutTicks: raft.electionTimeout,
  };
}

export function status(raft: RaftState): Status {
  const peers = raft.isLeader() ? raft.tracker.peers.map((peer) => peer.status()) : [];
  return { ...basicStatus(raft), peers };
}
