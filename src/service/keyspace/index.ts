// The public face of the key-value service.

export { decodeKeyspaceResult, encodeKeyspaceCommand } from './commands.ts';
export { keyspaceMachine } from './machine.ts';
export { decodeKeyspaceAnswers, encodeKeyspaceQuestion } from './questions.ts';
export type {
  Compare,
  DeleteOperation,
  KeyRange,
  KeyspaceAnswer,
  KeyspaceChange,
  KeyspaceCommand,
  KeyspaceError,
  KeyspaceOperation,
  KeyspaceQuestion,
  KeyspaceRecord,
  KeyspaceResult,
  LeaseId,
  OperationResult,
  PutOperation,
  RangeOperation,
  TxnOperation,
} from './types.ts';
