// `npm run powerloss`: cuts the power of real file systems under real processes, and looks whether
// everything that was acknowledged is still there.
//
//   npm run powerloss                                       the full run, some minutes
//   npm run powerloss -- --log 5 --cycles 5 --cycles3 3     fewer cycles
//
// The subjects are the log alone (--log), one member (--cycles) and three at once (--cycles3).
//
// Needs root and loop devices; without them it says so and ends well. The control runs the same on
// disks that lie about syncing, and must report loss. The last line is
// `N cycles, 0 lost, control lost M`.

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags, wholeNumber } from '../flags.ts';
import { drill, type Tally } from './drill.ts';
import { LogVictim } from './log-victim.ts';
import { LoopDisks, whyNoLoopDisks } from './loop-disk.ts';
import { MembersVictim } from './members-victim.ts';
import type { OptionsOf, Victim } from './victim.ts';

/** Taken from this machine as far as they are written to. */
const DISK_MEBIBYTES = 512;
/** A lie that is told late is noticed when the cut falls into the right milliseconds. */
const CONTROL_CYCLES_MAX = 10;
const LIAR = new URL('without-sync.ts', import.meta.url).href;
const LIES = ['never', 'late'] as const;

interface Subject {
  readonly name: string;
  readonly cycles: number;
  readonly disks: number;
  /** One directory on each disk. */
  readonly victim: (directories: readonly string[], optionsOf: OptionsOf) => Promise<Victim>;
}

interface Row {
  readonly name: string;
  readonly isControl: boolean;
  readonly tally: Tally;
}

const USAGE = `usage: npm run powerloss -- [--log N] [--cycles N] [--cycles3 N] [--directory DIR]

  --log N          cycles of the log alone (default 20)
  --cycles N       cycles of one member (default 100)
  --cycles3 N      cycles of three members (default 50)
  --directory DIR  where the images of the disks lie (default ${tmpdir()})`;

const { values } = readFlags(USAGE, {
  options: {
    log: { type: 'string', default: '20' },
    cycles: { type: 'string', default: '100' },
    cycles3: { type: 'string', default: '50' },
    directory: { type: 'string', default: tmpdir() },
  },
});

const SUBJECTS: readonly Subject[] = [
  {
    name: 'log alone',
    cycles: wholeNumber('--log', values.log),
    disks: 1,
    victim: ([directory], optionsOf) =>
      Promise.resolve(new LogVictim(directory as string, optionsOf)),
  },
  { name: 'one member', cycles: wholeNumber('--cycles', values.cycles), disks: 1, victim: members },
  {
    name: 'three members',
    cycles: wholeNumber('--cycles3', values.cycles3),
    disks: 3,
    victim: members,
  },
];

function members(directories: readonly string[], optionsOf: OptionsOf): Promise<Victim> {
  return MembersVictim.at(directories, optionsOf);
}

const obstacle = whyNoLoopDisks(values.directory);
if (obstacle === undefined) await main();
else console.log(`power loss: skipped, ${obstacle}`);

async function main(): Promise<void> {
  // The disks go with the process, however it ends; a signal alone would not say so.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => process.exit(130));
  }
  const rows: Row[] = [];
  for (const subject of SUBJECTS.filter(({ cycles }) => cycles > 0)) {
    rows.push(await series(subject, undefined));
    for (const lie of LIES) rows.push(await series(subject, lie));
  }
  report(rows);
}

async function series(subject: Subject, lie: (typeof LIES)[number] | undefined): Promise<Row> {
  const isControl = lie !== undefined;
  const name = isControl ? `${subject.name}, syncs ${lie}` : subject.name;
  const disks = new LoopDisks(values.directory);
  try {
    const all = Array.from({ length: subject.disks }, (_, i) =>
      disks.add(`disk-${i + 1}`, DISK_MEBIBYTES),
    );
    // The first cycle is honest: what is lost is then the newest, not the whole beginning.
    const optionsOf: OptionsOf = (cycle) =>
      isControl && cycle > 1
        ? { nodeFlags: ['--import', LIAR], environment: { PARLEY_SYNC: lie } }
        : {};
    const directories = all.map(({ root }) => join(root, 'member'));
    const tally = await drill(await subject.victim(directories, optionsOf), {
      cycles: isControl ? CONTROL_CYCLES_MAX : subject.cycles,
      disks: all,
      onCycle: (so) => tellProgress(name, so),
    });
    console.log(rowOf({ name, isControl, tally }));
    return { name, isControl, tally };
  } finally {
    disks.remove();
  }
}

function tellProgress(name: string, { cycles, lost, acknowledged }: Tally): void {
  if (!process.stdout.isTTY) return;
  process.stdout.write(`\r${name}: ${cycles} cycles, ${acknowledged} acknowledged, ${lost} lost\r`);
}

function rowOf({ name, tally }: Row): string {
  const { cycles, cuts, acknowledged, checked, lost, seconds } = tally;
  const numbers = [cycles, cuts, acknowledged, checked, lost].map((n) => n.toLocaleString('en'));
  const perCycle = (seconds / Math.max(1, cycles)).toFixed(2);
  const cells = [...numbers, `${perCycle} s`].map((cell) => cell.padStart(13));
  return name.padEnd(30) + cells.join('');
}

function report(rows: readonly Row[]): void {
  const heads = ['cycles', 'cuts', 'acknowledged', 'looked for', 'lost', 'per cycle'];
  console.log(`\n${' '.repeat(30)}${heads.map((head) => head.padStart(13)).join('')}`);
  for (const row of rows) console.log(rowOf(row));
  const real = rows.filter(({ isControl }) => !isControl);
  const controls = rows.filter(({ isControl }) => isControl);
  for (const { name, tally } of rows) {
    for (const problem of tally.problems) console.log(`${name}: ${problem}`);
  }
  const blind = controls.filter(({ tally }) => tally.lost === 0);
  for (const { name } of blind) console.log(`${name}: nothing was missed, so this proves nothing`);
  const lost = sum(real, ({ lost: count }) => count);
  const isFine = lost === 0 && blind.length === 0 && real.every(({ tally }) => isClean(tally));
  process.exitCode = isFine ? 0 : 1;
  const cycles = sum(real, ({ cycles: count }) => count);
  const controlLost = sum(controls, ({ lost: count }) => count);
  console.log(`${cycles} cycles, ${lost} lost, control lost ${controlLost}`);
}

function isClean({ problems }: Tally): boolean {
  return problems.length === 0;
}

function sum(rows: readonly Row[], count: (tally: Tally) => number): number {
  return rows.reduce((total, { tally }) => total + count(tally), 0);
}
