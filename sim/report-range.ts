// Runs a range of seeds and tells how far it is, what failed, and how often everything happened.

import { neverHappened, renderCounts } from './counts.ts';
import { type Range, runRange, type SeedReport, type Summary } from './range.ts';

/** Fewer seeds than this need not show every class of fault. */
const SEEDS_FOR_ALL_CLASSES = 200;
const PROGRESS_MS = 2_000;
const BAR_WIDTH = 30;
const AGAIN_MAX = 5;

export interface RangeLabels {
  /** What comes between `npm run sim -- ` and `--seed N`. */
  readonly command: string;
  readonly span: (amount: number) => string;
}

/** The exit code: 1 if a seed failed or, with enough seeds, a class of fault never happened. */
export async function reportRange<Counts extends object>(
  range: Omit<Range<Counts>, 'onReport'>,
  labels: RangeLabels,
  nowMs: () => number,
): Promise<number> {
  const started = nowMs();
  let told = started;
  const total = range.last - range.first + 1;
  const onReport = (summary: Summary<Counts>, { failure, seed }: SeedReport<Counts>): void => {
    if (failure !== undefined) console.log(`seed ${seed}: ${failure}`);
    if (nowMs() - told < PROGRESS_MS) return;
    told = nowMs();
    const { failures, seeds } = summary;
    console.log(`${bar(seeds / total)} ${seeds} of ${total} seeds, ${failures.length} failed`);
  };
  const summary = await runRange({ ...range, onReport });
  const seconds = (nowMs() - started) / 1_000;
  console.log(renderCounts(summary.counters));
  const { cpuSeconds, events, failures, operations, seeds, span } = summary;
  const perSeed = (cpuSeconds / Math.max(1, seeds)).toFixed(3);
  console.log(
    `${seeds} seeds, ${events} events, ${operations} operations checked, ${labels.span(span)}, ` +
      `${seconds.toFixed(1)} s, ${Math.round(events / cpuSeconds)} events/s/core, ` +
      `${perSeed} s/seed`,
  );
  const never = seeds < SEEDS_FOR_ALL_CLASSES ? [] : neverHappened(summary.counters);
  if (never.length > 0) console.log(`never happened: ${never.join(', ')}`);
  const again = ['npm run sim --', labels.command, ...range.args, '--seed'];
  for (const { seed } of failures.slice(0, AGAIN_MAX)) {
    console.log(`again: ${again.filter((word) => word !== '').join(' ')} ${seed}`);
  }
  console.log(`${seeds - failures.length} passed, ${failures.length} failed`);
  return failures.length > 0 || never.length > 0 ? 1 : 0;
}

function bar(share: number): string {
  const done = Math.floor(share * BAR_WIDTH);
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}]`;
}
