// How often everything happened in runs of whole members. A class at zero means that the runs prove
// nothing about it.

import { type FaultCounters, noFaults } from '../faults.ts';

const CLUSTER_COUNTERS = [
  // --- faults that only the plan knows of; the others are counted where they strike
  'cutIsolated',
  'cutHalves',
  'cutRing',
  'cutOneWay',
  'linksSlowed',
  'streamsCut',
  'processesKilled',
  'blackouts',
  'diskShrunk',
  'membersLost',
  'wipedRefused',
  'snapshotsInterrupted',
  'snapshotsMetFullDisk',
  'snapshotsMetSlowDisk',
  'snapshotsMetTransfer',
  'disksSilent',
  'disksLow',
  'logsWithHoles',
  'coups',
  'solitudes',
  'secondLives',
  'crashesAtCalls',
  'oldTails',
  'oldTailsOutlived',
  'liesTold',
  'liesOfTheDead',
  'probesWritten',
  'eventsDelayed',
  // --- operators
  'learnersAdded',
  'learnersPromoted',
  'votersRemoved',
  'jointChanges',
  'membersReplaced',
  'shardsMoved',
  'shardsRemoved',
  'addressesChanged',
  'transfers',
  'upgrades',
  'shardsRaised',
  'settingsChanged',
  // --- what the members did
  'starts',
  'stops',
  'leadersElected',
  'commandsApplied',
  'commandsPacked',
  'entriesOfSeveral',
  'entriesOfMany',
  'snapshotsReceived',
  'snapshotsBehindSeveral',
  'snapshotsBroken',
  'holesMended',
  'logsPurged',
  'shardsQuiet',
  'statesCompared',
  'gossipForgotten',
  // --- what clients saw
  'gossipSets',
  'gossipDeletes',
  'sessionsOpened',
  'sessionsClosed',
  'sessionsExpired',
  'sessionsKept',
  'writesApplied',
  'writesRefused',
  'writesUnknown',
  'writesRepeated',
  'writesReplaced',
  'swaps',
  'writesLarge',
  'writesLargest',
  'writesInBursts',
  'burstsShared',
  'burstsCut',
  'readsStrong',
  'readsLease',
  'readsLocal',
  'readsRefused',
] as const;

export type ClusterCounters = Record<(typeof CLUSTER_COUNTERS)[number], number>;

export type Counters = FaultCounters & ClusterCounters;

export function noClusterCounts(): ClusterCounters {
  return Object.fromEntries(CLUSTER_COUNTERS.map((name) => [name, 0])) as ClusterCounters;
}

export function noCounts(): Counters {
  return { ...noFaults(), ...noClusterCounts() };
}
