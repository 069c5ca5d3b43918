// Failure detector: accrual by the mean interval between heartbeats, without logarithm.
//
//   mean = (sum of the window + 5 * initial) / (samples in the window + 5)
//   phi  = silence / mean, undefined without samples         alive = phi <= threshold
//
// A node is judged by every other, so a cluster of n keeps n * n windows. A ring of a thousand
// samples each would be gigabytes in a simulation. Hence the window is kept as sums of blocks: a
// 32nd of the window per block, the oldest block forgotten as a whole. Windows of up to 32 samples
// are exact rings; larger ones hold between 31/32 of their size and all of it. Sums are whole
// eighths of a millisecond, so that adding and forgetting for weeks leaves no rounding error.

import { assert } from '../../base/assert.ts';
import { grown } from './columns.ts';
import type { GossipConfig } from './types.ts';

const PRIOR_SAMPLES = 5;
const UNITS_PER_MS = 8;
const BLOCKS = 32;

type DetectorConfig = Pick<
  GossipConfig,
  'phiThreshold' | 'samplingWindowSize' | 'maxIntervalMs' | 'initialIntervalMs'
>;

export class Detector {
  readonly #threshold: number;
  readonly #window: number;
  readonly #maxIntervalMs: number;
  readonly #priorMs: number;
  readonly #blockSamples: number;
  /** Blocks per slot: those of a full window and the one being filled. */
  readonly #blocks: number;
  #capacity = 0;
  /** NaN until the first heartbeat. */
  #lastMs = new Float64Array();
  /** Units in the window. */
  #sum = new Float64Array();
  /** Samples in the window. */
  #count = new Uint32Array();
  /** Samples since the window was last emptied; tells which block is being filled. */
  #added = new Float64Array();
  /** Units per block, `#blocks` cells for each slot. */
  #blockSums = new Uint32Array();

  constructor(config: DetectorConfig) {
    this.#threshold = config.phiThreshold;
    this.#window = config.samplingWindowSize;
    this.#maxIntervalMs = config.maxIntervalMs;
    this.#priorMs = config.initialIntervalMs * PRIOR_SAMPLES;
    this.#blockSamples = Math.ceil(this.#window / BLOCKS);
    this.#blocks = Math.ceil(this.#window / this.#blockSamples) + 1;
    assert(
      this.#blockSamples * this.#maxIntervalMs * UNITS_PER_MS < 2 ** 32,
      'the sum of a block fits 32 bits [G30]',
    );
  }

  ensureCapacity(capacity: number): void {
    if (capacity <= this.#capacity) return;
    this.#lastMs = grown(this.#lastMs, capacity).fill(Number.NaN, this.#capacity);
    this.#sum = grown(this.#sum, capacity);
    this.#count = grown(this.#count, capacity);
    this.#added = grown(this.#added, capacity);
    this.#blockSums = grown(this.#blockSums, capacity * this.#blocks);
    this.#capacity = capacity;
  }

  /** A heartbeat arrived that is greater than the one before. */
  report(slot: number, nowMs: number): void {
    const intervalMs = nowMs - (this.#lastMs[slot] as number);
    this.#lastMs[slot] = nowMs;
    // False also for the first heartbeat, whose interval is NaN.
    if (intervalMs <= this.#maxIntervalMs)
      this.#sample(slot, Math.round(intervalMs * UNITS_PER_MS));
  }

  #sample(slot: number, units: number): void {
    if (this.#count[slot] === this.#window) this.#forgetBlock(slot);
    const added = this.#added[slot] as number;
    const cell = this.#cell(slot, added);
    if (added % this.#blockSamples === 0) this.#blockSums[cell] = 0;
    this.#blockSums[cell] = (this.#blockSums[cell] as number) + units;
    this.#added[slot] = added + 1;
    this.#sum[slot] = (this.#sum[slot] as number) + units;
    this.#count[slot] = (this.#count[slot] as number) + 1;
  }

  #forgetBlock(slot: number): void {
    const oldest = (this.#added[slot] as number) - this.#window;
    assert(oldest % this.#blockSamples === 0, 'a full window begins with a whole block [G30]');
    this.#sum[slot] =
      (this.#sum[slot] as number) - (this.#blockSums[this.#cell(slot, oldest)] ?? 0);
    this.#count[slot] = this.#window - this.#blockSamples;
  }

  #cell(slot: number, sample: number): number {
    return slot * this.#blocks + (Math.floor(sample / this.#blockSamples) % this.#blocks);
  }

  isAlive(slot: number, nowMs: number): boolean {
    if (this.#count[slot] === 0) return false;
    return nowMs - (this.#lastMs[slot] as number) <= this.#threshold * this.#meanMs(slot);
  }

  phi(slot: number, nowMs: number): number | undefined {
    if (this.#count[slot] === 0) return undefined;
    return (nowMs - (this.#lastMs[slot] as number)) / this.#meanMs(slot);
  }

  /** The silence after which the node counts as dead. */
  timeoutMs(slot: number): number | undefined {
    return this.#count[slot] === 0 ? undefined : this.#threshold * this.#meanMs(slot);
  }

  #meanMs(slot: number): number {
    const samplesMs = (this.#sum[slot] as number) / UNITS_PER_MS;
    return (samplesMs + this.#priorMs) / ((this.#count[slot] as number) + PRIOR_SAMPLES);
  }

  /** Empties the window and keeps the time of the last heartbeat: what happens at death. */
  forgetIntervals(slot: number): void {
    this.#sum[slot] = 0;
    this.#count[slot] = 0;
    this.#added[slot] = 0;
  }

  /** As new, for the next node in this slot. */
  clear(slot: number): void {
    this.forgetIntervals(slot);
    this.#lastMs[slot] = Number.NaN;
  }
}
