// A follower takes over state that the leader's log no longer reaches back to.

import { restoreConfig } from './config-change.ts';
import { switchConfig } from './membership.ts';
import type { StepOutcome } from './outcomes.ts';
import type { RaftState } from './state.ts';
import type { ConfState, Message, NodeId, Snapshot } from './types.ts';

type Verdict = 'restore' | 'old' | 'matchesLog' | 'notMember' | 'malformed';

/** Restores the snapshot or says how far the log is without it; both are acknowledgements. */
export function restoreSnapshot(raft: RaftState, message: Message): StepOutcome {
  const { snapshot } = message;
  if (snapshot === undefined) return 'malformed';
  const verdict = judge(raft, snapshot);
  if (verdict === 'restore') {
    restore(raft, snapshot);
  } else {
    // [R34] The log agrees with the snapshot up to its index, so that all of it is committed.
    if (verdict === 'matchesLog') raft.log.commitTo(snapshot.index);
    raft.emit({ kind: 'snapshotIgnored', index: snapshot.index, reason: verdict });
    if (verdict === 'malformed') return 'malformed';
  }
  const response = raft.draft('appendResponse', message.from);
  response.index = verdict === 'restore' ? raft.log.lastIndex() : raft.log.committed;
  raft.postWhenDurable(response);
  return 'handled';
}

function judge(raft: RaftState, { index, term, confState }: Snapshot): Verdict {
  if (!Number.isSafeInteger(index) || index < 1 || term < 1 || term > raft.term) return 'malformed';
  if (index <= raft.log.committed) return 'old';
  const limits = raft.tracker.limits;
  if (restoreConfig(confState, index, limits) === undefined) return 'malformed';
  // Sent to the wrong node, or to one that was removed before: nothing good can come of it.
  if (!isMember(confState, raft.id)) return 'notMember';
  return raft.log.matches(index, term) ? 'matchesLog' : 'restore';
}

function isMember({ voters, votersOutgoing, learners }: ConfState, id: NodeId): boolean {
  return voters.includes(id) || votersOutgoing.includes(id) || learners.includes(id);
}

/** [R35] Whatever the log holds is forgotten: where it differs from the snapshot it is wrong. */
function restore(raft: RaftState, snapshot: Snapshot): void {
  raft.log.restore(snapshot);
  const restored = restoreConfig(snapshot.confState, raft.log.lastIndex(), raft.tracker.limits);
  if (restored !== undefined) switchConfig(raft, restored);
  raft.emit({ kind: 'snapshotRestored', index: snapshot.index, term: snapshot.term });
}
