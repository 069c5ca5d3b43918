// Makes a failing seed smaller: fewer classes of faults, clients, shards and members, less time.
// What still fails is kept.

import type { RunResult } from './run.ts';
import { drawScenario, type Overrides, type Scenario } from './scenario.ts';

const SHORTEST_MS = 2_000;

export type Run = (overrides: Overrides) => Promise<RunResult>;

/** The smallest overrides that make `seed` fail, or undefined when it does not fail at all. */
export async function shrink(
  seed: number,
  run: Run,
  tell: (text: string) => void,
): Promise<Overrides | undefined> {
  let overrides: Overrides = {};
  const first = await run(overrides);
  if (first.failure === undefined) return undefined;
  tell(first.failure);
  for (;;) {
    const smaller = await firstFailing(smallerThan(overrides, drawScenario(seed, overrides)), run);
    if (smaller === undefined) return overrides;
    overrides = smaller;
    tell(JSON.stringify(overrides));
  }
}

async function firstFailing(
  candidates: readonly Overrides[],
  run: Run,
): Promise<Overrides | undefined> {
  for (const overrides of candidates) {
    const { failure } = await run(overrides);
    if (failure !== undefined) return overrides;
  }
  return undefined;
}

/** One step smaller each, the largest steps first. */
function smallerThan(overrides: Overrides, scenario: Scenario): Overrides[] {
  const { clients, faults, members, safetyMs, shards } = scenario;
  const without = overrides.without ?? [];
  const candidates: Overrides[] = [];
  if (safetyMs >= 2 * SHORTEST_MS) {
    candidates.push({ ...overrides, safetyMs: Math.floor(safetyMs / 2) });
  }
  const present = [...faults];
  if (present.length > 3) {
    const middle = Math.floor(present.length / 2);
    candidates.push({ ...overrides, without: [...without, ...present.slice(0, middle)] });
    candidates.push({ ...overrides, without: [...without, ...present.slice(middle)] });
  }
  for (const name of present) candidates.push({ ...overrides, without: [...without, name] });
  if (shards > 1) candidates.push({ ...overrides, shards: 1 });
  if (clients > 1) candidates.push({ ...overrides, clients: 1 });
  if (members > 3) candidates.push({ ...overrides, members: 3 });
  return candidates;
}
