// The drill: load, cut, recover, look; again on the same data.

import { setTimeout as sleep } from 'node:timers/promises';
import { cutPower, type LoopDisk } from './loop-disk.ts';
import type { Findings, Victim } from './victim.ts';

/** The cut comes at a random moment of the load. */
const LOAD_MS = { atLeast: 100, atMost: 600 };
/** What the processes still say after the cut counts as well: syncs have failed by then. */
const AFTERMATH_MS_MAX = 60;

export interface Tally {
  cycles: number;
  acknowledged: number;
  checked: number;
  lost: number;
  readonly problems: string[];
  seconds: number;
}

export interface DrillOptions {
  /** Below the victim's directories. */
  readonly disks: readonly LoopDisk[];
  readonly cycles: number;
  readonly onCycle: (tally: Tally) => void;
}

/** Ends early when something is lost. */
export async function drill(victim: Victim, options: DrillOptions): Promise<Tally> {
  const tally: Tally = {
    cycles: 0,
    acknowledged: 0,
    checked: 0,
    lost: 0,
    problems: [],
    seconds: 0,
  };
  const started = performance.now();
  const note = ({ checked, lost, problems }: Findings): boolean => {
    tally.checked += checked;
    tally.lost += lost;
    tally.problems.push(...problems);
    tally.seconds = (performance.now() - started) / 1000;
    options.onCycle(tally);
    return lost === 0 && problems.length === 0;
  };
  try {
    while (tally.cycles < options.cycles) {
      const isFine = note(await victim.start(tally.cycles + 1));
      if (!isFine) return tally;
      const before = victim.acknowledged;
      await cutUnderLoad(victim, options.disks);
      tally.cycles += 1;
      tally.acknowledged = victim.acknowledged;
      if (victim.acknowledged === before) {
        tally.problems.push(`nothing was acknowledged in cycle ${tally.cycles}`);
        return tally;
      }
    }
    note(await victim.inspect());
    return tally;
  } finally {
    await victim.release();
  }
}

async function cutUnderLoad(victim: Victim, disks: readonly LoopDisk[]): Promise<void> {
  const { atLeast, atMost } = LOAD_MS;
  await sleep(atLeast + Math.random() * (atMost - atLeast));
  cutPower(disks);
  await sleep(Math.random() * AFTERMATH_MS_MAX);
  await victim.kill();
  for (const disk of disks) disk.restore();
}
