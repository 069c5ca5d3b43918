// What three members commit together, with every write synced on a majority of disks: with 256
// writes in flight over four connections, and one alone. Next to it, in the same run, a toy that
// does the bare minimum, see toy.ts.
//
//   npm run bench -- replicas [--seconds N] [--rounds N] [--store lmdb|memory] [--directory D]

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { must } from '../../src/base/assert.ts';
import { LineProcess } from '../../test/drills/line-process.ts';
import { freePorts, Members } from '../../test/drills/members.ts';
import { cpuSeconds, formatPeers } from './cluster.ts';
import type { LoadResult } from './latencies.ts';
import { describeLoad, Figures, measureBy, measureLoad } from './runs.ts';

/** The figures to meet. */
const PER_SECOND_MIN = 50_000;
const P99_MS_MAX = 15;
const LONE_P50_MS_MAX = 1.5;

const MANY = ['--connections', '4', '--inflight', '256'];
const ONE = ['--connections', '1', '--inflight', '1'];
const TOY = fileURLToPath(new URL('toy.ts', import.meta.url));

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    store: { type: 'string', default: 'lmdb' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const seconds = Number(values.seconds);
const root = await mkdtemp(join(values.directory, 'parley-replicas-'));

/** Rounds alternate, so that what else the machine does meets both. The middle one counts. */
const rounds = { members: [] as LoadResult[], toy: [] as LoadResult[], lone: [] as LoadResult[] };
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    await measureToy(join(root, `toy-${round}`));
    await measureMembers(join(root, `members-${round}`));
  }
} finally {
  await rm(root, { recursive: true, force: true });
}
const many = middle(rounds.members);
const lone = middle(rounds.lone);
const toy = middle(rounds.toy);
console.log(describeLoad('the middle of all rounds', many));
console.log(`${((many.perSecond / toy.perSecond) * 100).toFixed(0)} % of the toy`);
const figures = new Figures();
figures.atLeast('writes per second', many.perSecond, PER_SECOND_MIN);
figures.atMost('p99 in ms', many.p99Ms, P99_MS_MAX);
figures.atMost('p50 of a lone write in ms', lone.p50Ms, LONE_P50_MS_MAX);
figures.close();

async function measureMembers(directory: string): Promise<void> {
  const directories = [1, 2, 3].map((member) => join(directory, String(member)));
  const members = await Members.at(directories, '--store', values.store);
  try {
    const problems = await members.startAll();
    if (problems.length > 0) throw new Error(problems.join('\n'));
    const peers = formatPeers(members.addresses);
    const time = ['--seconds', String(seconds)];
    const before = members.ids.map((member) => cpuSeconds(members.pid(member)));
    const startedMs = performance.now();
    const result = await measureLoad(peers, [...MANY, ...time]);
    const elapsed = (performance.now() - startedMs) / 1_000;
    const spent = members.ids.map((member, i) => {
      const cpu = cpuSeconds(members.pid(member)) - must(before[i], 'one for each');
      return `${((cpu / elapsed) * 100).toFixed(0)} %`;
    });
    rounds.members.push(result);
    console.log(describeLoad('members, 256 in flight', result));
    console.log(`  processor: members ${spent.join(', ')}`);
    const alone = await measureLoad(peers, [...ONE, '--seconds', '2', '--warmup', '1']);
    rounds.lone.push(alone);
    console.log(describeLoad('members, one in flight', alone));
  } finally {
    await members.killAll();
    await rm(directory, { recursive: true, force: true });
  }
}

async function measureToy(directory: string): Promise<void> {
  const ports = await freePorts(3);
  const [leader, ...followers] = ports;
  const files = (port: number): string[] => ['--file', `${directory}-${port}`];
  const processes: LineProcess[] = [];
  const start = async (flags: readonly string[]): Promise<void> => {
    const process = new LineProcess(TOY, flags);
    processes.push(process);
    await process.line(() => true);
  };
  try {
    for (const port of followers) await start(['--port', String(port), ...files(port)]);
    const flags = ['--port', String(leader), '--followers', followers.join(',')];
    await start([...flags, ...files(leader as number)]);
    const load = ['--load', String(leader)];
    const time = ['--seconds', String(seconds / 2), '--warmup', '1'];
    const result = await measureBy(TOY, [...load, ...MANY, ...time]);
    rounds.toy.push(result);
    console.log(describeLoad('toy, 256 in flight', result));
    const alone = await measureBy(TOY, [...load, ...ONE, '--seconds', '1', '--warmup', '1']);
    console.log(describeLoad('toy, one in flight', alone));
  } finally {
    await Promise.all(processes.map((process) => process.kill()));
  }
}

function middle(results: readonly LoadResult[]): LoadResult {
  const sorted = results.toSorted((a, b) => a.perSecond - b.perSecond);
  return must(sorted[sorted.length >> 1], 'there was a round');
}
