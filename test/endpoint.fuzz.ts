// Hostile datagrams against a running member: a process of its own, its real socket, the same
// inventions that src/core/gossip/gossip.fuzz.ts throws at the core. It must neither end nor grow,
// and answer honest peers and HTTP calls all the while.
//
//   node test/endpoint.fuzz.ts --runs 1000000 --seed 1

import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { splitHostPort } from '../src/base/address.ts';
import { assert, must } from '../src/base/assert.ts';
import type { SocketAddress } from '../src/base/ids.ts';
import { Prng } from '../src/base/prng.ts';
import { encodeWire, type WireEntry } from './support/gossip-wire.ts';
import { HostileDatagrams } from './support/hostile-datagrams.ts';

const MAIN = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
/** Small enough for the member's receive buffer, so that none of them is lost on the way. */
const BATCH = 64;
const ANSWER_MS_MAX = 2_000;
const ATTEMPTS_MAX = 10;
const GROWTH_MIB_MAX = 96;

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
  },
});
const [runs, seed] = [Number(values.runs), Number(values.seed)];

const member = spawn(
  process.execPath,
  [MAIN, '--listen_addr', '127.0.0.1:0', '--node_id', 'target', '--dead_grace_ms', '2000'],
  { stdio: ['ignore', 'ignore', 'pipe'] },
);
let ended = false;
member.on('exit', () => {
  ended = true;
});

const { listen, generation } = await readStart(member);
const { port } = must(splitHostPort(listen), 'a member logs where it listens');
const socket = await openSocket();
/** Apart from the other, which gets answers to hostile SYNs as well. */
const asker = await openSocket();
const ids = [
  { nodeId: 'target', generation: BigInt(generation), address: listen },
  { nodeId: 'ghost', generation: 7n, address: '127.0.0.1:9' as SocketAddress },
];
const honest = [0, 1].map((version) => encodeSyn(version as 0 | 1));
const hostile = new HostileDatagrams(Prng.from(seed, 'endpoint'), honest, () => ids);

try {
  // By the first half the member's heap has the size that this attack asks for.
  await attack(Math.ceil(runs / 2));
  const before = residentMiB(member);
  await attack(Math.floor(runs / 2));
  const answer = (await (await fetch(`http://${listen}/`)).json()) as { cluster_id: string };
  assert(answer.cluster_id === 'testing', 'the member still answers over HTTP');
  const grown = residentMiB(member) - before;
  process.stdout.write(`${runs} datagrams: ${before} MiB after half of them, ${grown} more now\n`);
  assert(grown < GROWTH_MIB_MAX, 'the member does not grow with what strangers send');
} finally {
  socket.close();
  asker.close();
  member.kill();
}

async function openSocket(): Promise<Socket> {
  const opened = createSocket('udp4');
  await new Promise<void>((resolve) => opened.bind(0, '127.0.0.1', resolve));
  return opened;
}

function encodeSyn(version: 0 | 1): Uint8Array {
  const digest: WireEntry[] = ids.map((id) => ({ id, heartbeat: 3n, lastGc: 0n, max: 1n }));
  return encodeWire({ version, type: 'syn', digest, clusterId: 'testing' });
}

/** Waits for an answer after every batch, so that the member has read what was sent. */
async function attack(count: number): Promise<void> {
  for (let sent = 0; sent < count; sent += BATCH) {
    for (let i = 0; i < Math.min(BATCH, count - sent); i++) {
      const bytes = hostile.next();
      if (bytes.length <= 65_507) socket.send(bytes, port, '127.0.0.1');
    }
    await awaitAnswer();
    assert(!ended, 'the member runs on');
  }
}

/** An honest SYN is answered. It may be lost in a full buffer, so it is sent again. */
async function awaitAnswer(): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const answered = new Promise<true>((resolve) => asker.once('message', () => resolve(true)));
    asker.send(must(honest[0], 'a SYN of version 0'), port, '127.0.0.1');
    if (await Promise.race([answered, sleep(ANSWER_MS_MAX, false, { ref: false })])) return;
  }
  throw new Error(`no answer to ${ATTEMPTS_MAX} SYNs: the member hangs`);
}

async function readStart(
  child: ChildProcess,
): Promise<{ listen: SocketAddress; generation: number }> {
  const lines = createInterface({ input: must(child.stderr, 'the log is piped') });
  const started = await new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      if (line.includes('"member started"')) resolve(line);
    });
    child.on('exit', (code) => reject(new Error(`the member ended with code ${code}`)));
  });
  return JSON.parse(started) as { listen: SocketAddress; generation: number };
}

/** 0 where the system does not tell. */
function residentMiB(child: ChildProcess): number {
  const path = `/proc/${child.pid}/status`;
  if (!existsSync(path)) return 0;
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(path, 'utf8'))?.[1];
  return Math.round(Number(kib) / 1024);
}
