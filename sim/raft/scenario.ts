// What one seed is about. Each seed draws its own subset of faults and limits ("swarm testing"):
// all of them at a low rate would hide those that only bite together, or alone.

import { Dice } from '../dice.ts';

/** Instants per tick of a clock that is right. */
export const TICK = 20;

export interface CoreLimits {
  readonly appendBytesMax: number;
  readonly applyBytesMax: number;
  readonly uncommittedBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  readonly pendingReadsMax: number;
}

export interface Scenario {
  readonly seed: number;
  /** Voters at the start: 1..n. The others up to `pool` may join. */
  readonly members: number;
  readonly pool: number;
  readonly durationTicks: number;
  readonly electionTicks: number;
  readonly heartbeatTicks: number;
  readonly preVote: boolean;
  readonly checkQuorum: boolean;
  readonly leases: boolean;
  readonly asyncStorage: boolean;
  /** A commit index alone is not written, as in a host. Only with `asyncStorage`. */
  readonly holdsCommits: boolean;
  readonly eagerCommits: boolean;
  readonly commitInVotes: boolean;
  readonly forwardProposals: boolean;
  readonly priorities: boolean;
  readonly limits: CoreLimits;
  /** The machine survives a crash as it was; else it starts from the newest snapshot. */
  readonly durableMachine: boolean;
  /** Messages and entries are frozen when they are sent: nobody may change what others hold. */
  readonly frozenMessages: boolean;

  // --- faults: probabilities per message or write, else mean ticks between two, 0 for never -----
  readonly loss: number;
  readonly duplication: number;
  /** Probability of a delay far beyond the usual: such messages are overtaken. */
  readonly lateness: number;
  readonly delayMax: number;
  readonly crashEvery: number;
  /** Probability that a write meets a crash, which keeps any part of it. */
  readonly ambush: number;
  /** The same for a write that replaces entries: they are few, and a crash hurts them most. */
  readonly ambushOverwrite: number;
  readonly cutEvery: number;
  readonly pauseEvery: number;
  readonly diskDelayMax: number;
  readonly slowDiskEvery: number;
  /** Only with `asyncStorage`: else what is committed is applied at once. */
  readonly slowMachineEvery: number;
  /** A leader hears nobody for a while, and then what was said to it meanwhile. */
  readonly deafEvery: number;
  /** Clocks run up to this part too fast or too slow. */
  readonly clockSkew: number;
  /** Probability that a Ready is not taken at once, so that several inputs share one. */
  readonly lazyReady: number;

  // --- what operators and clients do ------------------------------------------------------------
  readonly clients: number;
  readonly clientPauseTicks: number;
  readonly changeEvery: number;
  readonly transferEvery: number;
  readonly forgetEvery: number;
  readonly campaignEvery: number;
  readonly compactEvery: number;
  /** Everyone does it then, as by one policy. */
  readonly compactsTogether: boolean;
  readonly evictEvery: number;
  readonly burstEvery: number;
}

export function drawScenario(seed: number): Scenario {
  const dice = Dice.of(seed, 'scenario');
  const members = dice.oneOf([1, 2, 3, 3, 3, 3, 4, 5, 5]);
  const checkQuorum = dice.chance(0.75);
  const work = drawWork(dice);
  const electionTicks = dice.oneOf([6, 10, 10, 20]);
  return {
    seed,
    members,
    pool: Math.min(7, members + dice.oneOf([0, 1, 2, 2, 3])),
    durationTicks: dice.between(300, 900),
    electionTicks,
    heartbeatTicks: dice.oneOf([1, 1, 2, 3]),
    // With neither, a node that was removed spreads its term among those who may not campaign, and
    // the leader never hears of it.
    preVote: dice.chance(0.75) || (work.changeEvery > 0 && !checkQuorum),
    checkQuorum,
    leases: checkQuorum && dice.chance(0.4),
    asyncStorage: dice.chance(0.65),
    ...work,
    forwardProposals: dice.chance(0.85),
    priorities: dice.chance(0.15),
    limits: drawLimits(dice),
    durableMachine: dice.chance(0.4),
    frozenMessages: dice.chance(0.1),
    ...drawFaults(dice),
    holdsCommits: dice.chance(0.5),
    eagerCommits: dice.chance(0.6),
    ambush: dice.maybe(0.5, dice.oneOf([0.001, 0.005, 0.02])),
    ambushOverwrite: dice.maybe(0.5, dice.oneOf([0.2, 0.8])),
    compactsTogether: dice.chance(0.5),
    slowMachineEvery: dice.maybe(0.5, dice.oneOf([10, 30])),
    // Without quorum checks it leads on.
    deafEvery: dice.maybe(checkQuorum ? 0.1 : 0.8, dice.oneOf([60, 120])),
  };
}

