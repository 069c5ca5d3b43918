// What a version says. Peers ask one thing of it: that a node's own versions ascend. So it can be
// a time as well: a hybrid logical clock, in 256ths of a millisecond since 2020. It goes with the
// wall clock, and beyond whatever the writer has seen of the key; of two writes the later one has
// the greater version, wherever it happened. A node that was not told the wall time counts from 1.

import type { Entry, EntryTable } from './entry-table.ts';

/** Carries the version by which a claim was outbid, and what versions count for from there. */
export const OUTBID_KEY = 'parley.outbid';

/** 2020-01-01, UTC. */
const EPOCH_MS = 1_577_836_800_000;
/** Writes of one millisecond that keep their order. 2^53 of them last for a thousand years. */
export const PER_MS = 256;
/** Clocks of members differ by less, mostly: a minute. */
export const CLOCK_ERROR = 60_000 * PER_MS;
/**
 * How far versions may be ahead of this node's clock. Clocks that are not set are behind by years;
 * what is refused for lying ahead of one must not be the present.
 */
const AHEAD_MS = 10 * 366 * 24 * 3_600_000;
/** Taken from anybody by a node whose clock says nothing. */
const UNJUDGED_MAX = 2 ** 52;

export class VersionClock {
  /** Wall time less the time of the calls; undefined before anybody said. */
  #offsetMs: number | undefined;
  #nowMs = 0;

  advanceTo(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  noteWall(wallMs: number): void {
    this.#offsetMs = wallMs - this.#nowMs;
  }

  /** Whether the clock, if it says anything, is behind that by more than clocks differ [G44]. */
  isAhead(rank: number): boolean {
    return this.#offsetMs !== undefined && rank > this.present + CLOCK_ERROR;
  }

  /** The least rank of a write now. */
  get present(): number {
    if (this.#offsetMs === undefined) return 0;
    return Math.max(0, Math.floor((this.#nowMs + this.#offsetMs - EPOCH_MS) * PER_MS));
  }

  /**
   * What a node can have reached by now. The bound moves with time: whoever was pushed to it by a
   * lie and goes beyond is believed again after the next milliseconds [G4].
   */
  get bound(): number {
    const sinceEpochMs = this.#nowMs + (this.#offsetMs ?? EPOCH_MS) - EPOCH_MS;
    return sinceEpochMs < 0 ? UNJUDGED_MAX : Math.floor((sinceEpochMs + AHEAD_MS) * PER_MS);
  }
}

/** Of a node that had to go beyond a claim: from this version on its versions count from there. */
interface Step {
  readonly version: number;
  readonly rank: number;
}

/** Versions and what they count for, of one node [G43]. */
export class Ranks {
  readonly #step: Step | undefined;

  constructor(table: EntryTable) {
    this.#step = stepOf(table.find(OUTBID_KEY));
  }

  /** How far versions are beyond what they count for, from now on. */
  get shift(): number {
    return this.#step === undefined ? 0 : this.#step.version - this.#step.rank;
  }

  ofVersion(version: number): number {
    if (this.#step === undefined || version < this.#step.version) return version;
    return version - this.shift;
  }

  /**
   * Where an entry stands in the choice of a winner. A tombstone can follow the deletion of
   * somebody else: then its value says at which rank that happened [G39].
   */
  of({ value, version, status }: Pick<Entry, 'value' | 'version' | 'status'>): number {
    const told = status === 'deleted' ? parseRank(value) : undefined;
    return told === undefined ? this.ofVersion(version) : Math.min(version, told);
  }
}

function stepOf(entry: Entry | undefined): Step | undefined {
  if (entry?.status !== 'set') return undefined;
  const rank = parseRank(entry.value);
  if (rank === undefined || rank >= entry.version) return undefined;
  return { version: entry.version, rank };
}

function parseRank(text: string): number | undefined {
  return /^[1-9][0-9]{0,15}$/.test(text) ? Number(text) : undefined;
}
