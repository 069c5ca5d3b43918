// The public face of the shards' state in the store.

export {
  type CommandResult,
  decodeResult,
  encodeCommand,
  encodeShardCommand,
  isCommand,
  type ShardCommand,
  stampCommand,
} from './commands.ts';
export {
  canCarryOut,
  decodeEditions,
  encodeEditions,
  isRaised,
  type ShardEditions,
  shardRules,
} from './editions.ts';
export { endOfPrefix, NO_PROGRESS } from './layout.ts';
export { PeerMemory } from './peer-memory.ts';
export { SNAPSHOT_NAME_BYTES } from './prepared.ts';
export { isPackable, knowsSeveral, packCommands, stampSeveral } from './several.ts';
export { openStateStore } from './state-store.ts';
export type * from './types.ts';
