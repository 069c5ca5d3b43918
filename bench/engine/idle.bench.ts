// What shards cost that nobody uses: three members with many of them, left alone.
//
//   npm run bench -- idle [--shards N] [--seconds N] [--settle N] [--store lmdb|memory]

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags } from '../../scripts/flags.ts';
import { must } from '../../src/base/assert.ts';
import { Members } from '../../test/drills/members.ts';
import { cpuSeconds, formatPeers, sleep } from './cluster.ts';
import { describeLoad, Figures, measureLoad } from './runs.ts';

/** The figure to meet, in hundredths of one core per member. */
const PERCENT_MAX = 2;

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    shards: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    settle: { type: 'string', default: '15' },
    store: { type: 'string', default: 'lmdb' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const seconds = Number(values.seconds);
const root = await mkdtemp(join(values.directory, 'parley-idle-'));
const directories = [1, 2, 3].map((member) => join(root, String(member)));
const members = await Members.at(directories, '--store', values.store, '--shards', values.shards);
const figures = new Figures();
try {
  const problems = await members.startAll();
  if (problems.length > 0) throw new Error(problems.join('\n'));
  await sleep(Number(values.settle) * 1_000);
  const before = members.ids.map((member) => cpuSeconds(members.pid(member)));
  await sleep(seconds * 1_000);
  for (const [i, member] of members.ids.entries()) {
    const spent = cpuSeconds(members.pid(member)) - must(before[i], 'one for each');
    const percent = (spent / seconds) * 100;
    const memory = residentMiB(members.pid(member)).toFixed(0);
    console.log(`member ${member}: ${percent.toFixed(2)} % of a core, ${memory} MiB`);
    figures.atMost(`member ${member} in % of a core`, percent, PERCENT_MAX);
  }
  // Shards that sleep for good would cost nothing at all.
  const lone = ['--connections', '1', '--inflight', '1', '--seconds', '1', '--warmup', '1'];
  const woken = await measureLoad(formatPeers(members.addresses), [
    ...lone,
    '--shard',
    values.shards,
  ]);
  console.log(describeLoad('the last shard, woken', woken));
  figures.atLeast('writes to a shard that slept', woken.writes, 1);
} finally {
  await members.killAll();
  await rm(root, { recursive: true, force: true });
}
figures.close();

function residentMiB(pid: number): number {
  const [, pages] = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ');
  return (Number(pages) * 4_096) / 2 ** 20;
}
