// The public face of the Raft core.

export type * from './config.ts';
export type * from './contract.ts';
export { entryBytes } from './entries.ts';
export type * from './events.ts';
export type * from './log-source.ts';
export { MemoryLog } from './memory-log.ts';
export type * from './outcomes.ts';
export type * from './outputs.ts';
export * from './types.ts';
