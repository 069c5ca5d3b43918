// Does anything notice when the log, the store, the connections, or what binds them to the core are
// wrong? Whole members are simulated with the mistake in them, beginning with the seed that noticed
// it before; what no simulation shows is left to the tests that are named with it.

import { overrideArgs } from '../cluster/overrides.ts';
import type { Overrides } from '../cluster/scenario.ts';
import { type Findings, parseFindings } from './findings.ts';
import { HOST_MUTANTS } from './host-mutants.ts';
import type { HostMutant } from './mutant.ts';
import { failingTest, runPatched } from './patched.ts';
import { attackAll, type Verdict } from './verdict.ts';

/** `again` is for what was found before: the first seed mostly still shows it. */
type Effort = 'search' | 'again';

/** Of each range of seeds: enough for dozens, where the one that is named shows nothing now. */
const CPU_SECONDS_MAX: Readonly<Record<Effort, number>> = { search: 180, again: 90 };
const SEEDS_MAX = 150;

export async function attackHost(mutant: HostMutant, effort: Effort): Promise<Verdict> {
  const { known } = mutant;
  if ('tests' in known) {
    const detail = await failingTest(mutant, known.tests);
    if (detail === undefined) return { mutant, by: undefined, detail: `${known.tests} passes` };
    return { mutant, by: 'tests', detail };
  }
  const { scenario = {} } = known;
  const pinned = { scenario, ranges: [known.seed, 1, 1, SEEDS_MAX] };
  const drawn = { scenario: {}, ranges: [1, SEEDS_MAX] };
  let tried = 0;
  for (const field of known.scenario === undefined ? [pinned] : [pinned, drawn]) {
    const { failure, seed, seeds } = await search(mutant, effort, field);
    tried += seeds;
    if (failure === undefined || seed === undefined) continue;
    const sound = await search(undefined, effort, { ...field, ranges: [seed, 1] });
    if (sound.failure === undefined) {
      const isMoved = seed !== known.seed || field !== pinned;
      const moved = isMoved ? `, moved from ${known.seed}` : '';
      const by = `sim, seed ${[seed, ...overrideArgs(field.scenario)].join(' ')}${moved}`;
      return { mutant, by, detail: failure };
    }
    const detail = `seed ${seed} fails without it, too: ${sound.failure}`;
    return { mutant, by: undefined, detail };
  }
  return { mutant, by: undefined, detail: `${tried} seeds noticed nothing` };
}

interface Field {
  readonly scenario: Overrides;
  /** Pairs of a first seed and a count. */
  readonly ranges: readonly number[];
}

async function search(
  mutant: HostMutant | undefined,
  effort: Effort,
  { ranges, scenario }: Field,
): Promise<Findings> {
  const words = [CPU_SECONDS_MAX[effort], ...ranges].map(String);
  const args = ['sim/mutation/cluster-attack.ts', ...words, ...overrideArgs(scenario)];
  const ended = await runPatched(mutant, args);
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
