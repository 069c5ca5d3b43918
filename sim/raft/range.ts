// Runs a range of seeds on all cores and sums up what happened.

import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { addCounts, type Counters, noCounts } from './counters.ts';
import type { RunResult } from './run.ts';

export interface Summary {
  seeds: number;
  events: number;
  operations: number;
  ticks: number;
  /** Of all processes together. */
  cpuSeconds: number;
  readonly counters: Counters;
  readonly failures: RunResult[];
}

type Report = RunResult | { readonly cpuSeconds: number };

export function newSummary(): Summary {
  const counters = noCounts();
  return { seeds: 0, events: 0, operations: 0, ticks: 0, cpuSeconds: 0, counters, failures: [] };
}

export function addResult(summary: Summary, result: RunResult): void {
  summary.seeds += 1;
  summary.events += result.events;
  summary.operations += result.operations;
  summary.ticks += result.ticks;
  addCounts(summary.counters, result.counters);
  if (result.failure !== undefined) summary.failures.push(result);
}

export async function runRange(
  first: number,
  last: number,
  onResult: (summary: Summary, result: RunResult) => void,
): Promise<Summary> {
  const summary = newSummary();
  const count = Math.min(availableParallelism(), last - first + 1);
  const file = fileURLToPath(new URL('./worker.ts', import.meta.url));
  const workers = Array.from({ length: count }, (_, i) => {
    const worker = fork(file, [String(first + i), String(last), String(count)]);
    worker.on('message', (report: Report) => {
      if ('cpuSeconds' in report) {
        summary.cpuSeconds += report.cpuSeconds;
        return;
      }
      addResult(summary, report);
      onResult(summary, report);
    });
    return new Promise<void>((resolve, reject) => {
      worker.on('error', reject);
      worker.on('exit', (code) => {
        if (code === 0) resolve();
        else reject(new Error(`a worker ended with ${code}`));
      });
    });
  });
  await Promise.all(workers);
  return summary;
}

/** One line per counter; those at zero are marked, for they prove nothing. */
export function renderCounts(counters: Counters): string {
  const lines = Object.entries(counters).map(([name, count]: [string, number]) => {
    return `  ${name.padEnd(20)} ${String(count).padStart(12)}${count === 0 ? '  <- never' : ''}`;
  });
  return lines.join('\n');
}

export function neverHappened(counters: Counters): string[] {
  return Object.entries(counters).flatMap(([name, count]) => (count === 0 ? [name] : []));
}
