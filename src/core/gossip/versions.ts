// What a version says. Peers ask one thing of it: that a node's own versions ascend. So it can be
// a time as well: a hybrid logical clock, in 256ths of a millisecond since 2020. It goes with the
// wall clock, and beyond whatever the writer has seen of the key; of two writes the later one has
// the greater version, wherever it happened. A node that was not told the wall time counts from 1.

import type { Entry } from './entry-table.ts';

/** 2020-01-01, UTC. */
const EPOCH_MS = 1_577_836_800_000;
/** Writes of one millisecond that keep their order. 2^53 of them last for a thousand years. */
const PER_MS = 256;
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

  /** The least version of a write now. */
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

/**
 * The version at which an entry takes part in the choice of a winner. A tombstone can follow the
 * deletion of somebody else: then its value says at which version that happened [G39].
 */
export function rankOf(entry: Pick<Entry, 'value' | 'version' | 'status'>): number {
  const { value, version, status } = entry;
  if (status !== 'deleted' || !/^[1-9][0-9]{0,15}$/.test(value)) return version;
  return Math.min(version, Number(value));
}
