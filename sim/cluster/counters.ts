// How often everything happened in runs of whole members. A class at zero means that the runs prove
// nothing about it.

import { type FaultCounters, noFaults } from '../faults.ts';

export interface ClusterCounters {
  // --- faults that only the plan knows of; the others are counted where they strike
  cutIsolated: number;
  cutHalves: number;
  cutRing: number;
  cutOneWay: number;
  linksSlowed: number;
  streamsCut: number;
  processesKilled: number;
  blackouts: number;
  diskShrunk: number;
  membersLost: number;
  wipedRefused: number;
  snapshotsInterrupted: number;
  snapshotsMetFullDisk: number;
  snapshotsMetSlowDisk: number;
  snapshotsMetTransfer: number;
  disksSilent: number;
  disksLow: number;
  logsWithHoles: number;
  coups: number;
  solitudes: number;
  secondLives: number;
  crashesAtCalls: number;
  oldTails: number;
  eventsDelayed: number;
  // --- operators
  learnersAdded: number;
  learnersPromoted: number;
  votersRemoved: number;
  jointChanges: number;
  membersReplaced: number;
  transfers: number;
  upgrades: number;
  settingsChanged: number;
  // --- what the members did
  starts: number;
  stops: number;
  leadersElected: number;
  commandsApplied: number;
  snapshotsReceived: number;
  snapshotsBroken: number;
  holesMended: number;
  logsPurged: number;
  shardsQuiet: number;
  statesCompared: number;
  // --- what clients saw
  sessionsOpened: number;
  sessionsClosed: number;
  sessionsExpired: number;
  sessionsKept: number;
  writesApplied: number;
  writesRefused: number;
  writesUnknown: number;
  writesRepeated: number;
  swaps: number;
  writesLarge: number;
  writesLargest: number;
  writesInBursts: number;
  readsStrong: number;
  readsLease: number;
  readsLocal: number;
  readsRefused: number;
}

export type Counters = FaultCounters & ClusterCounters;

export function noClusterCounts(): ClusterCounters {
  return {
    cutIsolated: 0,
    cutHalves: 0,
    cutRing: 0,
    cutOneWay: 0,
    linksSlowed: 0,
    streamsCut: 0,
    processesKilled: 0,
    blackouts: 0,
    diskShrunk: 0,
    membersLost: 0,
    wipedRefused: 0,
    snapshotsInterrupted: 0,
    snapshotsMetFullDisk: 0,
    snapshotsMetSlowDisk: 0,
    snapshotsMetTransfer: 0,
    disksSilent: 0,
    disksLow: 0,
    logsWithHoles: 0,
    coups: 0,
    solitudes: 0,
    secondLives: 0,
    crashesAtCalls: 0,
    oldTails: 0,
    eventsDelayed: 0,
    learnersAdded: 0,
    learnersPromoted: 0,
    votersRemoved: 0,
    jointChanges: 0,
    membersReplaced: 0,
    transfers: 0,
    upgrades: 0,
    settingsChanged: 0,
    starts: 0,
    stops: 0,
    leadersElected: 0,
    commandsApplied: 0,
    snapshotsReceived: 0,
    snapshotsBroken: 0,
    holesMended: 0,
    logsPurged: 0,
    shardsQuiet: 0,
    statesCompared: 0,
    sessionsOpened: 0,
    sessionsClosed: 0,
    sessionsExpired: 0,
    sessionsKept: 0,
    writesApplied: 0,
    writesRefused: 0,
    writesUnknown: 0,
    writesRepeated: 0,
    swaps: 0,
    writesLarge: 0,
    writesLargest: 0,
    writesInBursts: 0,
    readsStrong: 0,
    readsLease: 0,
    readsLocal: 0,
    readsRefused: 0,
  };
}

export function noCounts(): Counters {
  return { ...noFaults(), ...noClusterCounts() };
}
