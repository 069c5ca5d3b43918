// What must be true of a cluster when no fault strikes any more.

import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { Clients } from './clients.ts';
import type { Cluster } from './cluster.ts';
import * as kv from './kv-commands.ts';
import { answerOf } from './reference.ts';
import type { Scenario } from './scenario.ts';
import type { SimMember } from './sim-member.ts';

/** The members that a shard shall have. */
export type Wanted = (shard: ShardId) => ReadonlySet<MemberId>;

/** The longest that a follower waits before it campaigns. */
export function electionMs({ timing }: Scenario): number {
  return timing.tickMs * timing.electionTicks * 2;
}

/** A shard that nobody leads, in words; undefined if there is none. */
export function leaderless(cluster: Cluster, wanted: Wanted): string | undefined {
  const missing = cluster.shards.find((shard) => cluster.leaderOf(shard) === undefined);
  if (missing === undefined) return undefined;
  return `shard ${missing} has no leader\n${describe(cluster, missing, wanted(missing))}`;
}

/** What still keeps the members from being one. */
export function disagreement(cluster: Cluster, wanted: Wanted): string | undefined {
  for (const shard of cluster.shards) {
    const complaint = difference(cluster, shard, wanted(shard));
    if (complaint === undefined) continue;
    return `shard ${shard}: ${complaint}\n${describe(cluster, shard, wanted(shard))}`;
  }
  return undefined;
}

function difference(
  cluster: Cluster,
  shard: ShardId,
  wanted: ReadonlySet<MemberId>,
): string | undefined {
  const leader = cluster.leaderOf(shard);
  if (leader === undefined) return 'nobody leads';
  const expected = cluster.status(leader, shard);
  if (expected === undefined) return 'the leader is gone';
  const { applied, commit, config, lastIndex, term } = expected;
  if (commit !== lastIndex) return `entry ${lastIndex} is never committed`;
  const digest = leader.program?.digest(shard);
  for (const id of wanted) {
    const member = cluster.member(id);
    const status = cluster.status(member, shard);
    if (status === undefined) return `m${id} does not run it`;
    if (status.waitsFor !== undefined) return `m${id} waits for ${status.waitsFor}`;
    if (status.leader !== leader.id) return `m${id} does not know who leads`;
    if (status.term !== term) return `m${id} stays in term ${status.term}`;
    if (status.lastIndex !== lastIndex) return `m${id} does not get the log`;
    if (status.commit !== commit) return `m${id} does not learn of the commit`;
    if (status.applied.index !== applied.index) return `m${id} does not apply what is committed`;
    if (JSON.stringify(status.config) !== JSON.stringify(config))
      return `m${id} has another config`;
    if (member.program?.digest(shard) !== digest) return `the state of m${id} differs`;
  }
  return undefined;
}

function describe(cluster: Cluster, shard: ShardId, wanted: ReadonlySet<MemberId>): string {
  return [...cluster.members.values()]
    .filter((member) => wanted.has(member.id) || member.isUp)
    .map((member) => describeMember(cluster, member, shard))
    .join('\n');
}

function describeMember(cluster: Cluster, member: SimMember, shard: ShardId): string {
  const status = cluster.status(member, shard);
  if (status === undefined) return `  m${member.id} ${member.state}`;
  const { applied, commit, config, firstIndex, isHibernating, lastIndex, leader, role, term } =
    status;
  const log = `log=${firstIndex}..${lastIndex} commit=${commit} applied=${applied.index}`;
  const group = `voters=${config.voters.join()} learners=${config.learners.join()}`;
  const rest = isHibernating ? 'hibernates' : `waits for ${status.waitsFor ?? 'nothing'}`;
  const who = `m${member.id} ${member.state} ${role} term=${term} leader=${leader}`;
  return `  ${who} ${log} ${group} ${rest}`;
}

/** Counters count every addition that was answered once, and none twice. */
export function holdsAllTallies(cluster: Cluster, clients: Clients): string | undefined {
  for (const { done, key, shard, unknown } of clients.tallies) {
    const { last } = cluster.oracle.reference(shard);
    const view = cluster.oracle.reference(shard).viewAt(last);
    const counted = kv.valueOf(answerOf(cluster.stateMachine, kv.get(key), view)) ?? 0;
    if (counted < done || counted > done + unknown) {
      return `shard ${shard}: ${key} is ${counted} after ${done} additions and ${unknown} in doubt`;
    }
  }
  return undefined;
}
