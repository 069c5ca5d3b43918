// Majorities, and pairs of majorities for joint configs. Nothing here knows about logs: a number
// that a majority acknowledged may be a log index or a read round.

import { assert, implies } from '../../base/assert.ts';
import type { NodeId } from './types.ts';

export interface AckSource {
  /** The highest number `id` acknowledged; undefined, which counts as 0, if it never did. */
  ackedIndex(id: NodeId): number | undefined;
}

export type VoteResult = 'won' | 'lost' | 'pending';

/** Reused by every call; safe because nothing here calls out while it is filled. */
let scratch = new Float64Array(16);

/**
 * The highest number that a majority of `voters` acknowledged. [R1] No voters, no limit: the empty
 * half of a config that is not joint must not hold back the other.
 */
export function majorityCommitted(voters: readonly NodeId[], acks: AckSource): number {
  const count = voters.length;
  if (count === 0) return Number.POSITIVE_INFINITY;
  if (count > scratch.length) scratch = new Float64Array(count * 2);
  // Insertion sort, ascending: there are rarely more than seven.
  for (let i = 0; i < count; i++) {
    const acked = acks.ackedIndex(voters[i] as NodeId) ?? 0;
    let at = i;
    while (at > 0 && (scratch[at - 1] as number) > acked) {
      scratch[at] = scratch[at - 1] as number;
      at -= 1;
    }
    scratch[at] = acked;
  }
  // Of A B C with 3 5 9, position 1 is 5: B and C, a majority, have it. Of A B C D with 3 5 9 9,
  // position 1 again: three of four are at 5 or beyond, and only two are beyond.
  const position = count - majority(count);
  const committed = scratch[position] as number;
  assert(committed >= 0, '[R1] acknowledged numbers are not negative');
  implies(
    position > 0,
    (scratch[position - 1] as number) <= committed,
    '[R1] no more than a minority is below what the majority acknowledged',
  );
  return committed;
}

/** Both halves must agree. */
export function jointCommitted(
  incoming: readonly NodeId[],
  outgoing: readonly NodeId[],
  acks: AckSource,
): number {
  const ours = majorityCommitted(incoming, acks);
  if (outgoing.length === 0) return ours;
  return Math.min(ours, majorityCommitted(outgoing, acks));
}

/** [R2] No voters: won, for the same reason as above. */
export function majorityVote(
  voters: readonly NodeId[],
  votes: ReadonlyMap<NodeId, boolean>,
): VoteResult {
  if (voters.length === 0) return 'won';
  const needed = majority(voters.length);
  let granted = 0;
  let missing = 0;
  for (const id of voters) {
    const vote = votes.get(id);
    if (vote === undefined) missing += 1;
    else if (vote) granted += 1;
  }
  assert(granted + missing <= voters.length, '[R2] a voter has one vote');
  if (granted >= needed) return 'won';
  return granted + missing >= needed ? 'pending' : 'lost';
}

export function jointVote(
  incoming: readonly NodeId[],
  outgoing: readonly NodeId[],
  votes: ReadonlyMap<NodeId, boolean>,
): VoteResult {
  const ours = majorityVote(incoming, votes);
  const theirs = majorityVote(outgoing, votes);
  if (ours === theirs) return ours;
  // One lost half loses the election; a won half waits for the other.
  return ours === 'lost' || theirs === 'lost' ? 'lost' : 'pending';
}

function majority(count: number): number {
  return (count >> 1) + 1;
}
