// Does anything notice when the log, the store, the connections, or what binds them to the core are
// wrong? Whole members are simulated with the mistake in them, beginning with the seed that noticed
// it before; what no simulation shows is left to the tests that are named with it.

import { type Findings, parseFindings } from './findings.ts';
import { HOST_MUTANTS } from './host-mutants.ts';
import type { HostMutant } from './mutant.ts';
import { failingTest, runPatched } from './patched.ts';
import { attackAll, type Verdict } from './verdict.ts';

/** `again` is for what was found before: the seed is tried first, and mostly still shows it. */
type Effort = 'search' | 'again';

const CPU_SECONDS_MAX: Readonly<Record<Effort, number>> = { search: 120, again: 45 };
const SEEDS_MAX = 150;

export async function attackHost(mutant: HostMutant, effort: Effort): Promise<Verdict> {
  const { known } = mutant;
  if ('tests' in known) {
    const detail = await failingTest(mutant, known.tests);
    if (detail === undefined) return { mutant, by: undefined, detail: `${known.tests} passes` };
    return { mutant, by: 'tests', detail };
  }
  const { failure, seed, seeds } = await search(mutant, effort, [known.seed, 1, 1, SEEDS_MAX]);
  if (failure === undefined || seed === undefined) {
    return { mutant, by: undefined, detail: `${seeds} seeds noticed nothing` };
  }
  const sound = await search(undefined, effort, [seed, 1]);
  if (sound.failure === undefined) {
    return { mutant, by: `sim, seed ${seed}, try ${seeds}`, detail: failure };
  }
  return { mutant, by: undefined, detail: `seed ${seed} fails without it, too: ${sound.failure}` };
}

/** `ranges`: pairs of a first seed and a count. */
async function search(
  mutant: HostMutant | undefined,
  effort: Effort,
  ranges: readonly number[],
): Promise<Findings> {
  const words = [CPU_SECONDS_MAX[effort], ...ranges].map(String);
  const ended = await runPatched(mutant, ['sim/mutation/cluster-attack.ts', ...words]);
  const found = parseFindings(ended.output);
  if (found !== undefined) return found;
  // The seed that was on took the process with it.
  const begun = [...ended.output.matchAll(/^seed (\d+)$/gm)];
  const seed = begun.at(-1)?.[1];
  if (seed === undefined) throw new Error(ended.output);
  const failure = ended.isStuck ? 'a run that never ends' : 'a run that takes all memory';
  return { seeds: begun.length, seed: Number(seed), failure };
}

export function hostMutantsCommand(
  names: readonly string[],
  effort: Effort,
  nowMs: () => number,
): Promise<number> {
  const chosen = HOST_MUTANTS.filter(({ name }) => names.length === 0 || names.includes(name));
  return attackAll(chosen, (mutant) => attackHost(mutant, effort), nowMs);
}
