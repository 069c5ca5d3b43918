// The public face of requests to shards.

export { decodeProposeAnswer } from './answers.ts';
export { ClientConnections } from './client-connections.ts';
export { Gateway } from './gateway.ts';
export { RequestServer } from './server.ts';
export { type CommandOutcome, ShardSession } from './session.ts';
export { type Callees, ShardClient } from './shard-client.ts';
