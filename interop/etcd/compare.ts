// Carries out one sequence on two stores, and finds the shortest one in which they still differ.

import { isDeepStrictEqual } from 'node:util';
import type { KeyspaceOperation } from '../../src/service/keyspace/index.ts';
import { type Answer, describe, type KeyspacePeer, type Step } from './steps.ts';

export interface Difference {
  readonly steps: readonly Step[];
  readonly answers: readonly [Answer, Answer];
}

/** The first step that the two answer differently, with all before it. */
export async function differenceOf(
  steps: readonly Step[],
  one: KeyspacePeer,
  other: KeyspacePeer,
): Promise<Difference | undefined> {
  await Promise.all([one.begin(), other.begin()]);
  for (const [i, step] of steps.entries()) {
    const answers = await Promise.all([one.carryOut(step), other.carryOut(step)]);
    if (!isDeepStrictEqual(...answers)) return { steps: steps.slice(0, i + 1), answers };
  }
  return undefined;
}

/** Leaves out steps, halves of them first, then parts of transactions. */
export async function shortest(
  found: Difference,
  one: KeyspacePeer,
  other: KeyspacePeer,
): Promise<Difference> {
  let best = found;
  for (let size = Math.ceil(best.steps.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.steps.length; ) {
      const rest = best.steps.toSpliced(from, size);
      const still = await differenceOf(rest, one, other);
      if (still === undefined) from += size;
      else best = still;
    }
  }
  for (;;) {
    const simpler = await simplerThan(best, one, other);
    if (simpler === undefined) return best;
    best = simpler;
  }
}

async function simplerThan(
  { steps }: Difference,
  one: KeyspacePeer,
  other: KeyspacePeer,
): Promise<Difference | undefined> {
  for (const [i, step] of steps.entries()) {
    if (step.do !== 'operate') continue;
    for (const operation of simplerOperations(step.operation)) {
      const still = await differenceOf(steps.with(i, { do: 'operate', operation }), one, other);
      if (still !== undefined) return still;
    }
  }
  return undefined;
}

/** With one part less each. */
function* simplerOperations(operation: KeyspaceOperation): Generator<KeyspaceOperation, void> {
  if (operation.kind !== 'txn') return;
  for (const part of ['compares', 'success', 'failure'] as const) {
    const list = operation[part];
    for (let i = 0; i < list.length; i++) yield { ...operation, [part]: list.toSpliced(i, 1) };
  }
  for (const part of ['success', 'failure'] as const) {
    for (const [i, inner] of operation[part].entries()) {
      for (const simpler of simplerOperations(inner)) {
        yield { ...operation, [part]: operation[part].with(i, simpler) };
      }
    }
  }
}

export function tell(
  { answers, steps }: Difference,
  one: KeyspacePeer,
  other: KeyspacePeer,
): string {
  const width = Math.max(one.name.length, other.name.length);
  return [
    ...steps.map(describe),
    `${one.name.padEnd(width)}  ${describe(answers[0])}`,
    `${other.name.padEnd(width)}  ${describe(answers[1])}`,
  ].join('\n');
}
