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

  summary(seconds: number, failed: number, cpu: number): LoadResult {
    return {
      writes: this.count,
      perSecond: Math.round(this.count / seconds),
      p50Ms: this.quantileMs(0.5),
      p99Ms: this.quantileMs(0.99),
      maxMs: this.maxMs,
      failed,
      cpu,
    };
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
  /** Seconds of processor that the servers took, all together; 0 when none were named. */
  readonly cpu: number;
}
