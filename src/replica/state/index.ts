// The public face of the shards' state in the store.

export {
  type Command,
  type CommandResult,
  decodeResult,
  encodeCommand,
  stampCommand,
} from './commands.ts';
export { PeerMemory } from './peer-memory.ts';
export { openShardStates } from './states.ts';
export type * from './types.ts';
