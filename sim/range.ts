// Runs a range of seeds on all cores and sums up what happened.

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { SystemClock } from '../src/engine/clock/index.ts';
import { addCounts } from './counts.ts';

const clock = new SystemClock();

/** What is told of one seed, whatever was simulated. */
export interface SeedReport<Counts extends object> {
  readonly seed: number;
  readonly events: number;
  /** Of clients, judged. */
  readonly operations: number;
  /** Simulated time, in the simulation's own unit. */
  readonly span: number;
  readonly counters: Counts;
  /** What went wrong, if anything did. */
  readonly failure: string | undefined;
  /** Of all that happened, where it is wanted. */
  readonly hash?: string;
}

export interface Summary<Counts extends object> {
  seeds: number;
  events: number;
  operations: number;
  span: number;
  /** Of all processes together. */
  cpuSeconds: number;
  readonly counters: Counts;
  readonly failures: { readonly seed: number; readonly failure: string }[];
}

export interface Range<Counts extends object> {
  /** A file that calls `serveRange`. */
  readonly worker: URL;
  readonly first: number;
  readonly last: number;
  /** Passed on to the worker. */
  readonly args: readonly string[];
  readonly noCounts: () => Counts;
  readonly onReport: (summary: Summary<Counts>, report: SeedReport<Counts>) => void;
}

type Message<Counts extends object> = SeedReport<Counts> | { readonly cpuSeconds: number };

export function newSummary<Counts extends object>(counters: Counts): Summary<Counts> {
  return { seeds: 0, events: 0, operations: 0, span: 0, cpuSeconds: 0, counters, failures: [] };
}

export function addReport<Counts extends object>(
  summary: Summary<Counts>,
  { counters, events, failure, operations, seed, span }: SeedReport<Counts>,
): void {
  summary.seeds += 1;
  summary.events += events;
  summary.operations += operations;
  summary.span += span;
  addCounts(summary.counters, counters);
  if (failure !== undefined) summary.failures.push({ seed, failure });
}

export async function runRange<Counts extends object>(
  range: Range<Counts>,
): Promise<Summary<Counts>> {
  const { first, last } = range;
  const summary = newSummary(range.noCounts());
  const count = Math.min(availableParallelism(), last - first + 1);
  const share = (i: number): Promise<void> => {
    const bounds = [first + i, last, count].map(String);
    const worker = fork(fileURLToPath(range.worker), [...bounds, ...range.args]);
    let reported = 0;
    worker.on('message', (message: Message<Counts>) => {
      if ('cpuSeconds' in message) {
        summary.cpuSeconds += message.cpuSeconds;
        return;
      }
      reported += 1;
      addReport(summary, message);
      range.onReport(summary, message);
    });
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', (code) => {
        const seed = first + i + reported * count;
        if (code === 0) resolve();
        else reject(new Error(`the process that ran seed ${seed} ended with ${code}`));
      });
    });
  };
  await Promise.all(Array.from({ length: count }, (_, i) => share(i)));
  return summary;
}

/**
 * The work of a worker: its share of a range, every `stride`-th from `first` to `last`. Tells its
 * parent about each seed.
 */
export async function serveRange<Counts extends object>(
  run: (seed: number) => SeedReport<Counts> | Promise<SeedReport<Counts>>,
): Promise<void> {
  // Nobody is left to be told.
  process.on('disconnect', () => process.exit(1));
  process.channel?.unref();
  const [first, last, stride] = process.argv.slice(2).map(Number) as [number, number, number];
  for (let seed = first; seed <= last; seed += stride) {
    const report = await run(seed);
    process.send?.(report);
    // Where seeds never wait for anything, nothing else would be heard of until the last.
    await new Promise<void>((resolve) => clock.afterTurn(resolve));
  }
  const { system, user } = process.cpuUsage();
  process.send?.({ cpuSeconds: (system + user) / 1e6 });
}
