// How often each class of fault happened in a world. A run whose table shows zeros has proved
// nothing about those classes, so every report prints it.

export interface FaultCounters {
  datagramLost: number;
  datagramDuplicated: number;
  datagramLate: number;
  datagramCut: number;
  streamRetransmitted: number;
  streamHeld: number;
  streamReset: number;
  processCrashed: number;
  powerLost: number;
  processPaused: number;
  clockDrifted: number;
  clockJumped: number;
  clocksApart: number;
  writeLost: number;
  writeTorn: number;
  directoryChangeLost: number;
  bitFlipped: number;
  bitRotted: number;
  writeMisdirected: number;
  readFailed: number;
  writeFailed: number;
  syncFailed: number;
  nameFailed: number;
  diskFull: number;
  diskSlow: number;
  diskWiped: number;
}

export function noFaults(): FaultCounters {
  return {
    datagramLost: 0,
    datagramDuplicated: 0,
    datagramLate: 0,
    datagramCut: 0,
    streamRetransmitted: 0,
    streamHeld: 0,
    streamReset: 0,
    processCrashed: 0,
    powerLost: 0,
    processPaused: 0,
    clockDrifted: 0,
    clockJumped: 0,
    clocksApart: 0,
    writeLost: 0,
    writeTorn: 0,
    directoryChangeLost: 0,
    bitFlipped: 0,
    bitRotted: 0,
    writeMisdirected: 0,
    readFailed: 0,
    writeFailed: 0,
    syncFailed: 0,
    nameFailed: 0,
    diskFull: 0,
    diskSlow: 0,
    diskWiped: 0,
  };
}
