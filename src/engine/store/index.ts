// The public face of the store.

export { type MemoryStoreOptions, openMemoryStore } from './memory-store.ts';
export type * from './types.ts';
