// The linearizability checker. Start with model.ts (the words), then checker.ts.

export { type Budget, checkHistory, type JudgedPart, type Verdict } from './checker.ts';
export { drawFailure } from './draw.ts';
export type { ParsedHistory } from './event-lines.ts';
export { HistoryRecorder } from './history.ts';
export { type Foresight, type Model, NEVER, type Operation, type StateValue } from './model.ts';
export { type AppendListAction, appendListModel } from './models/append-list.ts';
export { type CasRegisterAction, casRegisterModel } from './models/cas-register.ts';
export { type KvAction, kvModel } from './models/kv.ts';
export { type QueueAction, queueModel } from './models/queue.ts';
export { type RegisterAction, type RegisterValue, registerModel } from './models/register.ts';
export { type StreamAction, streamModel } from './models/stream.ts';
export { parseJepsenLog } from './parse-jepsen.ts';
export { parseKvLog } from './parse-kv.ts';
export type { Reach } from './search.ts';
export type { VersionedAction, VersionedOperation, VersionsVerdict } from './versioned.ts';
export { checkVersions } from './versions.ts';
