export type { Member } from './member.ts';
export { World } from './world.ts';
