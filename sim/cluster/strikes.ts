// The fault plan: what goes wrong, when, and what ends it. Every class of faults has its own stream
// of chance, so that leaving one out does not change what the others do.

import { assert } from '../../src/base/assert.ts';
import type { Prng } from '../../src/base/prng.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { DiskCall, NameCall } from '../disk-traps.ts';
import type { Cluster } from './cluster.ts';
import { FAULT_CLASSES, type FaultClass } from './fault-classes.ts';
import { forge } from './forger.ts';
import { type CutKind, cut } from './partitions.ts';
import type { SimMember } from './sim-member.ts';
import { coup, oldTail, solitude, twoLives } from './traps.ts';

/** Answers whether it struck: sometimes nobody is there whom it may hit. */
type Strike = (cluster: Cluster, random: Prng) => boolean;

const STRIKES: Partial<Record<FaultClass, Strike>> = {
  delay: slowLink,
  isolate: (cluster, random) => partition(cluster, random, 'isolate', 'cutIsolated'),
  halves: (cluster, random) => partition(cluster, random, 'halves', 'cutHalves'),
  ring: (cluster, random) => partition(cluster, random, 'ring', 'cutRing'),
  oneWay: (cluster, random) => partition(cluster, random, 'oneWay', 'cutOneWay'),
  reset: resetStreams,
  kill: (cluster, random) => crashOne(cluster, random, 'kill'),
  powerLoss: (cluster, random) => crashOne(cluster, random, 'powerLoss'),
  blackout: blackOut,
  pause,
  drift,
  jump,
  clocksApart,
  rot,
  bitFlip: (cluster, random) => silentFault(cluster, random, 'bitFlip'),
  misdirect: (cluster, random) => silentFault(cluster, random, 'misdirect'),
  readError: (cluster, random) => loudFault(cluster, random, 'readError'),
  writeError: (cluster, random) => loudFault(cluster, random, 'writeError'),
  syncError: (cluster, random) => loudFault(cluster, random, 'syncError'),
  fullDisk,
  slowDisk,
  wipe: (cluster, random) => {
    const member = oneOf(frailOf(cluster), random);
    return member !== undefined && cluster.wipe(member);
  },
  interruptSnapshot,
  coup,
  solitude,
  nameError,
  twoLives,
  crashAtCall,
  oldTail,
  forger: forge,
};

/** Of a member. */
const DIRECTORIES = ['wal', 'wal', 'store'] as const;

/** Some classes change so much that once per run is enough. */
const ONCE: ReadonlySet<FaultClass> = new Set<FaultClass>(['wipe', 'rot']);
/** Many of them wait for calls that do not come. */
const OFTEN: ReadonlySet<FaultClass> = new Set<FaultClass>([
  'nameError',
  'twoLives',
  'crashAtCall',
  'oldTail',
  'forger',
]);
const MISSED_AGAIN_MS = 200;
/** Snapshots are sent in a few milliseconds: who wants to disturb one must look often. */
const WATCH_MS = 5;

export function plan(cluster: Cluster): void {
  const { faults, weather } = cluster.scenario;
  cluster.world.network.links.all({
    lossRate: weather.lossRate,
    delayMsMean: weather.delayMsMean,
    duplicateRate: weather.datagramRate,
    lateRate: weather.datagramRate,
    lateMs: 100,
  });
  for (const name of FAULT_CLASSES) {
    const strike = STRIKES[name];
    if (strike !== undefined && faults.has(name)) schedule(cluster, name, strike);
  }
}

function schedule(cluster: Cluster, name: FaultClass, strike: Strike): void {
  const random = cluster.world.random(`strike ${name}`);
  const { strikeEveryMs } = cluster.scenario;
  const again = (delayMs: number): void =>
    cluster.world.after(delayMs, () => {
      if (cluster.isHealing) return;
      const isDone = strike(cluster, random);
      if (isDone && ONCE.has(name)) return;
      const missedMs = name === 'interruptSnapshot' ? WATCH_MS : MISSED_AGAIN_MS;
      const doneMs = OFTEN.has(name) ? strikeEveryMs : 2 * strikeEveryMs;
      again(isDone ? random.below(doneMs) : missedMs);
    });
  again(500 + random.below(2 * strikeEveryMs));
}

/** Everything is well from now on, but for what is lost already. */
export function heal(cluster: Cluster): void {
  cluster.isHealing = true;
  const { links } = cluster.world.network;
  links.all({ lossRate: 0, delayMsMean: 0.1, duplicateRate: 0, lateRate: 0 });
  links.heal();
  for (const member of cluster.members.values()) {
    member.machine.disk.relent();
    member.machine.disk.rules({ capacityBytes: 1024 ** 4, slowFactor: 1 });
    if (cluster.scenario.faults.has('clocksApart')) {
      member.machine.setClockRates({ wall: 0, monotonic: 0 });
    }
    member.machine.resume();
    cluster.start(member);
  }
}

