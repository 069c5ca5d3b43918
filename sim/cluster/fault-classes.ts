// The classes of faults and of operators' work. A seed has some of them; to make a failing seed
// smaller, classes are left out one by one.

export const FAULT_CLASSES = [
  // --- network
  'loss',
  'delay',
  'datagrams',
  'isolate',
  'halves',
  'ring',
  'oneWay',
  'reset',
  // --- processes and clocks
  'kill',
  'powerLoss',
  'blackout',
  'pause',
  'drift',
  'jump',
  // --- disks
  'rot',
  'bitFlip',
  'misdirect',
  'readError',
  'writeError',
  'syncError',
  'fullDisk',
  'slowDisk',
  'wipe',
  // --- operators
  'membership',
  'transfer',
  'interruptSnapshot',
  'upgrade',
  'settings',
  // --- traps
  'coup',
  'solitude',
  // --- more to do
  'joint',
  'large',
  'burst',
  'scrub',
  // --- names on disks
  'nameError',
  'twoLives',
  // --- crashes at calls of the disk
  'crashAtCall',
  'oldTail',
  // --- limits
  'sessions',
  'trueLimits',
  // --- clocks
  'clocksApart',
  'eventCost',
  // --- places
  'shardMoves',
  'address',
  // --- keys and members, by gossip
  'gossip',
  // --- lies about both
  'forger',
] as const;

export type FaultClass = (typeof FAULT_CLASSES)[number];

/** Drawn apart: only with gossip does it do anything. */
export const CLASSES_IN_GENERAL = FAULT_CLASSES.filter((name) => name !== 'forger');

export function parseFaultClass(text: string): FaultClass | undefined {
  return FAULT_CLASSES.find((name) => name === text);
}
