// The public face of the store.

export { openLmdbStore } from './lmdb-store.ts';
export { openMemoryStore } from './memory-store.ts';
export type * from './types.ts';
