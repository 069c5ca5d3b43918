// The public face of the snapshots between members.

export { Snapshots } from './snapshots.ts';
export type * from './types.ts';
