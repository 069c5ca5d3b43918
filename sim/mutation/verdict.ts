// What became of each mutant, as it is told.

import { availableParallelism } from 'node:os';
import type { Mutant } from './mutant.ts';

export interface Verdict {
  readonly mutant: Mutant;
  /** What noticed, or undefined. */
  readonly by: string | undefined;
  readonly detail: string;
}

/** Attacks mutants on all cores, a line each. The exit code is 0 when none was missed. */
export async function attackAll<M extends Mutant>(
  mutants: readonly M[],
  attack: (mutant: M) => Promise<Verdict>,
  nowMs: () => number,
): Promise<number> {
  let missed = 0;
  const waiting = [...mutants];
  const attackNext = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const started = nowMs();
      const verdict = await attack(mutant);
      if (verdict.by === undefined) missed += 1;
      console.log(render(verdict, (nowMs() - started) / 1_000));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, attackNext));
  console.log(`${mutants.length - missed} caught, ${missed} missed`);
  return missed > 0 || mutants.length === 0 ? 1 : 0;
}

function render({ by, detail, mutant }: Verdict, seconds: number): string {
  const columns = [mutant.name.padEnd(36), (by ?? 'NOT CAUGHT').padEnd(24)];
  const [line = ''] = detail.split('\n');
  return `${columns.join(' ')} ${seconds.toFixed(1).padStart(5)} s  ${line.slice(0, 100)}`;
}
