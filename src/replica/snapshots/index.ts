// The public face of the snapshots between members.

export { DEFAULT_SNAPSHOT_LIMITS, openSnapshots } from './snapshots.ts';
export type * from './types.ts';
