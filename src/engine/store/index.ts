// The public face of the store.

export type * from './types.ts';
