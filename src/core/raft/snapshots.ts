// A follower takes over state that the leader's log no longer reaches back to.

import { assert, must } from '../../base/assert.ts';
import { isMember, restoreConfig } from './config-change.ts';
import { switchConfig } from './membership.ts';
import type { RaftState } from './state.ts';
import type { Message, Snapshot } from './types.ts';

type Verdict = 'restore' | 'old' | 'matchesLog' | 'notMember' | 'stillApplying';

/** Restores the snapshot or says how far the log is without it; both are acknowledgements. */
export function handleSnapshot(raft: RaftState, message: Message): void {
  const snapshot = must(message.snapshot, '[R36] a snapshot message without one is not let in');
  const verdict = judge(raft, snapshot);
  if (verdict === 'restore') {
    restore(raft, snapshot);
  } else {
    // [R34] The log agrees with the snapshot up to its index, so that all of it is committed.
    if (verdict === 'matchesLog') raft.log.commitTo(snapshot.index);
    raft.emit({ kind: 'snapshotIgnored', index: snapshot.index, reason: verdict });
  }
  const response = raft.draft('appendResponse', message.from);
  response.index = verdict === 'restore' ? raft.log.lastIndex() : raft.log.committed;
  raft.postWhenDurable(response);
}

function judge(raft: RaftState, { index, term, confState }: Snapshot): Verdict {
  if (index <= raft.log.committed) return 'old';
  // Sent to the wrong node, or to one that was removed before: nothing good can come of it.
  if (!isMember(confState, raft.id)) return 'notMember';
  if (raft.log.matches(index, term)) return 'matchesLog';
  // [R34] The machine has entries in hand, perhaps a config change: the core would take over the
  // snapshot's config now, and then be told to apply that older change on top of it. Say A is added
  // at 7, removed at 8, and the snapshot is of 9: A would be back here, and nowhere else.
  return raft.log.applying > raft.log.applied ? 'stillApplying' : 'restore';
}

/** [R35] Whatever the log holds is forgotten: where it differs from the snapshot it is wrong. */
function restore(raft: RaftState, snapshot: Snapshot): void {
  assert(raft.role === 'follower', '[R35] only followers restore');
  raft.log.restore(snapshot);
  const { limits } = raft.tracker;
  const restored = restoreConfig(snapshot.confState, raft.log.lastIndex(), limits);
  switchConfig(raft, must(restored, '[R36] an inconsistent config is not let in'));
  raft.emit({ kind: 'snapshotRestored', index: snapshot.index, term: snapshot.term });
}
