// The public face of the shards' state in the store.

export type * from './types.ts';
