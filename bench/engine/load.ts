// Writes to a shard as fast as its answers come, as a process of its own.
//
//   node bench/engine/load.ts --peers 1=HOST:PORT,... [--connections N] [--inflight N]
//     [--seconds N] [--warmup N] [--shard N] [--servers PID,...]
//
// A write counts when it is applied, and its latency runs from when it was handed to the client
// library. Prints one line of JSON, see `LoadResult`.

import { parseArgs } from 'node:util';
import { must } from '../../src/base/assert.ts';
import { ByteSlab } from '../../src/base/bytes.ts';
import { SystemClock } from '../../src/engine/clock/index.ts';
import { randomFromSystem } from '../../src/engine/random/index.ts';
import { systemNet } from '../../src/engine/transport/index.ts';
import { ClientConnections, ShardClient } from '../../src/replica/requests/index.ts';
import { encodeCommand } from '../../src/replica/state/index.ts';
import { CLUSTER_ID, parsePeers } from './cluster.ts';
import { Latencies } from './latencies.ts';
import { MeasuredTime } from './measured-time.ts';
import { KEY_BYTES } from './puts.ts';

/** An entry has a hundred bytes of payload: the command's header is nine of them. */
const BODY_BYTES = 91;
const KEYS = 100_000;
const TIMEOUT_MS = 10_000;

const { values } = parseArgs({
  options: {
    peers: { type: 'string' },
    connections: { type: 'string', default: '4' },
    inflight: { type: 'string', default: '256' },
    seconds: { type: 'string', default: '10' },
    warmup: { type: 'string', default: '2' },
    shard: { type: 'string', default: '1' },
    servers: { type: 'string', default: '' },
  },
});
const members = parsePeers(must(values.peers, '--peers is missing'));
const connectionCount = Number(values.connections);
const clock = new SystemClock();
const random = randomFromSystem();

const time = new MeasuredTime(values.servers);
/** An array of its own for each command would cost more than all the rest that is done for it. */
const slab = new ByteSlab(64 * 1024);
const template = encodeCommand({ kind: 'plain', body: new Uint8Array(BODY_BYTES) });
const KEY_END = template.length - BODY_BYTES + KEY_BYTES;
let isOver = false;
let failed = 0;
let written = 0;
const latencies = new Latencies();

/** One write after the other. */
class Slot {
  readonly #client: ShardClient;
  #startedMs = 0;

  constructor(client: ShardClient) {
    this.#client = client;
  }

  next(): void {
    const command = slab.cut(template.length);
    command.set(template);
    written += 1;
    writeNumber(command, KEY_END, written % KEYS);
    this.#startedMs = performance.now();
    this.#client.propose(command, TIMEOUT_MS, false, this.#done);
  }

  readonly #done = ({ kind }: { readonly kind: string }): void => {
    if (time.isMeasured) {
      if (kind === 'applied') latencies.add(performance.now() - this.#startedMs);
      else failed += 1;
    }
    if (!isOver) this.next();
  };
}

/** So that keys are in the order of their numbers. */
function writeNumber(bytes: Uint8Array, end: number, number: number): void {
  for (let at = end - 1, rest = number; rest > 0; at--, rest >>>= 8) bytes[at] = rest & 0xff;
}

const connections = Array.from({ length: connectionCount }, () => {
  const options = { clock, net: systemNet, clusterId: CLUSTER_ID, members };
  return new ClientConnections(options);
});
for (const callees of connections) {
  const shard = Number(values.shard);
  const client = new ShardClient({ clock, random, callees, shard });
  const slots = Number(values.inflight) / connectionCount;
  for (let i = 0; i < slots; i++) new Slot(client).next();
}
const { seconds, cpu } = await time.pass(Number(values.warmup), Number(values.seconds));
isOver = true;
console.log(JSON.stringify(latencies.summary(seconds, failed, cpu)));
for (const callees of connections) callees.close();
process.exit(0);
