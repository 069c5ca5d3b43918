// `npm run sim -- raft`: one seed told event by event, or a range of seeds summed up.

import { parseArgs } from 'node:util';
import { LEGEND, narrate } from './narrator.ts';
import { neverHappened, renderCounts, runRange, type Summary } from './range.ts';
import type { RunResult } from './run.ts';
import { runSeed } from './run.ts';
import { drawScenario } from './scenario.ts';
import { traceSeed } from './trace-seed.ts';

export const RAFT_USAGE = `\
raft --seed N            tells what happens in the run of seed N, event by event
raft --seed N --hash     only its trace hash, to compare runs
raft --seeds A..B        runs a range of seeds on all cores (default 1..1000)`;

/** Fewer seeds than this need not show every class of fault. */
const SEEDS_FOR_ALL_CLASSES = 200;
const PROGRESS_MS = 2_000;

/** The exit code. `nowMs` only serves the display. */
export async function raftCommand(args: string[], nowMs: () => number): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      hash: { type: 'boolean' },
    },
  });
  if (values.seed !== undefined) {
    const seed = Number(values.seed);
    return values.hash === true ? hash(seed) : tell(seed);
  }
  const [first, last] = (values.seeds ?? '1..1000').split('..').map(Number);
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(last)) {
    console.error(RAFT_USAGE);
    return 2;
  }
  return range(first as number, last as number, nowMs);
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
  console.log(`${result.events} events, ${result.operations} operations, ${result.ticks} ticks`);
  console.log(result.failure === undefined ? 'ok' : `FAILED: ${result.failure}`);
  return result.failure === undefined ? 0 : 1;
}

async function range(first: number, last: number, nowMs: () => number): Promise<number> {
  const started = nowMs();
  let told = started;
  const onResult = ({ seeds, failures }: Summary, { failure, seed }: RunResult): void => {
    if (failure !== undefined) console.log(`seed ${seed}: ${failure}`);
    if (nowMs() - told < PROGRESS_MS) return;
    told = nowMs();
    console.log(`${seeds} of ${last - first + 1} seeds, ${failures.length} failed`);
  };
  const summary = await runRange(first, last, onResult);
  const seconds = (nowMs() - started) / 1_000;
  console.log(renderCounts(summary.counters));
  const { cpuSeconds, events, failures, operations, seeds, ticks } = summary;
  console.log(
    `${seeds} seeds, ${events} events, ${operations} operations checked, ${ticks} ticks, ` +
      `${seconds.toFixed(1)} s, ${Math.round(events / cpuSeconds)} events/s/core`,
  );
  const never = seeds < SEEDS_FOR_ALL_CLASSES ? [] : neverHappened(summary.counters);
  if (never.length > 0) console.log(`never happened: ${never.join(', ')}`);
  for (const { seed } of failures.slice(0, 5))
    console.log(`again: npm run sim -- raft --seed ${seed}`);
  console.log(`${seeds - failures.length} passed, ${failures.length} failed`);
  return failures.length > 0 || never.length > 0 ? 1 : 0;
}
