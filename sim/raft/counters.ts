// How often everything happened. A class at zero means that the runs prove nothing about it.

export interface Counters {
  // faults
  messagesLost: number;
  messagesDuplicated: number;
  messagesLate: number;
  messagesOvertaken: number;
  messagesCut: number;
  messagesHeld: number;
  cutsSymmetric: number;
  cutsOneWay: number;
  cutsPartial: number;
  cutsDeaf: number;
  crashes: number;
  ambushes: number;
  writesLost: number;
  writesTorn: number;
  writesUnconfirmed: number;
  pauses: number;
  clocksSkewed: number;
  disksSlow: number;
  machinesSlow: number;
  snapshotsLost: number;
  readysShared: number;
  // what the cores did
  elections: number;
  entriesCommitted: number;
  entriesOverwritten: number;
  snapshotsInstalled: number;
  snapshotsWhileApplying: number;
  logFetches: number;
  changesSimple: number;
  changesJoint: number;
  learnersAdded: number;
  learnersPromoted: number;
  votersDemoted: number;
  votersRemoved: number;
  leadersRemoved: number;
  transfersStarted: number;
  leadersForgotten: number;
  compactions: number;
  proposalsRefused: number;
  proposalsForwarded: number;
  // what clients saw
  writesAnswered: number;
  writesFailed: number;
  writesUnknown: number;
  readsBySafety: number;
  readsByLease: number;
  readsDropped: number;
}

export function noCounts(): Counters {
  return {
    messagesLost: 0,
    messagesDuplicated: 0,
    messagesLate: 0,
    messagesOvertaken: 0,
    messagesCut: 0,
    messagesHeld: 0,
    cutsSymmetric: 0,
    cutsOneWay: 0,
    cutsPartial: 0,
    cutsDeaf: 0,
    crashes: 0,
    ambushes: 0,
    writesLost: 0,
    writesTorn: 0,
    writesUnconfirmed: 0,
    pauses: 0,
    clocksSkewed: 0,
    disksSlow: 0,
    machinesSlow: 0,
    snapshotsLost: 0,
    readysShared: 0,
    elections: 0,
    entriesCommitted: 0,
    entriesOverwritten: 0,
    snapshotsInstalled: 0,
    snapshotsWhileApplying: 0,
    logFetches: 0,
    changesSimple: 0,
    changesJoint: 0,
    learnersAdded: 0,
    learnersPromoted: 0,
    votersDemoted: 0,
    votersRemoved: 0,
    leadersRemoved: 0,
    transfersStarted: 0,
    leadersForgotten: 0,
    compactions: 0,
    proposalsRefused: 0,
    proposalsForwarded: 0,
    writesAnswered: 0,
    writesFailed: 0,
    writesUnknown: 0,
    readsBySafety: 0,
    readsByLease: 0,
    readsDropped: 0,
  };
}
