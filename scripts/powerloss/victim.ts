// What the drill kills: processes on disks that lose power. Each kind remembers what was
// acknowledged, and looks for it when its processes come up again.

import type { LineProcessOptions } from '../../test/drills/line-process.ts';

/** How the processes of a cycle are started. */
export type OptionsOf = (cycle: number) => LineProcessOptions;

export interface Victim {
  /** Acknowledged since the first start, all cycles together. */
  readonly acknowledged: number;
  /** Starts the processes, looks for everything acknowledged, and lets the load begin. */
  start(cycle: number): Promise<Findings>;
  /** Only starts them: the cut comes while they find their way back. Resolves when they are up. */
  boot(cycle: number): Promise<void>;
  /** Looks at all of it once more, however long it takes. */
  inspect(): Promise<Findings>;
  /** Ends the load and the processes, without warning. What was acknowledged by then counts. */
  kill(): Promise<void>;
  /** The last call: kills, and lets go of all else. */
  release(): Promise<void>;
}

export interface Findings {
  /** Acknowledged writes that were looked for. */
  readonly checked: number;
  /** Those of them that are not there, or not as they were written. */
  readonly lost: number;
  /** What else is wrong, in words. */
  readonly problems: readonly string[];
}
