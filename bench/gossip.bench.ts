// Gossip among many members in one process, on a simulated network of a millisecond or so.
//
//   npm run bench -- gossip                        10, 100, 500, 1,000 members, and the chart
//   npm run bench -- gossip --members 1000                 one size
//   npm run bench -- gossip --members 100 --quick          fewer trials
//   npm run bench -- gossip --members 1000 --loss 0.05 --rounds 120     counts false deaths
//   npm run bench -- gossip --hour                         the same: 100 members, 7,200 rounds

import { writeFileSync } from 'node:fs';
import { readFlags } from '../scripts/flags.ts';
import { Crowd, INTERVAL_MS } from './gossip/crowd.ts';
import {
  measureDeaths,
  measureFormation,
  measureJoins,
  measureKeys,
  measureQuiet,
  type Phase,
} from './gossip/phases.ts';
import { drawChart } from './svg.ts';

const SIZES = [10, 100, 500, 1_000];
const CHART = new URL('../docs/images/gossip-convergence.svg', import.meta.url);
/** The figure to meet: rounds until a new key reached all of 1,000 members, median. */
const KEY_ROUNDS_MAX = 12;

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    members: { type: 'string' },
    loss: { type: 'string' },
    rounds: { type: 'string' },
    seed: { type: 'string', default: '1' },
    hour: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
  },
});
const seed = Number(values.seed);
const trials = values.quick ? { keys: 3, joins: 1, deaths: 1 } : { keys: 10, joins: 3, deaths: 3 };

function median(sorted: readonly number[]): number {
  const middle = sorted.length / 2;
  const low = sorted[Math.ceil(middle) - 1] ?? 0;
  const high = sorted[Math.floor(middle)] ?? low;
  return Math.round(((low + high) / 2) * 10) / 10;
}

/** Goes through all phases and prints each as it ends. */
async function measureSize(members: number): Promise<readonly Phase[]> {
  const crowd = new Crowd({ lossRate: Number(values.loss ?? 0), seed });
  const deaths = Math.min(trials.deaths, Math.floor(members / 3));
  const phases: Phase[] = [];
  const steps = [
    () => measureFormation(crowd, members),
    () => measureQuiet(crowd, 10),
    () => measureKeys(crowd, trials.keys),
    () => measureJoins(crowd, trials.joins),
    () => measureDeaths(crowd, deaths),
  ];
  for (const step of steps) {
    const phase = await step();
    phases.push(phase);
    console.log(describePhase(members, phase));
  }
  return phases;
}

const HEADINGS = ' members  what       trials  rounds   fastest-slowest  KiB sent  CPU µs';

function describePhase(members: number, phase: Phase): string {
  const { rounds } = phase;
  return [
    members.toLocaleString('en').padStart(8),
    ` ${phase.name.padEnd(10)}`,
    String(rounds.length).padStart(5),
    median(rounds).toFixed(1).padStart(7),
    `${(rounds[0] ?? 0).toFixed(1)} to ${(rounds.at(-1) ?? 0).toFixed(1)}`.padStart(17),
    (phase.bytesPerMemberRound / 1_024).toFixed(1).padStart(9),
    phase.cpuMicrosPerMemberRound.toFixed(0).padStart(7),
  ].join(' ');
}

function drawConvergence(results: ReadonlyMap<number, readonly Phase[]>): void {
  const names = ['key', 'join', 'death'];
  const series = names.map((name) => ({
    name,
    values: [...results.values()].map((phases) => {
      const phase = phases.find((candidate) => candidate.name === name);
      return phase === undefined ? undefined : median(phase.rounds);
    }),
  }));
  const svg = drawChart({
    title: 'Gossip rounds until every member knows',
    subtitle: `a new key, a member that joins, a member that dies; one round is ${INTERVAL_MS} ms`,
    xLabel: 'members',
    yLabel: 'rounds',
    xTicks: [...results.keys()],
    yTicks: [0.5, 1, 2, 5, 10, 20, 50],
    series,
  });
  writeFileSync(CHART, svg);
  console.log('drawn in docs/images/gossip-convergence.svg');
}

async function convergence(sizes: readonly number[]): Promise<boolean> {
  console.log('rounds until the last member knows; cost per member and round');
  console.log(HEADINGS);
  const results = new Map<number, readonly Phase[]>();
  for (const members of sizes) {
    results.set(members, await measureSize(members));
  }
  if (sizes === SIZES && !values.quick) drawConvergence(results);
  const key = results.get(1_000)?.find(({ name }) => name === 'key');
  if (key === undefined || median(key.rounds) <= KEY_ROUNDS_MAX) return true;
  console.error(`a key takes more than ${KEY_ROUNDS_MAX} rounds to reach 1,000 members`);
  return false;
}

/** Runs an unbroken crowd on a lossy network: nobody dies, and nobody must be taken for dead. */
async function falseDeaths(members: number, rounds: number, lossRate: number): Promise<boolean> {
  const crowd = new Crowd({ lossRate, seed });
  const formation = await measureFormation(crowd, members);
  const started = performance.now();
  const quiet = await measureQuiet(crowd, rounds);
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  const deaths = crowd.falseDeaths();
  const loss = `${(lossRate * 100).toFixed(0)} % loss`;
  console.log(`${members} members, ${loss}, formed in ${median(formation.rounds)} rounds`);
  console.log(`${rounds} rounds in ${seconds} s: ${deaths} false deaths`);
  console.log(
    `${(quiet.bytesPerMemberRound / 1_024).toFixed(1)} KiB and ` +
      `${quiet.cpuMicrosPerMemberRound.toFixed(0)} µs of CPU per member and round`,
  );
  return deaths === 0;
}

const members = values.members === undefined ? undefined : Number(values.members);
const passed =
  values.hour || values.rounds !== undefined
    ? await falseDeaths(members ?? 100, Number(values.rounds ?? 7_200), Number(values.loss ?? 0.05))
    : await convergence(members === undefined ? SIZES : [members]);
process.exitCode = passed ? 0 : 1;
