// How long nobody can write after the leader's process was killed: from the kill to the next write
// that is acknowledged, again and again, each time with the killed member started anew.
//
//   npm run bench -- failover [--kills N] [--store lmdb|memory] [--directory D]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags } from '../../scripts/flags.ts';
import { SystemClock } from '../../src/engine/clock/index.ts';
import { randomFromSystem } from '../../src/engine/random/index.ts';
import { systemNet } from '../../src/engine/transport/index.ts';
import {
  ClientConnections,
  type CommandOutcome,
  ShardClient,
  ShardSession,
} from '../../src/replica/requests/index.ts';
import { Members } from '../../test/drills/members.ts';
import { CLUSTER_ID, sleep } from './cluster.ts';
import { KEY_BYTES } from './puts.ts';
import { Figures } from './runs.ts';

/** The figures to meet. */
const P50_MS_MAX = 500;
const P99_MS_MAX = 1_500;

const WRITE_TIMEOUT_MS = 20_000;
/** For the member that was started anew to catch up, before the next leader dies. */
const REST_MS = 700;

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    kills: { type: 'string', default: '100' },
    store: { type: 'string', default: 'lmdb' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const kills = Number(values.kills);
const root = await mkdtemp(join(values.directory, 'parley-failover-'));
const directories = [1, 2, 3].map((member) => join(root, String(member)));
const members = await Members.at(directories, '--store', values.store);
const clock = new SystemClock();
const connections = new ClientConnections({
  clock,
  net: systemNet,
  clusterId: CLUSTER_ID,
  members: members.addresses,
});
const random = randomFromSystem();
const client = new ShardClient({ clock, random, callees: connections, shard: 1 });
const session = new ShardSession(client);
const timesMs: number[] = [];

try {
  const problems = await members.startAll();
  if (problems.length > 0) throw new Error(problems.join('\n'));
  await write();
  for (let kill = 1; kill <= kills; kill++) {
    timesMs.push(await killLeader());
    if (process.stderr.isTTY) process.stderr.write(`\r${kill}/${kills}`);
  }
} finally {
  client.close();
  connections.close();
  await members.killAll();
  await rm(root, { recursive: true, force: true });
}
if (process.stderr.isTTY) process.stderr.write('\r');
const sorted = timesMs.toSorted((a, b) => a - b);
const [p50, p99] = [quantile(0.5), quantile(0.99)];
console.log(
  `${kills} leaders killed; to the next write: p50 ${p50.toFixed(0)} ms, ` +
    `p99 ${p99.toFixed(0)} ms, from ${quantile(0).toFixed(0)} to ${quantile(1).toFixed(0)} ms`,
);
const figures = new Figures();
figures.atMost('p50 in ms', p50, P50_MS_MAX);
figures.atMost('p99 in ms', p99, P99_MS_MAX);
figures.close();
process.exit();

/** Milliseconds until a write was acknowledged that began before the leader died. */
async function killLeader(): Promise<number> {
  // Whoever answered last leads, or knows who does.
  await write();
  await write();
  const leader = client.target;
  const startedMs = performance.now();
  const next = write();
  await members.kill(leader);
  await next;
  // The one that was under way may have been answered just before: the next one counts.
  await write();
  const elapsedMs = performance.now() - startedMs;
  const problem = await members.start(leader);
  if (problem !== undefined) throw new Error(problem);
  await sleep(REST_MS);
  return elapsedMs;
}

function write(): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  session.submit(new Uint8Array(KEY_BYTES * 2), WRITE_TIMEOUT_MS, (outcome: CommandOutcome) => {
    if (outcome.kind === 'done') resolve();
    else reject(new Error(`a write ended as ${outcome.kind}: ${outcome.reason}`));
  });
  return promise;
}

function quantile(part: number): number {
  const place = Math.max(0, Math.ceil(sorted.length * part) - 1);
  return sorted[place] ?? Number.NaN;
}
