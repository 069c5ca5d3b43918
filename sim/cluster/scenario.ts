// What one seed is about. Each seed draws its own subset of faults and limits ("swarm testing"):
// all of them at a low rate would hide those that only bite together, or alone.

import type { Random } from '../../src/base/capabilities.ts';
import { LIMITS } from '../../src/base/limits.ts';
import { Prng, shuffle } from '../../src/base/prng.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import { Dice } from '../dice.ts';
import { CLASSES_IN_GENERAL, type FaultClass } from './fault-classes.ts';

/** Log and store small enough that segments rotate, entries are purged and snapshots needed. */
export interface Sizes {
  readonly segmentBytes: number;
  readonly batchBytesMax: number;
  readonly cacheBytesMax: number;
  /** Entries kept behind what the store holds, for followers that are a little slow. */
  readonly trailingEntries: number;
  readonly storeFlushMs: number;
  /** Of snapshots: small ones make many pieces of a small state. */
  readonly chunkBytesMax: number;
  /** The largest command that is taken. */
  readonly commandBytesMax: number;
}

/** Of a shard's sessions; what is left out is as in production. */
export interface Sessions {
  readonly sessionsMax?: number;
  readonly idleMs?: number;
}

export interface Timing {
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
  /** Leaders of the past say soon, or late, that they do not know what became of a proposal. */
  readonly orphanTimeoutMs: number;
}

export interface Weather {
  readonly lossRate: number;
  readonly delayMsMean: number;
  /** Of datagrams: lost, twice, late. */
  readonly datagramRate: number;
}

export interface GossipScenario {
  readonly intervalMs: number;
  /** Short ones are over while the run goes on: what is dead or deleted is forgotten. */
  readonly deadGraceMs: number;
  readonly keyGraceMs: number;
  /** Many large values at once. */
  readonly hasBursts: boolean;
}

export interface Scenario {
  readonly seed: number;
  readonly members: number;
  /** Shards that clients use. */
  readonly shards: number;
  /** Shards that nobody uses until the end. */
  readonly idleShards: number;
  /** Of each shard, those that clients use first. */
  readonly founders: readonly (readonly MemberId[])[];
  readonly safetyMs: number;
  readonly clients: number;
  readonly clientPauseMs: number;
  /** Runs beside the shards, where the seed has it. */
  readonly gossip: GossipScenario | undefined;
  /** Members begin as the version before did: without its features. */
  readonly beginsOld: boolean;
  readonly faults: ReadonlySet<FaultClass>;
  /** Mean time between two strikes of one class. */
  readonly strikeEveryMs: number;
  /** What a sync takes on average. */
  readonly syncMs: number;
  /** What an event takes a member on average. */
  readonly eventCostMs: number;
  readonly weather: Weather;
  readonly timing: Timing;
  readonly sizes: Sizes;
  readonly sessions: Sessions;
}

/** What the command line sets otherwise than drawn. */
export interface Overrides {
  /** These classes and no others, whatever was drawn. */
  readonly only?: readonly FaultClass[];
  readonly without?: readonly FaultClass[];
  readonly members?: number;
  readonly shards?: number;
  readonly clients?: number;
  readonly safetyMs?: number;
}

/** Of the seeds with groups of other sizes than one, three and five. */
const OTHER_GROUPS_SHARE = 0.2;
/** Of the seeds: shards stand on some of the members each. */
const SPREAD_SHARE = 0.25;
/** What a solid-state disk takes. Hundreds of shards that write a record each need one. */
const SYNC_MS = 0.4;
const BATCH_BYTES_SMALL = 500;
/** A batch of so many takes one record. */
const ONE_RECORD_BYTES = 64;
const GROUPS = [1, 3, 3, 3, 3, 3, 3, 3, 5];
const OTHER_GROUPS = [2, 4, 4, 7];
const CLASS_SHARE = 0.3;
const FOCUS_SHARE = 0.2;
const FORGER: readonly FaultClass[] = ['forger'];
const FORGER_SHARE = 0.2;
/** Of the seeds with one or two classes. */
const TINY_SHARE = 0.5;
/** The smallest segment takes it. */
const SMALL_COMMAND_BYTES = 3_500;
/** The largest pair, with all that goes around it. */
const TRUE_COMMAND_BYTES =
  LIMITS.kv.keyBytesMax + LIMITS.kv.valueBytesMax + LIMITS.state.valueBytesMax / 4;
/** Every record is a batch, segments are full at once, and the log forgets what it can. */
const TINY: Sizes = {
  segmentBytes: 8 * 1024,
  batchBytesMax: 1,
  cacheBytesMax: 0,
  trailingEntries: 0,
  storeFlushMs: 20,
  chunkBytesMax: 150,
  commandBytesMax: SMALL_COMMAND_BYTES,
};
/** Replacing a member of hundreds of shards takes longer than such a seed lasts. */
const NOT_IN_CROWDS: readonly FaultClass[] = [
  'rot',
  'bitFlip',
  'misdirect',
  'wipe',
  'membership',
  'shardMoves',
];
/** These decide how the whole run goes and are drawn apart. */
const RARE: ReadonlyMap<FaultClass, number> = new Map([
  ['rot', 0.2],
  ['bitFlip', 0.2],
  ['misdirect', 0.2],
  ['wipe', 0.2],
  ['writeError', 0.2],
  ['syncError', 0.2],
  // Megabytes take their time.
  ['trueLimits', 0.05],
]);

