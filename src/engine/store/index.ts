// The public face of the store.

export { type LmdbStoreOptions, openLmdbStore } from './lmdb-store.ts';
export { type MemoryStoreOptions, openMemoryStore } from './memory-store.ts';
export type * from './types.ts';
