// `send-snapshot from to`: a snapshot message out of turn, with the sender's newest snapshot and
// its current term, as an operator might send one by hand.

import type { Message } from '../../src/core/raft/index.ts';
import type { HarnessNode } from './node.ts';

export function snapshotMessage(from: HarnessNode, to: number): Message {
  return {
    kind: 'snapshot',
    from: from.id,
    to,
    term: from.core.status().term,
    snapshot: from.newestSnapshot(),
    logTerm: 0,
    index: 0,
    entries: [],
    commit: 0,
    commitTerm: 0,
    vote: 0,
    reject: false,
    rejectHint: 0,
    context: 0,
    forced: false,
    priority: 0,
    responses: [],
  };
}