function drawLimits(dice: Dice): CoreLimits {
  const appendBytesMax = dice.oneOf([0, 40, 200, Infinity, Infinity]);
  const isWindowed = dice.chance(0.3) && appendBytesMax !== Infinity;
  return {
    appendBytesMax,
    applyBytesMax: dice.oneOf([1, 60, 300, Infinity]),
    uncommittedBytesMax: dice.oneOf([16, 100, Infinity, Infinity]),
    inflightMessagesMax: dice.oneOf([1, 2, 5, 256]),
    inflightBytesMax: isWindowed ? Math.max(appendBytesMax, 30) : Infinity,
    pendingReadsMax: dice.oneOf([2, 65_536, 65_536]),
  };
}

type Faults = Pick<
  Scenario,
  | 'loss'
  | 'duplication'
  | 'lateness'
  | 'delayMax'
  | 'crashEvery'
  | 'cutEvery'
  | 'pauseEvery'
  | 'diskDelayMax'
  | 'slowDiskEvery'
  | 'clockSkew'
  | 'lazyReady'
>;

function drawFaults(dice: Dice): Faults {
  return {
    loss: dice.maybe(0.6, dice.oneOf([0.01, 0.05, 0.15, 0.3])),
    duplication: dice.maybe(0.5, dice.oneOf([0.02, 0.1, 0.3])),
    lateness: dice.maybe(0.5, dice.oneOf([0.005, 0.02, 0.08])),
    delayMax: dice.oneOf([2, 8, 20, 40]),
    crashEvery: dice.maybe(0.65, dice.oneOf([15, 40, 100])),
    cutEvery: dice.maybe(0.6, dice.oneOf([20, 40, 80])),
    pauseEvery: dice.maybe(0.3, dice.oneOf([30, 80])),
    diskDelayMax: dice.oneOf([1, 5, 20, 60]),
    slowDiskEvery: dice.maybe(0.25, dice.oneOf([40, 100])),
    clockSkew: dice.maybe(0.5, 0.05),
    lazyReady: dice.maybe(0.4, dice.oneOf([0.1, 0.5])),
  };
}

type Work = Pick<
  Scenario,
  | 'clients'
  | 'clientPauseTicks'
  | 'changeEvery'
  | 'transferEvery'
  | 'forgetEvery'
  | 'campaignEvery'
  | 'compactEvery'
  | 'evictEvery'
  | 'burstEvery'
  | 'commitInVotes'
>;

function drawWork(dice: Dice): Work {
  const changeEvery = dice.maybe(0.6, dice.oneOf([8, 20, 50]));
  return {
    // Without it a group may be stuck: A leads A B, removes itself, and stops leading before B
    // hears that the change is committed. B needs A's vote, and A's log is ahead.
    commitInVotes: changeEvery > 0 || dice.chance(0.3),
    clients: dice.between(1, 5),
    clientPauseTicks: dice.oneOf([1, 3, 10]),
    changeEvery,
    transferEvery: dice.maybe(0.4, dice.oneOf([15, 40])),
    forgetEvery: dice.maybe(0.3, 25),
    campaignEvery: dice.maybe(0.3, dice.oneOf([15, 60])),
    compactEvery: dice.maybe(0.6, dice.oneOf([5, 15, 40])),
    evictEvery: dice.maybe(0.35, dice.oneOf([5, 20])),
    burstEvery: dice.maybe(0.6, dice.oneOf([1, 4])),
  };
}
