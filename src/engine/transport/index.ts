export { openFrontDoor } from './front-door.ts';
export { systemNet } from './net.ts';
export type * from './peer/types.ts';
