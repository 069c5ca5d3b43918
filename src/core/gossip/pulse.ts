// Which heartbeats to believe. A node beats on and a lie stands still: so a counter far away from
// the one known is taken only once it has grown there, wherever that is [G9].

import type { Columns } from './columns.ts';

/** What a node beats in five minutes of a busy cluster. */
export const HEARTBEAT_REACH = 4_096;
/** Heartbeats that grow one from the other until the counter is believed to run there. */
const GROWING_HEARTBEATS = 3;

export type Pulse =
  /** A sign of life. */
  | 'beats'
  /** The first of a node, of any age: it says that the node lived once, not that it lives now. */
  | 'first'
  /** Out of reach, and not seen to run there yet. */
  | 'strays';

/** Takes in a heartbeat that is not the known one. */
export function judgeHeartbeat(columns: Columns, slot: number, heartbeat: number): Pulse {
  const known = columns.heartbeat[slot] as number;
  const ahead = heartbeat - known;
  if (known !== 0 && (ahead < 0 || ahead > HEARTBEAT_REACH)) {
    if (noteStray(columns, slot, heartbeat) < GROWING_HEARTBEATS) return 'strays';
  }
  columns.heartbeat[slot] = heartbeat;
  columns.strayGrowth[slot] = 0;
  return known === 0 ? 'first' : 'beats';
}

/** Answers how many heartbeats there have been in reach of each other. */
function noteStray(columns: Columns, slot: number, heartbeat: number): number {
  const { strayHeartbeat, strayGrowth } = columns;
  const growth = strayGrowth[slot] as number;
  const ahead = heartbeat - (strayHeartbeat[slot] as number);
  const isNear = growth > 0 && Math.abs(ahead) <= HEARTBEAT_REACH;
  // An older one in between is a peer that heard less, not another counter.
  if (isNear && ahead <= 0) return growth;
  strayHeartbeat[slot] = heartbeat;
  strayGrowth[slot] = isNear ? growth + 1 : 1;
  return isNear ? growth + 1 : 1;
}
