// `npm run sim -- mutants`: does anything notice when the core is wrong?
//
// Each mutant is attacked with the cheapest means first: simulated groups, then the tests of the
// core, then the transcripts of the conformance run.

import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';

export const MUTANTS_USAGE = `\
mutants [NAME...]        patches the core in ${MUTANTS.length} wrong ways; each must be noticed
mutants --by sim         by simulation alone`;

const HOOK = new URL('./load-hook.ts', import.meta.url).href;
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PATCH_FAILED = 'the patch does not fit';
const SEEDS_MAX = 20_000;
const CPU_SECONDS_MAX = 8;
const ATTACK_TIMEOUT_MS = 60_000;

interface Verdict {
  readonly mutant: Mutant;
  /** What noticed, or undefined. */
  readonly by: string | undefined;
  readonly detail: string;
}

interface Effort {
  readonly seedsMax: number;
  readonly cpuSecondsMax: number;
  readonly simOnly: boolean;
  /** Files of tests that fail anyway. */
  readonly knownFailures: ReadonlySet<string>;
}

interface Ended {
  readonly ok: boolean;
  readonly killed: boolean;
  readonly output: string;
}

function runPatched({ name }: Mutant, args: readonly string[]): Promise<Ended> {
  const NODE_OPTIONS = `--import ${HOOK} --max-old-space-size=1024`;
  return run(args, { PARLEY_MUTANT: name, NODE_OPTIONS });
}

function run(args: readonly string[], more: Readonly<Record<string, string>>): Promise<Ended> {
  const env = { ...process.env, ...more };
  const options = { cwd: ROOT, env, timeout: ATTACK_TIMEOUT_MS, maxBuffer: 1 << 26 };
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout, stderr) => {
      resolve({ ok: error === null, killed: error?.killed === true, output: stdout + stderr });
    });
  });
}

export async function attack(mutant: Mutant, effort: Effort): Promise<Verdict> {
  const { seedsMax, cpuSecondsMax, simOnly } = effort;
  const seeds = ['sim/mutation/attack.ts', '1', String(seedsMax), String(cpuSecondsMax)];
  const sim = await runPatched(mutant, seeds);
  // It hangs: no seed of the real core does.
  if (sim.killed) return { mutant, by: 'sim', detail: 'a run that never ends' };
  if (sim.output.includes(PATCH_FAILED)) throw new Error(sim.output);
  if (!sim.ok) return { mutant, by: 'sim', detail: 'a run that takes all memory' };
  const found = JSON.parse(sim.output) as { seeds: number; failure?: string };
  if (found.failure !== undefined) {
    return { mutant, by: `sim, seed ${found.seeds}`, detail: found.failure.slice(0, 80) };
  }
  const detail = `${found.seeds} seeds noticed nothing`;
  if (simOnly) return { mutant, by: undefined, detail };
  const tests = await runPatched(mutant, ['scripts/test.ts', 'src/core/raft']);
  const failed = failuresOf(tests.output).filter((text) => !effort.knownFailures.has(fileOf(text)));
  if (tests.killed || failed.length > 0) {
    return { mutant, by: 'tests', detail: failed[0]?.slice(0, 80) ?? 'a test that never ends' };
  }
  const conformance = ['scripts/conformance/main.ts', 'scripts/conformance/testdata'];
  const transcripts = await runPatched(mutant, conformance);
  if (!transcripts.ok) return { mutant, by: 'conformance', detail };
  return { mutant, by: undefined, detail };
}

function failuresOf(output: string): string[] {
  return output.split('\n').filter((text) => text.includes('FAILED'));
}

function fileOf(text: string): string {
  return text.trim().split(' ')[0] ?? '';
}

/** Tests that fail without any mutant prove nothing. */
async function failuresWithoutMutant(): Promise<ReadonlySet<string>> {
  const { output } = await run(['scripts/test.ts', 'src/core/raft'], {});
  return new Set(failuresOf(output).map(fileOf));
}

export async function mutantsCommand(args: string[], nowMs: () => number): Promise<number> {
  const options = { by: { type: 'string' } } as const;
  const { positionals, values } = parseArgs({ args, allowPositionals: true, options });
  const chosen = MUTANTS.filter(
    ({ name }) => positionals.length === 0 || positionals.includes(name),
  );
  const simOnly = values.by === 'sim';
  const effort = {
    seedsMax: SEEDS_MAX,
    cpuSecondsMax: CPU_SECONDS_MAX,
    simOnly,
    knownFailures: simOnly ? new Set<string>() : await failuresWithoutMutant(),
  };
  let missed = 0;
  const waiting = [...chosen];
  const attackNext = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const started = nowMs();
      const verdict = await attack(mutant, effort);
      if (verdict.by === undefined) missed += 1;
      console.log(render(verdict, (nowMs() - started) / 1_000));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, attackNext));
  console.log(`${chosen.length - missed} caught, ${missed} missed`);
  return missed > 0 || chosen.length === 0 ? 1 : 0;
}

function render({ by, detail, mutant }: Verdict, seconds: number): string {
  const columns = [mutant.name.padEnd(36), (by ?? 'NOT CAUGHT').padEnd(16)];
  return `${columns.join(' ')} ${seconds.toFixed(1).padStart(5)} s  ${detail}`;
}
