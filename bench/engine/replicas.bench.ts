// What three members commit together, with every write synced on a majority of disks: with 256
// writes in flight over four connections, and one alone. Next to it, in the same run, a toy that
// does the bare minimum, see toy.ts, and a server on another Raft library, see interop/openraft.
//
//   npm run bench -- replicas [--seconds N] [--rounds N] [--store lmdb|memory] [--directory D]
//     [--with toy,openraft] [--node-flags "--a --b"]
//
// The server on openraft takes part when it is built: `cargo build --release` in its folder.

import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags, refuse } from '../../scripts/flags.ts';
import { must } from '../../src/base/assert.ts';
import { CONTENDERS, type ContenderName, type Round, whyAbsent } from './contenders.ts';
import type { LoadResult } from './latencies.ts';
import { cpuPer100k, describeLoad, Figures } from './runs.ts';

/** The figures to meet. */
const PER_SECOND_MIN = 50_000;
const P99_MS_MAX = 15;
const LONE_P50_MS_MAX = 1.5;

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    seconds: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '3' },
    store: { type: 'string', default: 'lmdb' },
    directory: { type: 'string', default: tmpdir() },
    with: { type: 'string', default: 'toy' },
    'node-flags': { type: 'string', default: '' },
  },
});
const others = values.with.split(',').filter((name) => name !== '');
const names = ['members', ...others] as ContenderName[];
for (const name of names) {
  const why = whyAbsent(name);
  if (why !== undefined) refuse(why);
}
const root = await mkdtemp(join(values.directory, 'parley-replicas-'));

/** Rounds alternate, so that what else the machine does meets all of them. */
const rounds = new Map<ContenderName, Round[]>(names.map((name) => [name, []]));
try {
  for (let round = 1; round <= Number(values.rounds); round++) {
    for (const name of names) {
      const result = await CONTENDERS[name]({
        directory: join(root, `${name}-${round}`),
        seconds: Number(values.seconds),
        store: values.store,
        nodeFlags: values['node-flags'].split(' ').filter((flag) => flag !== ''),
      });
      // Servers that found no leader say nothing about speed.
      if (result.many.writes === 0)
        console.log(`${name} took no writes: this round is not counted`);
      else rounds.get(name)?.push(result);
      console.log(describeLoad(`${name}, 256 in flight`, result.many));
      console.log(describeLoad(`${name}, one in flight`, result.lone));
    }
  }
} finally {
  await rm(root, { recursive: true, force: true });
}

interface Middles {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly lone: number;
  readonly cpu: number;
}

const ours = middles('members');
const loads = loadavg().map((load) => load.toFixed(1));
console.log(`\nthe middle of ${values.rounds} rounds; load ${loads.join(', ')}`);
console.log('              writes/s     p50 ms  p99 ms  lone ms  cpu s per 100,000');
for (const name of names) print(name, middles(name));
for (const name of others as ContenderName[]) {
  const its = middles(name);
  print(`/ ${name}`, {
    perSecond: ours.perSecond / its.perSecond,
    p50: ours.p50 / its.p50,
    p99: ours.p99 / its.p99,
    lone: ours.lone / its.lone,
    cpu: ours.cpu / its.cpu,
  });
}
const figures = new Figures();
figures.atLeast('writes per second', ours.perSecond, PER_SECOND_MIN);
figures.atMost('p99 in ms', ours.p99, P99_MS_MAX);
figures.atMost('p50 of a lone write in ms', ours.lone, LONE_P50_MS_MAX);
figures.close();

function middles(name: ContenderName): Middles {
  const all = must(rounds.get(name), 'it took part');
  const many = (of: (result: LoadResult) => number): number => middle(all.map((r) => of(r.many)));
  return {
    perSecond: many((result) => result.perSecond),
    p50: many((result) => result.p50Ms),
    p99: many((result) => result.p99Ms),
    lone: middle(all.map((round) => round.lone.p50Ms)),
    cpu: many(cpuPer100k),
  };
}

function middle(all: readonly number[]): number {
  const sorted = all.toSorted((a, b) => a - b);
  return must(sorted[sorted.length >> 1], 'there was a round');
}

function print(name: string, { perSecond, p50, p99, lone, cpu }: Middles): void {
  const rate = perSecond < 100 ? perSecond.toFixed(2) : perSecond.toLocaleString('en');
  const rest = [p50, p99, lone, cpu].map((figure) => figure.toFixed(2).padStart(9));
  console.log(`${name.padEnd(12)} ${rate.padStart(9)} ${rest.join('')}`);
}