export function drawScenario(seed: number, overrides: Overrides = {}): Scenario {
  const dice = Dice.of(seed, 'cluster scenario');
  const world = drawWorld(Dice.of(seed, 'cluster worlds'), dice.oneOf(GROUPS));
  const shards = dice.oneOf([1, 1, 2, 4]);
  const isCrowded = dice.chance(0.03);
  const without = [...(overrides.without ?? []), ...(isCrowded ? NOT_IN_CROWDS : [])];
  const focus = drawFocus(Dice.of(seed, 'cluster focus'));
  const isForged = Dice.of(seed, 'cluster forger').chance(FORGER_SHARE);
  const only = overrides.only ?? focus.classes;
  const more = isForged && overrides.only === undefined ? FORGER : [];
  const faults = drawFaults(Dice.of(seed, 'cluster faults'), only, more, without);
  const drawn = {
    seed,
    members: world.members,
    shards,
    idleShards: isCrowded ? 200 : dice.oneOf([0, 0, 2, 5]),
    safetyMs: isCrowded ? 8_000 : dice.between(10, 25) * 1_000,
    clients: dice.between(2, 8),
    clientPauseMs: dice.oneOf([5, 15, 40]),
    gossip: drawGossip(faults, Dice.of(seed, 'cluster gossip')),
    beginsOld: faults.has('upgrade'),
    faults,
    strikeEveryMs: dice.oneOf([1_500, 3_000, 6_000]),
    eventCostMs: faults.has('eventCost') ? Dice.of(seed, 'cluster costs').oneOf([0.01, 0.05]) : 0,
    weather: drawWeather(dice, faults),
    timing: drawTiming(dice, Dice.of(seed, 'cluster patience')),
    sizes: focus.isTiny ? TINY : drawSizesFor(faults, dice, Dice.of(seed, 'cluster batches')),
    sessions: drawSessions(faults, Dice.of(seed, 'cluster sessions')),
  };
  const chosen = {
    members: overrides.members ?? drawn.members,
    shards: overrides.shards ?? drawn.shards,
  };
  const isSpread = world.isSpread && !isCrowded;
  const syncMs = drawSyncMs(Dice.of(seed, 'cluster disks'), drawn.sizes);
  return {
    ...drawn,
    ...chosen,
    // A sync for each record: what queues behind a slow one would outlast the healing.
    syncMs: isCrowded || focus.isTiny ? SYNC_MS : syncMs,
    founders: drawFounders({ ...drawn, ...chosen }, isSpread),
    clients: overrides.clients ?? drawn.clients,
    safetyMs: overrides.safetyMs ?? drawn.safetyMs,
    sizes: faults.has('trueLimits') ? withTrueLimits(drawn.sizes) : drawn.sizes,
  };
}

interface DrawnWorld {
  readonly members: number;
  /** Shards stand on some of the members. */
  readonly isSpread: boolean;
}

function drawWorld(dice: Dice, members: number): DrawnWorld {
  const isOther = dice.chance(OTHER_GROUPS_SHARE);
  const other = dice.oneOf(OTHER_GROUPS);
  return { members: isOther ? other : members, isSpread: dice.chance(SPREAD_SHARE) };
}

/** Each shard has its own stream of chance: one shard less changes nothing about the others. */
function drawFounders(
  {
    idleShards,
    members,
    seed,
    shards,
  }: Pick<Scenario, 'idleShards' | 'members' | 'seed' | 'shards'>,
  isSpread: boolean,
): readonly (readonly MemberId[])[] {
  const all = Array.from({ length: members }, (_, i) => i + 1);
  return Array.from({ length: shards + idleShards }, (_, i) => {
    if (!isSpread) return all;
    const random = Prng.from(seed, `founders of ${i + 1}`);
    const drawn = [...all];
    shuffle(drawn, random);
    return drawn.slice(0, 1 + random.below(members)).toSorted((a, b) => a - b);
  });
}

interface Focus {
  /** The only ones of this seed; undefined: a share of all. */
  readonly classes: readonly FaultClass[] | undefined;
  readonly isTiny: boolean;
}

/** Of many classes at once each spoils the traps of others: some seeds have one or two. */
function drawFocus(dice: Dice): Focus {
  const classes = [dice.oneOf(CLASSES_IN_GENERAL), dice.oneOf(CLASSES_IN_GENERAL)];
  const isTiny = dice.chance(TINY_SHARE);
  if (!dice.chance(FOCUS_SHARE)) return { classes: undefined, isTiny: false };
  return { classes: dice.chance(0.5) ? classes : classes.slice(1), isTiny };
}

