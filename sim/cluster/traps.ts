// Traps: faults that come together at the one moment when they bite. Left to chance, it would take
// thousands of seeds to meet it.

import { type Prng, shuffle } from '../../src/base/prng.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import { encodeCommand } from '../../src/replica/state/index.ts';
import type { Cluster } from './cluster.ts';
import type { Site } from './site.ts';
import * as words from './words.ts';

/** The heir must take over by then. */
const HANDOVER_MS = 1_000;
const PROBE_MS = 20;
/** Registers and counters of clients have other names. */
const KEY = 'probe';

/**
 * The leader B hands over to A, and C does not hear of it. As soon as A leads, it is alone and B
 * loses power. When B is back, C asks for its vote in the very term in which A has it already.
 */
export function coup(cluster: Cluster, random: Prng): boolean {
  const shard = drawn(cluster.shards, random);
  const voter = shard === undefined ? undefined : cluster.leaderOf(shard);
  if (shard === undefined || voter?.program === undefined) return false;
  const { host } = voter.program;
  const voters = host.status(shard)?.config.voters ?? [];
  const peers = cluster.running().filter((site) => site !== voter && voters.includes(site.id));
  shuffle(peers, random);
  const [heir, deaf] = peers;
  if (heir === undefined || deaf === undefined) return false;
  if (host.transferLeader(shard, heir.id).kind !== 'started') return false;
  separate(cluster, heir, [deaf]);
  cluster.note('--', 'fault', `m${heir.id} takes over shard ${shard}, m${deaf.id} is not told`);
  const untilMs = cluster.nowMs + HANDOVER_MS;
  const look = (): void => {
    if (cluster.isHealing || cluster.nowMs > untilMs) return;
    const status = cluster.status(heir, shard);
    if (status?.role !== 'leader') {
      cluster.world.after(1, look);
      return;
    }
    cluster.oracle.observe(heir.id, heir.life, status);
    separate(cluster, heir, othersOf(cluster, heir));
    if (cluster.crash(voter, 'powerLoss')) cluster.counters.coups += 1;
  };
  look();
  mendAfter(cluster, HANDOVER_MS + random.below(5_000));
  return true;
}

/**
 * A leader is alone for a while, and sleeps or stands still, while others agree on something new:
 * then it is asked for what was true under its lease.
 */
export function solitude(cluster: Cluster, random: Prng): boolean {
  const shard = drawn(cluster.shards, random);
  const leader = shard === undefined ? undefined : cluster.leaderOf(shard);
  if (shard === undefined || leader === undefined) return false;
  const others = othersOf(cluster, leader);
  if (others.length < 2) return false;
  const idleMs = [0, 400, 1_000, 2_500][random.below(4)] as number;
  const isStopped = random.below(2) === 0;
  const aloneMs = idleMs + 1_000 + random.below(1_500);
  cluster.counters.solitudes += 1;
  cluster.note('--', 'fault', `m${leader.id} is alone for ${aloneMs} ms`);
  separate(cluster, leader, others);
  if (isStopped) leader.machine.pause();
  const { life } = leader;
  const askedMs = cluster.nowMs + idleMs;
  const untilMs = cluster.nowMs + aloneMs;
  const probe = (): void => {
    if (cluster.isHealing || leader.life !== life) return;
    const successor = cluster.leaderOf(shard);
    if (successor !== leader && successor !== undefined) write(cluster, successor, shard);
    if (cluster.nowMs >= askedMs) {
      leader.machine.resume();
      read(cluster, leader, shard);
    }
    if (cluster.nowMs < untilMs) cluster.world.after(PROBE_MS, probe);
  };
  probe();
  mendAfter(cluster, aloneMs);
  return true;
}

/**
 * Members die between a change of names and its sync. The next process finds the new names in the
 * system's memory, builds upon them and promises; then its power fails, before it has synced names
 * for reasons of its own or some time later. What the dead has named must be durable by then.
 */
export function twoLives(cluster: Cluster, random: Prng): boolean {
  const victims = cluster.running();
  shuffle(victims, random);
  const count = random.below(3) === 0 ? 1 : victims.length;
  const directory = random.below(3) > 0 ? 'wal' : 'store';
  const call = directory === 'wal' && random.below(4) === 0 ? 'remove' : 'rename';
  const second = random.below(4);
  const laterMs = random.below(1_500);
  for (const victim of victims.slice(0, count)) {
    cluster.note(`m${victim.id}`, 'fault', `dies after a ${call} in ${directory}, and once more`);
    const dieAgain = (): void => {
      if (cluster.isHealing || !cluster.crash(victim, 'blackout')) return;
      cluster.counters.secondLives += 1;
    };
    betweenNameAndSync(victim, directory, call, () => {
      if (cluster.isHealing || !cluster.crash(victim, 'kill')) return;
      if (second === 0) betweenNameAndSync(victim, directory, call, dieAgain);
      else if (second === 1) onceUp(cluster, victim, () => cluster.world.after(laterMs, dieAgain));
      else onceUp(cluster, victim, () => beforeSync(victim, directory, dieAgain));
    });
  }
  return count > 0;
}

/** Strikes when `call` has changed a name in `directory` and the sync of it is asked for. */
function betweenNameAndSync(
  site: Site,
  directory: string,
  call: 'rename' | 'remove',
  strike: () => void,
): void {
  const strikeAtSync = (): void => beforeSync(site, directory, strike);
  site.machine.disk.lieInWait({ call, directory, spared: 0, strike: strikeAtSync });
}

function beforeSync({ machine: { disk } }: Site, directory: string, strike: () => void): void {
  disk.lieInWait({ call: 'syncDirectory', directory, spared: 0, strike });
}

function onceUp(cluster: Cluster, site: Site, act: () => void): void {
  const look = (): void => {
    if (cluster.isHealing) return;
    if (site.isUp) act();
    else cluster.world.after(PROBE_MS, look);
  };
  look();
}

function write(cluster: Cluster, { program }: Site, shard: ShardId): void {
  const { nowMs, oracle } = cluster;
  const payload = encodeCommand({ kind: 'plain', body: words.put(KEY, Math.floor(nowMs)) });
  program?.host.propose(shard, payload, (outcome) => {
    if (outcome.kind === 'applied') oracle.acknowledged(shard, outcome.index);
  });
}

function read(cluster: Cluster, { program }: Site, shard: ShardId): void {
  const { counters, machine, oracle } = cluster;
  const question = words.get(KEY);
  const floor = oracle.floor(shard);
  program?.host.read(shard, 'lease', question, (answer) => {
    if (answer.kind === 'refused') counters.readsRefused += 1;
    else oracle.fresh(shard, machine, question, answer, floor);
  });
}

function othersOf(cluster: Cluster, site: Site): Site[] {
  return [...cluster.sites.values()].filter((other) => other !== site && other.state !== 'retired');
}

function separate(cluster: Cluster, site: Site, others: readonly Site[]): void {
  const { links } = cluster.world.network;
  for (const { machine } of others) {
    links.cut(site.machine.index, machine.index);
    links.cut(machine.index, site.machine.index);
  }
}

function mendAfter(cluster: Cluster, delayMs: number): void {
  cluster.world.after(delayMs, () => {
    cluster.note('--', 'fault', 'network mended');
    cluster.world.network.links.mendAll();
  });
}

function drawn<T>(items: readonly T[], random: Prng): T | undefined {
  return items.length === 0 ? undefined : items[random.below(items.length)];
}
