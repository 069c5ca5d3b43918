export type { Machine } from './machine.ts';
export { World } from './world.ts';
