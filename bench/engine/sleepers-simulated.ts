// The story of `sleepers.bench.ts` on virtual time: what the protocol takes, whatever the machine
// takes. Members, log, store and connections are the real ones, network and disks are simulated.

import { HostCluster } from '../../test/support/host-cluster.ts';
import type { Figures } from './runs.ts';
import { homeOf } from './shards-report.ts';

const IDS = [1, 2, 3];
const VICTIM = 1;
const PATIENCE_MS = 120_000;
const STEP_MS = 5;
/** Between two looks at whether all is at rest. */
const PROBE_MS = 600;
/** No sync of the story ends. */
const STILL = { slowFactor: 10_000_000 };
const WAL = { segmentBytes: 8 * 1024 * 1024, batchBytesMax: 256 * 1024, reserveBytes: 2 ** 25 };

interface Story {
  readonly title: string;
  readonly strike: (cluster: HostCluster) => void;
}

const STORIES: readonly Story[] = [
  { title: 'its process is killed', strike: (cluster) => cluster.kill(VICTIM) },
  { title: 'its power fails', strike: (cluster) => cluster.losePower(VICTIM) },
  {
    title: 'it is cut off',
    strike: ({ world }) => world.network.partition([VICTIM - 1], [1, 2]),
  },
  {
    title: 'it is killed and started at once',
    strike: (cluster) => {
      cluster.kill(VICTIM);
      void cluster.restart(VICTIM);
    },
  },
  { title: 'its disk stands still, one shard is written', strike: standStill },
];

export async function simulateSleepers(
  shards: number,
  ledAgainMsMax: number,
  figures: Figures,
): Promise<void> {
  const cluster = await HostCluster.start({ seed: 1, shards, wal: WAL });
  await rest(cluster, 'founded');
  for (const { strike, title } of STORIES) {
    const times = await timesOf(cluster, strike);
    const [p50, p99, last] = [0.5, 0.99, 1].map((part) => quantile(times, part));
    const count = `${times.length} shards led again`;
    console.log(`${title}: ${count}, ms p50 ${p50}, p99 ${p99}, all ${last}`);
    figures.atMost(`${title}: ms until all are led`, last ?? PATIENCE_MS, ledAgainMsMax);
    cluster.world.network.links.mendAll();
    cluster.machine(VICTIM).disk.rules({ slowFactor: 1 });
    if (cluster.planes.has(VICTIM)) cluster.kill(VICTIM);
    await cluster.restart(VICTIM);
    await rest(cluster, '  the member is back');
  }
}

/** A write to one of its shards, asked of the member itself: nobody else has a reason to. */
function standStill(cluster: HostCluster): void {
  cluster.machine(VICTIM).disk.rules(STILL);
  const shard = cluster.shards.find((one) => cluster.status(VICTIM, one)?.role === 'leader');
  if (shard !== undefined) void cluster.write(VICTIM, 'a=1', shard);
}

/** For each shard that the victim leads: how long until another one is in office. */
async function timesOf(
  cluster: HostCluster,
  strike: (cluster: HostCluster) => void,
): Promise<number[]> {
  const { world } = cluster;
  const termOf = new Map<number, number>();
  for (const shard of cluster.shards) {
    const status = cluster.status(VICTIM, shard);
    if (status?.role === 'leader') termOf.set(shard, status.term);
  }
  const cpu = process.cpuUsage();
  const beginMs = world.nowMs;
  const times: number[] = [];
  strike(cluster);
  while (termOf.size > 0 && world.nowMs - beginMs < PATIENCE_MS) {
    await world.runFor(STEP_MS);
    for (const [shard, term] of termOf) {
      if (!isLedAfter(cluster, shard, term)) continue;
      termOf.delete(shard);
      times.push(Math.round(world.nowMs - beginMs));
    }
  }
  for (const _ of termOf) times.push(Number.POSITIVE_INFINITY);
  const { user } = process.cpuUsage(cpu);
  console.log(`  (${(user / 1_000_000).toFixed(1)} s of processor for three members)`);
  return times;
}

/** A leader of a later term that has applied an entry of it can serve. */
function isLedAfter(cluster: HostCluster, shard: number, term: number): boolean {
  return IDS.some((id) => {
    const status = cluster.status(id, shard);
    return status?.role === 'leader' && status.term > term && status.applied.term === status.term;
  });
}

/** Runs until each member leads its third and all shards hibernate. */
async function rest(cluster: HostCluster, title: string): Promise<void> {
  const { world } = cluster;
  const beginMs = world.nowMs;
  while (!isAtRest(cluster)) {
    if (world.nowMs - beginMs > PATIENCE_MS) throw new Error('the shards do not come to rest');
    await world.runFor(PROBE_MS);
  }
  const terms = cluster.shards.map((shard) => cluster.status(VICTIM, shard)?.term ?? 0);
  const seconds = ((world.nowMs - beginMs) / 1_000).toFixed(1);
  console.log(`${title}: at rest after ${seconds} s, latest term ${Math.max(...terms)}`);
}

/** Leaders that are not at home are sent there. */
function isAtRest(cluster: HostCluster): boolean {
  let isRest = true;
  for (const shard of cluster.shards) {
    const home = homeOf(shard, IDS.length);
    const leader = cluster.leader(shard);
    if (leader !== 0 && leader !== home) cluster.plane(leader).host.transferLeader(shard, home);
    if (leader !== home || !IDS.every((id) => cluster.status(id, shard)?.isHibernating)) {
      isRest = false;
    }
  }
  return isRest;
}

function quantile(times: readonly number[], part: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}
