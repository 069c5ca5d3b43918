export { openHttpEdge } from './server.ts';
