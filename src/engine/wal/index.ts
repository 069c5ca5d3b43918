// The public face of the write-ahead log.

export { segmentBytesFor } from './format.ts';
export { decodeSnapshot, encodeSnapshot } from './snapshot-codec.ts';
export type * from './types.ts';
export { Wal, type WalOpened } from './wal.ts';
