// The public face of the write-ahead log.

export type * from './types.ts';
export { Wal, type WalOpened } from './wal.ts';
