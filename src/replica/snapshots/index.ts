// The public face of the snapshots between members.

export { openSnapshots } from './snapshots.ts';
export type * from './types.ts';
