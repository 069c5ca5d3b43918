// What one seed is about. Each seed draws its own subset of faults and limits ("swarm testing"):
// all of them at a low rate would hide those that only bite together, or alone.

import type { Random } from '../../src/base/capabilities.ts';
import { Dice } from '../dice.ts';
import { FAULT_CLASSES, type FaultClass } from './fault-classes.ts';

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
}

export interface Timing {
  readonly tickMs: number;
  readonly heartbeatTicks: number;
  readonly electionTicks: number;
}

export interface Weather {
  readonly lossRate: number;
  readonly delayMsMean: number;
  /** Of datagrams: lost, twice, late. */
  readonly datagramRate: number;
}

export interface Scenario {
  readonly seed: number;
  readonly members: number;
  /** Shards that clients use. */
  readonly shards: number;
  /** Shards that nobody uses until the end. */
  readonly idleShards: number;
  readonly safetyMs: number;
  readonly clients: number;
  readonly clientPauseMs: number;
  /** Gossip runs beside the shards. */
  readonly gossips: boolean;
  /** Members begin as the version before did: without its features. */
  readonly beginsOld: boolean;
  readonly faults: ReadonlySet<FaultClass>;
  /** Mean time between two strikes of one class. */
  readonly strikeEveryMs: number;
  readonly weather: Weather;
  readonly timing: Timing;
  readonly sizes: Sizes;
}

/** What the command line sets otherwise than drawn. */
export interface Overrides {
  readonly without?: readonly FaultClass[];
  readonly members?: number;
  readonly shards?: number;
  readonly clients?: number;
  readonly safetyMs?: number;
}

const CLASS_SHARE = 0.3;
/** Replacing a member of hundreds of shards takes longer than such a seed lasts. */
const NOT_IN_CROWDS: readonly FaultClass[] = ['rot', 'bitFlip', 'misdirect', 'wipe', 'membership'];
/** These decide how the whole run goes and are drawn apart. */
const RARE: ReadonlyMap<FaultClass, number> = new Map([
  ['rot', 0.2],
  ['bitFlip', 0.2],
  ['misdirect', 0.2],
  ['wipe', 0.2],
  ['writeError', 0.2],
  ['syncError', 0.2],
]);

export function drawScenario(seed: number, overrides: Overrides = {}): Scenario {
  const dice = Dice.of(seed, 'cluster scenario');
  const members = dice.oneOf([1, 3, 3, 3, 3, 3, 3, 3, 5]);
  const shards = dice.oneOf([1, 1, 2, 4]);
  const isCrowded = dice.chance(0.03);
  const without = [...(overrides.without ?? []), ...(isCrowded ? NOT_IN_CROWDS : [])];
  const faults = drawFaults(Dice.of(seed, 'cluster faults'), without);
  const drawn = {
    seed,
    members,
    shards,
    idleShards: isCrowded ? 200 : dice.oneOf([0, 0, 2, 5]),
    safetyMs: isCrowded ? 8_000 : dice.between(10, 25) * 1_000,
    clients: dice.between(2, 8),
    clientPauseMs: dice.oneOf([5, 15, 40]),
    gossips: faults.has('datagrams'),
    beginsOld: faults.has('upgrade'),
    faults,
    strikeEveryMs: dice.oneOf([1_500, 3_000, 6_000]),
    weather: drawWeather(dice, faults),
    timing: drawTiming(dice),
    sizes: drawSizes(dice.random),
  };
  return {
    ...drawn,
    members: overrides.members ?? drawn.members,
    shards: overrides.shards ?? drawn.shards,
    clients: overrides.clients ?? drawn.clients,
    safetyMs: overrides.safetyMs ?? drawn.safetyMs,
  };
}

/** Every class is drawn, wanted or not: leaving one out changes nothing about the others. */
function drawFaults(dice: Dice, without: readonly FaultClass[]): ReadonlySet<FaultClass> {
  const drawn = FAULT_CLASSES.filter((name) => dice.chance(RARE.get(name) ?? CLASS_SHARE));
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

function drawTiming(dice: Dice): Timing {
  return {
    tickMs: dice.oneOf([30, 30, 50]),
    heartbeatTicks: dice.oneOf([1, 2, 2]),
    electionTicks: dice.oneOf([6, 10, 10]),
  };
}

export function drawSizes(random: Random): Sizes {
  const dice = new Dice(random);
  const segmentBytes = dice.oneOf([8, 16, 64]) * 1024;
  return {
    segmentBytes,
    batchBytesMax: segmentBytes / 4,
    cacheBytesMax: dice.oneOf([2, 16, 256]) * 1024,
    trailingEntries: dice.oneOf([0, 10, 100]),
    storeFlushMs: dice.oneOf([20, 100, 500]),
    chunkBytesMax: dice.oneOf([150, 1_000, 100_000]),
  };
}
