// The public face of the Raft core.

export { decodeConfChange, encodeConfChange } from './confchange-codec.ts';
export type { RaftConfig } from './config.ts';
export {
  type ChangeBase,
  type ChangeResult,
  enterJoint,
  leaveJoint,
  simpleChange,
} from './config-change.ts';
export type * from './contract.ts';
export { RaftCore } from './core.ts';
export { entryBytes } from './entries.ts';
export type * from './events.ts';
export { reaches } from './log.ts';
export type * from './log-source.ts';
export { MemoryLog } from './memory-log.ts';
export { type Draft, draftMessage } from './message.ts';
export type * from './outcomes.ts';
export type * from './outputs.ts';
export {
  type AckSource,
  jointCommitted,
  jointVote,
  majorityCommitted,
  majorityVote,
  type VoteResult,
} from './quorum.ts';
export { Tracker } from './tracker.ts';
export * from './types.ts';