// --- network ------------------------------------------------------------------------------------

function slowLink(cluster: Cluster, random: Prng): boolean {
  const [a, b] = [oneOf(cluster.running(), random), oneOf(cluster.running(), random)];
  if (a === undefined || b === undefined || a === b) return false;
  const { links } = cluster.world.network;
  const delayMsMean = 20 + random.below(300);
  links.one(a.machine.index, b.machine.index, { delayMsMean });
  cluster.counters.linksSlowed += 1;
  cluster.note('--', 'fault', `m${a.id} to m${b.id} takes ${delayMsMean} ms`);
  cluster.world.after(500 + random.below(3_000), () => {
    links.one(a.machine.index, b.machine.index, links.rulesOfAll);
  });
  return true;
}

function partition(
  cluster: Cluster,
  random: Prng,
  kind: CutKind,
  counter: 'cutIsolated' | 'cutHalves' | 'cutRing' | 'cutOneWay',
): boolean {
  const members = [...cluster.members.values()]
    .filter(({ state }) => state !== 'retired')
    .map(({ machine }) => machine.index);
  const isMember = new Set(members);
  const others = [...cluster.world.machines]
    .map(({ index }) => index)
    .filter((index) => !isMember.has(index));
  if (members.length < 2 && kind !== 'isolate') return false;
  const { links } = cluster.world.network;
  const text = cut(kind, links, members, others, random);
  cluster.counters[counter] += 1;
  cluster.note('--', 'fault', `cut: ${text}`);
  cluster.world.after(300 + random.below(6_000), () => {
    cluster.note('--', 'fault', 'network mended');
    links.mendAll();
  });
  return true;
}

function resetStreams(cluster: Cluster, random: Prng): boolean {
  const [a, b] = [oneOf(cluster.running(), random), oneOf(cluster.running(), random)];
  if (a === undefined || b === undefined || a === b) return false;
  const count = cluster.world.network.streams.reset(a.machine.index, b.machine.index);
  cluster.counters.streamsCut += count;
  cluster.note('--', 'fault', `${count} streams between m${a.id} and m${b.id} reset`);
  return count > 0;
}

/** Somebody lacks entries that are purged: while a snapshot is on its way, it is disturbed. */
function interruptSnapshot(cluster: Cluster, random: Prng): boolean {
  for (const shard of cluster.shards) {
    const leader = cluster.leaderOf(shard);
    const firstIndex = leader === undefined ? 0 : cluster.status(leader, shard)?.firstIndex;
    if (leader === undefined || firstIndex === undefined) continue;
    const lacking = cluster
      .running()
      .find((member) => (cluster.status(member, shard)?.lastIndex ?? firstIndex) + 1 < firstIndex);
    if (lacking === undefined) continue;
    cluster.world.after(random.below(20), () => disturb(cluster, random, shard, leader, lacking));
    return true;
  }
  return false;
}

function disturb(
  cluster: Cluster,
  random: Prng,
  shard: ShardId,
  sender: SimMember,
  receiver: SimMember,
): void {
  if (!sender.isUp || !receiver.isUp) return;
  cluster.counters.snapshotsInterrupted += 1;
  cluster.note(`m${receiver.id}`, 'fault', `its snapshot from m${sender.id} is disturbed`);
  const how = random.below(7);
  if (how === 4) {
    cluster.counters.snapshotsMetFullDisk += 1;
    fillFor(cluster, receiver, random.below(3_000), 500 + random.below(2_000));
  } else if (how === 5) {
    cluster.counters.snapshotsMetSlowDisk += 1;
    slowFor(cluster, receiver, 100, 500 + random.below(2_000));
  } else if (how === 6) transferFrom(cluster, random, shard, sender);
  else if (how === 0) cluster.crash(sender, 'kill');
  else if (how === 1) cluster.crash(receiver, 'kill');
  else if (how === 2) cluster.crash(receiver, 'powerLoss');
  else cluster.world.network.streams.reset(sender.machine.index, receiver.machine.index);
}

/** A state that is being sent comes from a member that does not lead any more. */
function transferFrom(cluster: Cluster, random: Prng, shard: ShardId, sender: SimMember): void {
  const heir = oneOf(cluster.running(), random);
  if (heir === undefined) return;
  if (sender.program?.host.transferLeader(shard, heir.id).kind === 'started') {
    cluster.counters.snapshotsMetTransfer += 1;
  }
}

