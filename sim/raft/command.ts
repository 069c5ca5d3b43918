// `npm run sim -- raft`: one seed told event by event, or a range of seeds summed up.

import { readFlags, wholeNumber, wholeRange } from '../../scripts/flags.ts';
import { renderCounts } from '../counts.ts';
import { reportRange } from '../report-range.ts';
import { noCounts } from './counters.ts';
import { LEGEND, narrate } from './narrator.ts';
import { runSeed } from './run.ts';
import { drawScenario } from './scenario.ts';
import { traceSeed } from './trace-seed.ts';

export const RAFT_USAGE = `\
raft --seed N            tells what happens in the run of seed N, event by event
raft --seed N --hash     only its trace hash, to compare runs
raft --seeds A..B        runs a range of seeds on all cores (default 1..1000)`;

/** The exit code. `nowMs` only serves the display. */
export async function raftCommand(args: string[], nowMs: () => number): Promise<number> {
  const { values } = readFlags(RAFT_USAGE, {
    args,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      hash: { type: 'boolean' },
    },
  });
  if (values.seed !== undefined) {
    const seed = wholeNumber('--seed', values.seed);
    return values.hash === true ? hash(seed) : tell(seed);
  }
  const [first, last] = wholeRange('--seeds', values.seeds ?? '1..1000');
  return range(first, last, nowMs);
}

function hash(seed: number): number {
  const { events, failure, hash: word } = traceSeed(seed);
  console.log(`${word} after ${events} events`);
  return failure === undefined ? 0 : 1;
}

function tell(seed: number): number {
  console.log(`seed ${seed}\n${JSON.stringify(drawScenario(seed), null, 1)}\n${LEGEND}`);
  const result = runSeed(seed, (event, world, note) => console.log(narrate(event, world, note)));
  console.log(renderCounts(result.counters));
  console.log(`${result.events} events, ${result.operations} operations, ${result.span} ticks`);
  console.log(result.failure === undefined ? 'ok' : `FAILED: ${result.failure}`);
  return result.failure === undefined ? 0 : 1;
}

function range(first: number, last: number, nowMs: () => number): Promise<number> {
  const worker = new URL('./worker.ts', import.meta.url);
  const labels = { command: 'raft', span: (ticks: number): string => `${ticks} ticks` };
  return reportRange({ worker, first, last, args: [], noCounts }, labels, nowMs);
}
