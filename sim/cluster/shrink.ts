// Makes a failing seed smaller: fewer classes of faults, clients, shards and members, less time.
// What still fails is kept.

import type { RunResult } from './run.ts';
import { drawScenario, type Scenario, type Wishes } from './scenario.ts';

const SHORTEST_MS = 2_000;

export type Run = (wishes: Wishes) => Promise<RunResult>;

/** The smallest wishes found that make `seed` fail, or undefined when it does not fail at all. */
export async function shrink(
  seed: number,
  run: Run,
  tell: (text: string) => void,
): Promise<Wishes | undefined> {
  let wishes: Wishes = {};
  const first = await run(wishes);
  if (first.failure === undefined) return undefined;
  tell(first.failure);
  for (;;) {
    const smaller = await firstFailing(smallerThan(wishes, drawScenario(seed, wishes)), run);
    if (smaller === undefined) return wishes;
    wishes = smaller;
    tell(JSON.stringify(wishes));
  }
}

async function firstFailing(candidates: readonly Wishes[], run: Run): Promise<Wishes | undefined> {
  for (const wishes of candidates) {
    const { failure } = await run(wishes);
    if (failure !== undefined) return wishes;
  }
  return undefined;
}

/** One step smaller each, the largest steps first. */
function smallerThan(wishes: Wishes, scenario: Scenario): Wishes[] {
  const { clients, faults, members, safetyMs, shards } = scenario;
  const without = wishes.without ?? [];
  const candidates: Wishes[] = [];
  if (safetyMs >= 2 * SHORTEST_MS) {
    candidates.push({ ...wishes, safetyMs: Math.floor(safetyMs / 2) });
  }
  const present = [...faults];
  if (present.length > 3) {
    const middle = Math.floor(present.length / 2);
    candidates.push({ ...wishes, without: [...without, ...present.slice(0, middle)] });
    candidates.push({ ...wishes, without: [...without, ...present.slice(middle)] });
  }
  for (const name of present) candidates.push({ ...wishes, without: [...without, name] });
  if (shards > 1) candidates.push({ ...wishes, shards: 1 });
  if (clients > 1) candidates.push({ ...wishes, clients: 1 });
  if (members > 3) candidates.push({ ...wishes, members: 3 });
  return candidates;
}