// --- processes and clocks -----------------------------------------------------------------------

function crashOne(cluster: Cluster, random: Prng, how: 'kill' | 'powerLoss'): boolean {
  const leader = cluster.leaderOf(1);
  const victim = random.below(3) === 0 ? leader : oneOf(alive(cluster), random);
  if (victim === undefined || !cluster.crash(victim, how)) return false;
  if (how === 'kill') cluster.counters.processesKilled += 1;
  return true;
}

/** The power fails everywhere at once: what was promised must be on the disks. */
function blackOut(cluster: Cluster): boolean {
  const victims = alive(cluster);
  if (victims.length === 0) return false;
  if (!victims.every((member) => cluster.faultBudget.mayCrash(member, cluster.nowMs))) return false;
  for (const victim of victims) cluster.crash(victim, 'blackout');
  cluster.counters.blackouts += 1;
  return true;
}

function pause(cluster: Cluster, random: Prng): boolean {
  const leader = cluster.leaderOf(1);
  const victim = random.below(2) === 0 ? leader : oneOf(alive(cluster), random);
  if (victim === undefined) return false;
  const forMs = [20, 200, 1_000, 4_000][random.below(4)] as number;
  cluster.note(`m${victim.id}`, 'fault', `paused for ${forMs} ms`);
  victim.machine.pause();
  cluster.world.after(forMs, () => victim.machine.resume());
  return true;
}

/** Within what leases allow for: see the margin of Raft's lease. */
const DRIFT_PPM_MAX = 20_000;

function drift(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf([...cluster.members.values()], random);
  if (victim === undefined) return false;
  const partsPerMillion = random.below(2 * DRIFT_PPM_MAX) - DRIFT_PPM_MAX;
  cluster.note(`m${victim.id}`, 'fault', `clock drifts ${partsPerMillion} ppm`);
  victim.machine.drift(partsPerMillion);
  return true;
}

/** Far beyond that margin, to the slow side. */
const SLOW_PPM_MAX = 500_000;

/**
 * Wall and monotonic clock go apart. A wall clock that is put right slowly is harmless. A monotonic
 * clock that is slow makes a lease last too long: its member has to notice, by the other clock.
 */
function clocksApart(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf([...cluster.members.values()], random);
  if (victim === undefined) return false;
  const isWall = random.below(2) === 0;
  const wall = isWall ? random.below(2 * DRIFT_PPM_MAX) - DRIFT_PPM_MAX : 0;
  const monotonic = isWall ? 0 : -random.below(SLOW_PPM_MAX);
  cluster.note(`m${victim.id}`, 'fault', `clocks go apart: wall ${wall}, monotonic ${monotonic}`);
  victim.machine.setClockRates({ wall, monotonic });
  return true;
}

function jump(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf([...cluster.members.values()], random);
  if (victim === undefined) return false;
  const byMs = (random.below(2) === 0 ? 1 : -1) * random.below(86_400_000);
  cluster.note(`m${victim.id}`, 'fault', `wall clock jumps ${byMs} ms`);
  victim.machine.jumpWall(byMs);
  return true;
}

// --- disks --------------------------------------------------------------------------------------

/** Old enough that marks and later writes stand behind it. */
const ROT_AGE_MS = 2_000;

function rot(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf(frailOf(cluster), random);
  if (victim === undefined) return false;
  const path = victim.machine.disk.rot(ROT_AGE_MS);
  if (path === undefined) return false;
  victim.isHarmed = true;
  cluster.note(`m${victim.id}`, 'fault', `a bit of ${path} rots`);
  // Rot shows when it is read: mostly at the next start.
  cluster.world.after(random.below(1_000), () => void cluster.crash(victim, 'kill'));
  return true;
}

function silentFault(cluster: Cluster, random: Prng, fault: 'bitFlip' | 'misdirect'): boolean {
  const victim = oneOf(frailOf(cluster), random);
  if (victim === undefined) return false;
  victim.machine.disk.failNext(fault);
  victim.isHarmed = true;
  cluster.note(`m${victim.id}`, 'fault', `${fault} ordered`);
  return true;
}

function loudFault(
  cluster: Cluster,
  random: Prng,
  fault: 'readError' | 'writeError' | 'syncError',
): boolean {
  const victim = oneOf(alive(cluster), random);
  if (victim === undefined) return false;
  victim.machine.disk.failNext(fault);
  cluster.note(`m${victim.id}`, 'fault', `${fault} ordered`);
  // Members read when they start.
  if (fault === 'readError') cluster.crash(victim, 'kill');
  return true;
}

