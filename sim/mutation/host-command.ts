// Does anything notice when the log, the store, the connections, or what binds them to the core are
// wrong? Whole members are simulated with the mistake in them, beginning with the seed that noticed
// it before; what no simulation shows is left to the tests that are named with it.

import { parseFindings } from './findings.ts';
import { HOST_MUTANTS } from './host-mutants.ts';
import type { HostMutant } from './mutant.ts';
import { failingTest, runPatched } from './patched.ts';
import { attackAll, type Verdict } from './verdict.ts';

type Effort = 'search' | 'again';

const CPU_SECONDS_MAX = 120;

/** What is run, as pairs of a first seed and a count. */
function rangesOf(seed: number, effort: Effort): readonly number[] {
  // A few more than the one: when the product changes, other seeds show what it has shown.
  return effort === 'again' ? [seed, 12] : [seed, 1, 1, 150];
}

export async function attackHost(mutant: HostMutant, effort: Effort): Promise<Verdict> {
  const { known } = mutant;
  if ('tests' in known) {
    const detail = await failingTest(mutant, known.tests);
    if (detail === undefined) return { mutant, by: undefined, detail: `${known.tests} passes` };
    return { mutant, by: 'tests', detail };
  }
  const sim = await runPatched(mutant, attackOn(rangesOf(known.seed, effort)));
  if (sim.isStuck) return { mutant, by: 'sim', detail: 'a run that never ends' };
  const found = parseFindings(sim.output);
  if (found === undefined) throw new Error(sim.output);
  const { failure, seed, seeds } = found;
  if (failure === undefined || seed === undefined) {
    return { mutant, by: undefined, detail: `${seeds} seeds noticed nothing` };
  }
  const sound = await runPatched(undefined, attackOn([seed, 1]));
  if (parseFindings(sound.output)?.failure === undefined) {
    return { mutant, by: `sim, seed ${seed}, try ${seeds}`, detail: failure };
  }
  return { mutant, by: undefined, detail: `seed ${seed} fails without it, too: ${failure}` };
}

function attackOn(ranges: readonly number[]): string[] {
  return ['sim/mutation/cluster-attack.ts', String(CPU_SECONDS_MAX), ...ranges.map(String)];
}

export function hostMutantsCommand(
  names: readonly string[],
  effort: Effort,
  nowMs: () => number,
): Promise<number> {
  const chosen = HOST_MUTANTS.filter(({ name }) => names.length === 0 || names.includes(name));
  return attackAll(chosen, (mutant) => attackHost(mutant, effort), nowMs);
}
