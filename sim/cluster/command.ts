// `npm run sim -- --seed N`: whole members, one seed told event by event or a range summed up.

import { readFlags, refuse, wholeNumber, wholeRange } from '../../scripts/flags.ts';
import { renderCounts } from '../counts.ts';
import { runRange } from '../range.ts';
import { reportRange } from '../report-range.ts';
import { noCounts } from './counters.ts';
import { LEGEND, narrator } from './narrator.ts';
import { OVERRIDE_OPTIONS, overrideArgs, overridesOf } from './overrides.ts';
import { runSeed } from './run.ts';
import { drawScenario, type Overrides } from './scenario.ts';
import { shrink } from './shrink.ts';

export const CLUSTER_USAGE = `\
--seed N                 tells what happens to whole members in the run of seed N
--seed N --all           the same, with every single event
--seed N --hash          only its trace hash, to compare runs
--seeds A..B             runs a range of seeds on all cores
--determinism A..B       runs each seed in two processes and compares the hashes
--shrink N               looks for the smallest way in which seed N fails
                         all of these with --only CLASS,.. --without CLASS,.. --members N --shards N
                         --clients N --seconds N`;

const WORKER = new URL('./worker.ts', import.meta.url);

/** The exit code. `nowMs` only serves the display. */
export async function clusterCommand(args: string[], nowMs: () => number): Promise<number> {
  const { values } = readFlags(CLUSTER_USAGE, {
    args,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      determinism: { type: 'string' },
      shrink: { type: 'string' },
      hash: { type: 'boolean' },
      all: { type: 'boolean' },
      ...OVERRIDE_OPTIONS,
    },
  });
  const overrides = overridesOf(values);
  if (values.seed !== undefined) {
    const seed = wholeNumber('--seed', values.seed);
    return values.hash === true
      ? hash(seed, overrides)
      : tell(seed, overrides, values.all === true);
  }
  if (values.shrink !== undefined) return shrinkSeed(wholeNumber('--shrink', values.shrink));
  if (values.determinism !== undefined) {
    return compare(wholeRange('--determinism', values.determinism), overrides);
  }
  if (values.seeds === undefined) return refuse('which? --seed N or --seeds A..B');
  const [first, last] = wholeRange('--seeds', values.seeds);
  const labels = { command: '', span: (ms: number) => `${Math.round(ms / 60_000)} min simulated` };
  const range = { worker: WORKER, first, last, args: overrideArgs(overrides), noCounts };
  return reportRange(range, labels, nowMs);
}

async function hash(seed: number, overrides: Overrides): Promise<number> {
  const { events, failure, hash: word } = await runSeed(seed, { overrides });
  console.log(`${word} after ${events} events`);
  return failure === undefined ? 0 : 1;
}

async function tell(seed: number, overrides: Overrides, isWhole: boolean): Promise<number> {
  const scenario = drawScenario(seed, overrides);
  const drawn = JSON.stringify({ ...scenario, faults: [...scenario.faults] }, null, 1);
  console.log(`seed ${seed}\n${drawn}\n${LEGEND}`);
  const told = narrator((line) => console.log(line), isWhole);
  const result = await runSeed(seed, { overrides, narrator: told });
  console.log(renderCounts(result.counters));
  const seconds = (result.span / 1_000).toFixed(1);
  console.log(`${result.events} events, ${result.operations} operations, ${seconds} s simulated`);
  console.log(result.failure === undefined ? 'ok' : `FAILED: ${result.failure}`);
  return result.failure === undefined ? 0 : 1;
}

async function shrinkSeed(seed: number): Promise<number> {
  const run = (overrides: Overrides) => runSeed(seed, { overrides });
  const smallest = await shrink(seed, run, (text) => console.log(text));
  if (smallest === undefined) {
    console.log(`seed ${seed} does not fail`);
    return 0;
  }
  const { failure } = await run(smallest);
  console.log(`npm run sim -- --seed ${seed} ${overrideArgs(smallest).join(' ')}`.trimEnd());
  console.log(`FAILED: ${failure ?? ''}`);
  return 1;
}

async function compare([first, last]: [number, number], overrides: Overrides): Promise<number> {
  const runs: Map<number, string>[] = [];
  for (let round = 0; round < 2; round++) {
    const hashes = new Map<number, string>();
    await runRange({
      worker: WORKER,
      first,
      last,
      args: overrideArgs(overrides),
      noCounts,
      onReport: (_, { events, hash: word, seed }) => hashes.set(seed, `${word} ${events}`),
    });
    runs.push(hashes);
  }
  const [one, other] = runs;
  let different = 0;
  for (const [seed, word] of one ?? []) {
    if (other?.get(seed) === word) continue;
    different += 1;
    console.log(`seed ${seed}: ${word} in one process, ${other?.get(seed)} in another`);
  }
  console.log(`${(one?.size ?? 0) - different} the same, ${different} different`);
  return different === 0 ? 0 : 1;
}
