export { LeveledLog } from './leveled-log.ts';
export { type LogOptions, openLog } from './log.ts';
export { describeFields } from './terminal-log.ts';
