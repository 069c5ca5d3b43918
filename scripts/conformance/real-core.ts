// The core of this house, as the runner drives it.

import type { ChangeBase, ChangeResult } from '../../src/core/raft/index.ts';
import {
  enterJoint,
  jointCommitted,
  jointVote,
  leaveJoint,
  MemoryLog,
  RaftCore,
  simpleChange,
  Tracker,
} from '../../src/core/raft/index.ts';
import type { ChangerOutcome, ChangerUnderTest, CoreUnderTest } from './core-under-test.ts';
import { EMPTY_SNAPSHOT } from './node.ts';

export const REAL_CORE: CoreUnderTest = {
  createNode: (config) => new RaftCore(config),
  createLog: () => new MemoryLog(),
  quorum: {
    committedIndex: ({ incoming, outgoing }, acked) =>
      jointCommitted(incoming, outgoing, { ackedIndex: (id) => acked.get(id) }),
    voteResult: ({ incoming, outgoing }, votes) => jointVote(incoming, outgoing, votes),
  },
  createChanger,
};

function createChanger(): ChangerUnderTest {
  const limits = { messagesMax: 10, bytesMax: Number.POSITIVE_INFINITY };
  const tracker = new Tracker(limits, EMPTY_SNAPSHOT.confState, []);
  const base = (lastIndex: number): ChangeBase => {
    const { config, peers } = tracker;
    return { config, peers, limits, lastIndex };
  };
  const settle = (result: ChangeResult): ChangerOutcome => {
    if (result.kind === 'refused') return result;
    tracker.switchTo(result.config, result.peers);
    return {
      kind: 'changed',
      config: tracker.config,
      peers: tracker.peers.map((peer) => peer.status()),
    };
  };
  return {
    simple: (changes, lastIndex) => settle(simpleChange(base(lastIndex), changes)),
    enterJoint: (changes, autoLeave, lastIndex) =>
      settle(enterJoint(base(lastIndex), autoLeave, changes)),
    leaveJoint: (lastIndex) => settle(leaveJoint(base(lastIndex))),
  };
}
