// What a member of a bench says of its shards when it is asked, and how its leaders are spread.

import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ReplicaHost } from '../../src/replica/types.ts';

export interface ShardsReport {
  /** By the clock that all processes of a machine share. */
  readonly atMs: number;
  /** Shards that it leads, with an entry of its term applied: it can serve. */
  readonly led: number;
  readonly hibernating: number;
}

export function reportShards(host: Pick<ReplicaHost, 'status'>, shards: number): ShardsReport {
  let [led, hibernating] = [0, 0];
  for (let shard = 1; shard <= shards; shard++) {
    const status = host.status(shard);
    if (status?.isHibernating === true) hibernating += 1;
    if (status?.role === 'leader' && status.applied.term === status.term) led += 1;
  }
  return { atMs: Date.now(), led, hibernating };
}

/** The member that is to lead `shard` when leaders are spread evenly. */
export function homeOf(shard: number, members: number): MemberId {
  return (shard % members) + 1;
}

/** Leaders that belong elsewhere are sent there. */
export function sendLeadersHome(
  host: Pick<ReplicaHost, 'status' | 'transferLeader'>,
  member: MemberId,
  members: number,
  shards: number,
): void {
  for (let shard = 1; shard <= shards; shard++) {
    const home = homeOf(shard, members);
    if (home !== member && host.status(shard)?.role === 'leader') host.transferLeader(shard, home);
  }
}
