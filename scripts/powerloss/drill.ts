// The drill: load, cut, recover, look; again on the same data.

import { setTimeout as sleep } from 'node:timers/promises';
import { cutPower, type LoopDisk } from './loop-disk.ts';
import type { Findings, Victim } from './victim.ts';

/** The cut comes at a random moment of the load. */
const LOAD_MS = { atLeast: 100, atMost: 600 };
/** One start in so many is cut off before the processes are up, and tried again. */
const BOOTS_PER_CUT = 3;
const BOOT_MS_MAX = 600;
/** What the processes still say after the cut counts as well: syncs have failed by then. */
const AFTERMATH_MS_MAX = 60;

export interface Tally {
  cycles: number;
  /** Those that came during a start included. */
  cuts: number;
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
    cuts: 0,
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
      if (tally.cycles % BOOTS_PER_CUT === 2) {
        await cutDuringBoot(victim, tally.cuts + 1, options.disks);
        tally.cuts += 1;
      }
      const isFine = note(await victim.start(tally.cuts + 1));
      if (!isFine) return tally;
      const before = victim.acknowledged;
      await cutUnderLoad(victim, options.disks);
      tally.cycles += 1;
      tally.cuts += 1;
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
  await cut(victim, disks);
}

/** Who recovers writes as well: cuts off torn ends, replays, prepares files. */
async function cutDuringBoot(
  victim: Victim,
  cycle: number,
  disks: readonly LoopDisk[],
): Promise<void> {
  const booted = victim.boot(cycle);
  await sleep(Math.random() * BOOT_MS_MAX);
  await cut(victim, disks);
  await booted;
}

async function cut(victim: Victim, disks: readonly LoopDisk[]): Promise<void> {
  cutPower(disks);
  await sleep(Math.random() * AFTERMATH_MS_MAX);
  await victim.kill();
  for (const disk of disks) disk.restore();
}
