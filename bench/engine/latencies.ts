// Latencies in buckets of ten microseconds, so that keeping one costs no memory and no time.

import { must } from '../../src/base/assert.ts';

const BUCKET_MS = 0.01;
/** Two seconds; what takes longer counts as that. */
const BUCKETS = 200_000;

export class Latencies {
  count = 0;
  maxMs = 0;
  readonly #buckets = new Uint32Array(BUCKETS);

  add(ms: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.floor(ms / BUCKET_MS));
    this.#buckets[bucket] = (this.#buckets[bucket] as number) + 1;
    this.count += 1;
    if (ms > this.maxMs) this.maxMs = ms;
  }

  /** The time within which this part of all took place. */
  quantileMs(part: number): number {
    let left = Math.ceil(this.count * part);
    for (let i = 0; i < BUCKETS; i++) {
      left -= must(this.#buckets[i], 'there are so many buckets');
      if (left <= 0) return (i + 1) * BUCKET_MS;
    }
    return this.maxMs;
  }
}

export interface LoadResult {
  readonly writes: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Commands that were not applied, whatever the reason. */
  readonly failed: number;
}

export function summarize(latencies: Latencies, seconds: number, failed: number): LoadResult {
  return {
    writes: latencies.count,
    perSecond: Math.round(latencies.count / seconds),
    p50Ms: latencies.quantileMs(0.5),
    p99Ms: latencies.quantileMs(0.99),
    maxMs: latencies.maxMs,
    failed,
  };
}
