// The public face of the key-value service.

export {
  decodeKvResult,
  encodeKvCommand,
  type KvCommand,
  type KvCondition,
  type KvResult,
} from './commands.ts';
export { kvMachine } from './machine.ts';
export {
  decodeKvAnswer,
  encodeKvQuery,
  type KvAnswer,
  type KvPair,
} from './queries.ts';
