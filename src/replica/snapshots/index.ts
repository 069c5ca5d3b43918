// The public face of the snapshots between members.

export type * from './types.ts';
