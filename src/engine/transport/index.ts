export { type FrontDoor, openFrontDoor, type SocketConsumer } from './front-door.ts';
export { systemNet } from './net.ts';
