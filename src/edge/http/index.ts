export { type HttpEdge, openHttpEdge } from './server.ts';
