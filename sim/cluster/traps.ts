// Traps: faults that come together at the one moment when they bite. Left to chance, it would take
// thousands of seeds to meet it.

import { type Prng, shuffle } from '../../src/base/prng.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import { encodeCommand } from '../../src/replica/state/index.ts';
import type { Cluster } from './cluster.ts';
import * as kv from './kv-commands.ts';
import type { SimMember } from './sim-member.ts';

/** The heir must take over by then. */
const HANDOVER_MS = 1_000;
const PROBE_MS = 20;
/** Commands that a leader takes while it is alone. */
const TAIL_MAX = 6;
/** Others must have agreed on something else by then. */
const ALONE_MS = 6_000;
const SYNCS_SPARED_MAX = 4;
/** Enough to write something down and send it. */
const DEAF_MS_MAX = 40;
/** Commands after which a log is cut. */
const MUCH = 25;
/** Much less than a sync takes. */
const STEP_MS = 0.1;
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
  const peers = cluster
    .running()
    .filter((member) => member !== voter && voters.includes(member.id));
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
 * then it is asked for what was true under its lease. Some hear nothing before they are alone:
 * others have the commands that they took then, and decide about them.
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
  const { life } = leader;
  const beginMs = random.below(2) === 0 ? 0 : deafen(cluster, leader, shard, random);
  cluster.counters.solitudes += 1;
  cluster.world.after(beginMs, () => {
    if (cluster.isHealing) return;
    cluster.note('--', 'fault', `m${leader.id} is alone for ${aloneMs} ms`);
    separate(cluster, leader, others);
    if (isStopped && leader.life === life) leader.machine.pause();
    probe();
  });
  const askedMs = cluster.nowMs + beginMs + idleMs;
  const untilMs = cluster.nowMs + beginMs + aloneMs;
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
  mendAfter(cluster, beginMs + aloneMs);
  return true;
}

/** The leader is heard and hears nobody. It takes commands; answers how long it has for them. */
function deafen(cluster: Cluster, leader: SimMember, shard: ShardId, random: Prng): number {
  const { links } = cluster.world.network;
  for (const { machine } of othersOf(cluster, leader)) {
    links.cut(machine.index, leader.machine.index);
  }
  const count = 1 + random.below(TAIL_MAX);
  for (let i = 0; i < count; i++) write(cluster, leader, shard);
  cluster.note('--', 'fault', `m${leader.id} hears nobody about ${count} commands`);
  return 1 + random.below(DEAF_MS_MAX);
}

/**
 * A leader is alone and takes commands that nobody else gets. Others agree on other commands in
 * their place. When it hears of them, on new connections, it mostly dies at one of the syncs with
 * which it writes them down: what its log then says is committed must be what was committed. If it
 * lives, what it had read of the old commands must not be taken for the new ones.
 */
export function oldTail(cluster: Cluster, random: Prng): boolean {
  const shard = drawn(cluster.shards, random);
  const leader = shard === undefined ? undefined : cluster.leaderOf(shard);
  if (shard === undefined || leader === undefined) return false;
  const others = othersOf(cluster, leader);
  if (others.length < 2) return false;
  const { life } = leader;
  const count = 1 + random.below(TAIL_MAX);
  separate(cluster, leader, others);
  for (let i = 0; i < count; i++) write(cluster, leader, shard);
  cluster.note('--', 'fault', `m${leader.id} is alone with ${count} commands for shard ${shard}`);
  const untilMs = cluster.nowMs + ALONE_MS;
  const look = (): void => {
    const tail = leader.life === life ? cluster.status(leader, shard) : undefined;
    if (cluster.isHealing) return;
    if (tail === undefined || cluster.nowMs > untilMs) {
      mend(cluster);
      return;
    }
    const successor = cluster.leaderOf(shard);
    if (successor === undefined || successor === leader) {
      cluster.world.after(PROBE_MS, look);
      return;
    }
    const news = cluster.status(successor, shard);
    if (news === undefined || news.commit <= tail.lastIndex) {
      write(cluster, successor, shard);
      cluster.world.after(1, look);
      return;
    }
    mend(cluster);
    for (const { machine } of others) {
      cluster.world.network.streams.reset(leader.machine.index, machine.index);
    }
    if (random.below(3) > 0) dieInTurn(cluster, leader, shard, news.term, random);
    else cluster.counters.oldTailsOutlived += 1;
  };
  look();
  return true;
}

