export { type FrontDoor, type HttpTaker, openFrontDoor } from './front-door.ts';
export { systemNet } from './net.ts';
export { connectClient } from './peer/client.ts';
export { openPeers } from './peer/peers.ts';
export type * from './peer/types.ts';
export { takeSocket } from './tcp.ts';
