export type { FaultCounters } from './faults.ts';
export type { LinkRules } from './links.ts';
export type { Member } from './member.ts';
export { World } from './world.ts';
