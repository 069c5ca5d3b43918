// Whether a request goes to another member.

import type { MemberId } from '../../engine/transport/index.ts';
import type { ReadAnswer, WriteOutcome } from '../types.ts';

export const OVERLOADED: WriteOutcome = { kind: 'refused', reason: 'overloaded', leader: 0 };

/** The leader, when another member leads and `member` therefore refused. 0 otherwise. */
export function leaderElsewhere(member: MemberId, outcome: WriteOutcome | ReadAnswer): MemberId {
  if (outcome.kind !== 'refused' || outcome.reason !== 'notLeader') return 0;
  return outcome.leader === member ? 0 : outcome.leader;
}
