// Does anything notice when the core is wrong? Each mutant is attacked with the cheapest means
// first: simulated groups, then the tests of the core, then the transcripts of the conformance run.

import { parseFindings } from './findings.ts';
import type { Mutant } from './mutant.ts';
import { CORE_MUTANTS } from './mutants.ts';
import { failingTest, runPatched } from './patched.ts';
import { attackAll, type Verdict } from './verdict.ts';

const SEEDS_MAX = 20_000;
const CPU_SECONDS_MAX = 8;

interface Effort {
  readonly seedsMax: number;
  readonly cpuSecondsMax: number;
  readonly simOnly: boolean;
}

export async function attackCore(mutant: Mutant, effort: Effort): Promise<Verdict> {
  const { seedsMax, cpuSecondsMax, simOnly } = effort;
  const seeds = ['sim/mutation/attack.ts', '1', String(seedsMax), String(cpuSecondsMax)];
  const sim = await runPatched(mutant, seeds);
  // It hangs: no seed of the real core does.
  if (sim.isStuck) return { mutant, by: 'sim', detail: 'a run that never ends' };
  const found = parseFindings(sim.output);
  if (found === undefined) return { mutant, by: 'sim', detail: 'a run that takes all memory' };
  const { failure, seed } = found;
  if (failure !== undefined) return { mutant, by: `sim, seed ${seed}`, detail: failure };
  const detail = `${found.seeds} seeds noticed nothing`;
  if (simOnly) return { mutant, by: undefined, detail };
  const failed = await failingTest(mutant, 'src/core/raft');
  if (failed !== undefined) return { mutant, by: 'tests', detail: failed };
  const conformance = ['scripts/conformance/main.ts', 'scripts/conformance/testdata'];
  const transcripts = await runPatched(mutant, conformance);
  if (!transcripts.ok) return { mutant, by: 'conformance', detail };
  return { mutant, by: undefined, detail };
}

export function coreMutantsCommand(
  names: readonly string[],
  simOnly: boolean,
  nowMs: () => number,
): Promise<number> {
  const chosen = CORE_MUTANTS.filter(({ name }) => names.length === 0 || names.includes(name));
  const effort = { seedsMax: SEEDS_MAX, cpuSecondsMax: CPU_SECONDS_MAX, simOnly };
  return attackAll(chosen, (mutant) => attackCore(mutant, effort), nowMs);
}