/** Asked at the start of a process, and hardly ever later. */
const CALLS_AT_START: readonly NameCall[] = ['list', 'makeDirectory', 'open', 'size', 'truncate'];
const CALLS_LATER: readonly NameCall[] = ['open', 'close', 'rename', 'remove', 'syncDirectory'];
/** A member makes few of them: the next one is taken. */
const RARE_CALLS: ReadonlySet<NameCall> = new Set<NameCall>(['close', 'rename', 'remove']);

function nameError(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf(alive(cluster), random);
  const isAtStart = random.below(5) === 0;
  const call = oneOf(isAtStart ? CALLS_AT_START : CALLS_LATER, random);
  const directory = oneOf(DIRECTORIES, random);
  const spared = call === undefined || RARE_CALLS.has(call) ? 0 : random.below(3);
  if (victim === undefined || call === undefined || directory === undefined) return false;
  victim.machine.disk.setTrap({ call, directory, spared, strike: 'fail' });
  cluster.note(`m${victim.id}`, 'fault', `${call} in ${directory} shall fail, after ${spared}`);
  if (isAtStart) cluster.crash(victim, 'kill');
  return true;
}

/** Every write and every sync is a moment to die, those within one turn above all. */
const CALLS_TO_DIE_AT: readonly DiskCall[] = ['write', 'sync', 'sync', 'truncate', 'rename'];
const SPARED_MAX = 40;

function crashAtCall(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf(alive(cluster), random);
  const call = oneOf(CALLS_TO_DIE_AT, random);
  const directory = oneOf(DIRECTORIES, random);
  const how = oneOf(['kill', 'powerLoss', 'blackout'] as const, random);
  if (victim === undefined || call === undefined) return false;
  if (directory === undefined || how === undefined) return false;
  const spared = random.below(SPARED_MAX);
  const strike = (): void => {
    if (cluster.isHealing || !cluster.crash(victim, how)) return;
    cluster.counters.crashesAtCalls += 1;
  };
  victim.machine.disk.setTrap({ call, directory, spared, strike });
  cluster.note(`m${victim.id}`, 'fault', `${how} at a ${call} in ${directory}, after ${spared}`);
  return true;
}

function fullDisk(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf(alive(cluster), random);
  if (victim === undefined) return false;
  cluster.counters.diskShrunk += 1;
  fillFor(cluster, victim, random.below(20_000), 1_000 + random.below(5_000));
  return true;
}

function fillFor(cluster: Cluster, victim: SimMember, freeBytes: number, forMs: number): void {
  const { disk } = victim.machine;
  disk.rules({ capacityBytes: disk.usedBytes + freeBytes });
  cluster.note(`m${victim.id}`, 'fault', 'disk nearly full');
  cluster.world.after(forMs, () => {
    disk.rules({ capacityBytes: 1024 ** 4 });
    cluster.note(`m${victim.id}`, 'fault', 'disk has room again');
  });
}

const SLOW_SYNC_MS_MAX = 800;

function slowDisk(cluster: Cluster, random: Prng): boolean {
  const victim = oneOf(alive(cluster), random);
  if (victim === undefined) return false;
  const drawn = [10, 100, 2_000][random.below(3)] as number;
  slowFor(cluster, victim, drawn, 1_000 + random.below(4_000));
  return true;
}

function slowFor(cluster: Cluster, victim: SimMember, factor: number, forMs: number): void {
  // A call that is under way when the plan ends takes its time all the same.
  const slowFactor = Math.min(factor, SLOW_SYNC_MS_MAX / cluster.scenario.syncMs);
  const { disk } = victim.machine;
  disk.rules({ slowFactor });
  cluster.note(`m${victim.id}`, 'fault', `disk ${Math.round(slowFactor)} times slower`);
  cluster.world.after(forMs, () => disk.rules({ slowFactor: 1 }));
}

// --- whom it may hit ----------------------------------------------------------------------------

/** Some of them may still be starting, or stopping. */
function alive(cluster: Cluster): SimMember[] {
  const isThere = ({ state }: SimMember): boolean =>
    state === 'up' || state === 'starting' || state === 'stopping';
  return [...cluster.members.values()].filter(isThere);
}

function frailOf(cluster: Cluster): SimMember[] {
  return cluster
    .running()
    .filter((member) => cluster.faultBudget.mayHarm(member) && !member.isWiped);
}

export function oneOf<T>(items: readonly T[], random: Prng): T | undefined {
  if (items.length === 0) return undefined;
  const item = items[random.below(items.length)];
  assert(item !== undefined, 'an item of the list');
  return item;
}