/** Every class is drawn, wanted or not: leaving one out changes nothing about the others. */
function drawFaults(
  dice: Dice,
  only: readonly FaultClass[] | undefined,
  more: readonly FaultClass[],
  without: readonly FaultClass[],
): ReadonlySet<FaultClass> {
  const isDrawn = (name: FaultClass): boolean => dice.chance(RARE.get(name) ?? CLASS_SHARE);
  const drawn = [...(only ?? CLASSES_IN_GENERAL.filter(isDrawn)), ...more];
  return new Set(drawn.filter((name) => !without.includes(name)));
}

function drawWeather(dice: Dice, faults: ReadonlySet<FaultClass>): Weather {
  const lossRate = dice.oneOf([0.002, 0.01, 0.05]);
  const delayMsMean = dice.oneOf([1, 5, 20]);
  const datagramRate = dice.oneOf([0.02, 0.1]);
  return {
    lossRate: faults.has('loss') ? lossRate : 0,
    delayMsMean: faults.has('delay') ? delayMsMean : 0.1,
    datagramRate: faults.has('datagrams') ? datagramRate : 0,
  };
}

function drawTiming(dice: Dice, patienceDice: Dice): Timing {
  return {
    tickMs: dice.oneOf([30, 30, 50]),
    heartbeatTicks: dice.oneOf([1, 2, 2]),
    electionTicks: dice.oneOf([6, 10, 10]),
    orphanTimeoutMs: patienceDice.oneOf([100, 500, 5_000]),
  };
}

/** Slow enough, in some seeds, that several turns gather behind one sync. */
/** Clients ask for some 175 records a second: with one in a batch, 6 ms for each are too many. */
function drawSyncMs(dice: Dice, { batchBytesMax }: Sizes): number {
  const syncMs = dice.oneOf([SYNC_MS, SYNC_MS, SYNC_MS, 2, 6]);
  return batchBytesMax > ONE_RECORD_BYTES ? syncMs : Math.min(syncMs, 2);
}

/** Of a batch of the log. With few bytes every record is a batch: a turn takes many syncs. */
function drawBatchBytes(dice: Dice, segmentBytes: number): number {
  return dice.oneOf([
    1,
    ONE_RECORD_BYTES,
    BATCH_BYTES_SMALL,
    segmentBytes / 4,
    segmentBytes / 4,
    segmentBytes / 4,
  ]);
}

/** An old tail shows nothing unless a turn takes more than one batch. */
function drawSizesFor(faults: ReadonlySet<FaultClass>, dice: Dice, batchDice: Dice): Sizes {
  const sizes = drawSizes(dice.random);
  if (!faults.has('oldTail') || batchDice.chance(0.3)) return sizes;
  return { ...sizes, batchBytesMax: batchDice.oneOf([1, ONE_RECORD_BYTES]) };
}

function drawGossip(faults: ReadonlySet<FaultClass>, dice: Dice): GossipScenario | undefined {
  const drawn = {
    intervalMs: dice.oneOf([100, 100, 500]),
    deadGraceMs: dice.oneOf([1_500, 4_000, 10_000]),
    keyGraceMs: dice.oneOf([2_000, 5_000, 20_000]),
    hasBursts: dice.chance(0.17),
  };
  return faults.has('datagrams') || faults.has('gossip') ? drawn : undefined;
}

/** Fewer than there are clients, and over after the shortest pause. */
function drawSessions(faults: ReadonlySet<FaultClass>, dice: Dice): Sessions {
  const sessions = { sessionsMax: dice.oneOf([3, 3, 8]), idleMs: dice.oneOf([2_000, 10_000]) };
  return faults.has('sessions') ? sessions : {};
}

/** Of segments that take the largest commands there are. */
export function withTrueLimits(sizes: Sizes): Sizes {
  const segmentBytes = 64 * sizes.segmentBytes;
  const isFull = sizes.batchBytesMax > BATCH_BYTES_SMALL;
  return {
    ...sizes,
    segmentBytes,
    batchBytesMax: isFull ? segmentBytes / 4 : sizes.batchBytesMax,
    commandBytesMax: TRUE_COMMAND_BYTES,
  };
}

export function drawSizes(random: Random): Sizes {
  const dice = new Dice(random);
  const segmentBytes = dice.oneOf([8, 16, 64]) * 1024;
  return {
    segmentBytes,
    batchBytesMax: drawBatchBytes(dice, segmentBytes),
    cacheBytesMax: dice.oneOf([2, 16, 256]) * 1024,
    trailingEntries: dice.oneOf([0, 10, 100]),
    storeFlushMs: dice.oneOf([20, 100, 500]),
    chunkBytesMax: dice.oneOf([150, 1_000, 100_000]),
    commandBytesMax: SMALL_COMMAND_BYTES,
  };
}
