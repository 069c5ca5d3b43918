// The public face of the write-ahead log.

export type { Done } from './frame.ts';
export type { ShardLog } from './shard-log.ts';
export type * from './types.ts';
export { Wal, type WalOpened } from './wal.ts';