/** As soon as it knows the new term, at one of the next syncs: they belong to one turn, or two. */
function dieInTurn(
  cluster: Cluster,
  victim: SimMember,
  shard: ShardId,
  term: number,
  random: Prng,
): void {
  const { life } = victim;
  const untilMs = cluster.nowMs + ALONE_MS;
  const spared = random.below(SYNCS_SPARED_MAX);
  const how = random.below(3) === 0 ? 'powerLoss' : 'blackout';
  const strike = (): void => {
    if (cluster.isHealing || !cluster.crash(victim, how)) return;
    cluster.counters.oldTails += 1;
  };
  const look = (): void => {
    if (cluster.isHealing || victim.life !== life || cluster.nowMs > untilMs) return;
    if ((cluster.status(victim, shard)?.term ?? 0) < term) cluster.world.after(STEP_MS, look);
    else victim.machine.disk.setTrap({ call: 'sync', directory: 'wal', spared, strike });
  };
  look();
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
  if (directory === 'store') writeMuch(cluster);
  for (const victim of victims.slice(0, count)) {
    cluster.note(`m${victim.id}`, 'fault', `dies after a ${call} in ${directory}, and once more`);
    const dieAgain = (): void => {
      if (cluster.isHealing || !cluster.crash(victim, 'blackout')) return;
      cluster.counters.secondLives += 1;
    };
    betweenNameAndSync(victim, directory, call, () => {
      if (cluster.isHealing || !cluster.crash(victim, 'kill')) return;
      if (directory === 'store') onceUp(cluster, victim, () => writeMuch(cluster));
      if (second === 0) betweenNameAndSync(victim, directory, call, dieAgain);
      else if (second === 1) onceUp(cluster, victim, () => cluster.world.after(laterMs, dieAgain));
      else onceUp(cluster, victim, () => beforeSync(victim, directory, dieAgain));
    });
  }
  return count > 0;
}

/** Logs are cut behind what stores hold, and only when there is much to cut. */
function writeMuch(cluster: Cluster): void {
  const { scenario, shards } = cluster;
  for (const shard of shards.slice(0, scenario.shards)) {
    const leader = cluster.leaderOf(shard);
    if (leader === undefined) continue;
    for (let i = 0; i < MUCH; i++) write(cluster, leader, shard);
  }
}

/** Strikes when `call` has changed a name in `directory` and the sync of it is asked for. */
function betweenNameAndSync(
  member: SimMember,
  directory: string,
  call: 'rename' | 'remove',
  strike: () => void,
): void {
  const strikeAtSync = (): void => beforeSync(member, directory, strike);
  member.machine.disk.setTrap({ call, directory, spared: 0, strike: strikeAtSync });
}

function beforeSync({ machine: { disk } }: SimMember, directory: string, strike: () => void): void {
  disk.setTrap({ call: 'syncDirectory', directory, spared: 0, strike });
}

function onceUp(cluster: Cluster, member: SimMember, act: () => void): void {
  const look = (): void => {
    if (cluster.isHealing) return;
    if (member.isUp) act();
    else cluster.world.after(PROBE_MS, look);
  };
  look();
}

function write(cluster: Cluster, { program }: SimMember, shard: ShardId): void {
  const { counters, oracle } = cluster;
  counters.probesWritten += 1;
  const body = kv.put(KEY, counters.probesWritten);
  const reference = oracle.reference(shard);
  reference.begin(body);
  program?.host.propose(shard, encodeCommand({ kind: 'plain', body }), (outcome) => {
    if (outcome.kind === 'applied') {
      reference.confirm(body, outcome.index);
      oracle.acknowledged(shard, outcome.index);
    } else if (outcome.kind === 'refused') reference.refuse(body);
  });
}

function read(cluster: Cluster, { program }: SimMember, shard: ShardId): void {
  const { counters, oracle, stateMachine } = cluster;
  const question = kv.get(KEY);
  const floor = oracle.floor(shard);
  program?.host.read(shard, 'lease', question, (answer) => {
    if (answer.kind === 'refused') counters.readsRefused += 1;
    else oracle.fresh(shard, stateMachine, question, answer, floor);
  });
}

function othersOf(cluster: Cluster, member: SimMember): SimMember[] {
  return [...cluster.members.values()].filter(
    (other) => other !== member && other.state !== 'retired',
  );
}

function separate(cluster: Cluster, member: SimMember, others: readonly SimMember[]): void {
  const { links } = cluster.world.network;
  for (const { machine } of others) {
    links.cut(member.machine.index, machine.index);
    links.cut(machine.index, member.machine.index);
  }
}

function mendAfter(cluster: Cluster, delayMs: number): void {
  cluster.world.after(delayMs, () => mend(cluster));
}

function mend(cluster: Cluster): void {
  cluster.note('--', 'fault', 'network mended');
  cluster.world.network.links.mendAll();
}

function drawn<T>(items: readonly T[], random: Prng): T | undefined {
  return items.length === 0 ? undefined : items[random.below(items.length)];
}
