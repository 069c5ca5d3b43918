// Runs of programs beside the members, and figures that must be met.

import { fileURLToPath } from 'node:url';
import { LineProcess } from '../../test/drills/line-process.ts';
import type { LoadResult } from './latencies.ts';

const LOAD = fileURLToPath(new URL('load.ts', import.meta.url));

/** What a program that prints one line of JSON found out. */
export async function measureBy(program: string, flags: readonly string[]): Promise<LoadResult> {
  const process = new LineProcess(program, flags);
  const line = await process.line((text) => text.startsWith('{'));
  await process.ended;
  if (line === undefined) throw new Error(`no result: ${process.stderr}`);
  return JSON.parse(line) as LoadResult;
}

export function measureLoad(peers: string, flags: readonly string[]): Promise<LoadResult> {
  return measureBy(LOAD, ['--peers', peers, ...flags]);
}

export function describeLoad(title: string, result: LoadResult): string {
  const { perSecond, p50Ms, p99Ms, maxMs, failed, cpu } = result;
  const rate = `${perSecond.toLocaleString('en').padStart(9)}/s`;
  const times = [p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(2).padStart(7)).join(' ');
  const spent = cpu === 0 ? '' : `   cpu s per 100,000 ${cpuPer100k(result).toFixed(2)}`;
  return `${title.padEnd(26)} ${rate}   ms p50, p99, max ${times}   failed ${failed}${spent}`;
}

/** Seconds of processor of all servers together. */
export function cpuPer100k({ cpu, writes }: LoadResult): number {
  return (cpu / writes) * 100_000;
}

/** Figures that are to be met; those that are not end the program with an exit code. */
export class Figures {
  readonly #missed: string[] = [];

  atMost(name: string, value: number, limit: number): void {
    if (!(value <= limit)) this.#missed.push(`${name} is ${value.toFixed(2)}, at most ${limit}`);
  }

  atLeast(name: string, value: number, limit: number): void {
    if (!(value >= limit)) this.#missed.push(`${name} is ${value.toFixed(0)}, at least ${limit}`);
  }

  close(): void {
    for (const figure of this.#missed) console.error(`missed: ${figure}`);
    if (this.#missed.length > 0) process.exitCode = 1;
  }
}
