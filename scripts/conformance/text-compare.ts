// Comparison of blocks whose output is a short text without messages: those of the quorum and
// confchange files. Lines that carry the outcome decide level 1 (and 2, there being no messages);
// the whole text decides level 3.

import type { Command } from '../../src/base/transcript.ts';
import type { Difference } from './compare.ts';
import type { BlockResult } from './result.ts';

export interface TextRules {
  /** The part of a line that is outcome; undefined for decoration; 'unknown' fails the block. */
  readonly outcome: (line: string) => string | undefined;
  readonly isKnown: (line: string) => boolean;
}

export function compareText(command: Command, rules: TextRules, run: () => string): BlockResult {
  let actual: string[] = [];
  let problem: string | undefined;
  try {
    actual = run().replace(/\n$/, '').split('\n');
  } catch (error) {
    problem = String(error);
  }
  const expected = command.expected.split('\n');
  const unknown = expected.find((line) => !rules.isKnown(line));
  if (unknown !== undefined) problem ??= `unknown line of output: ${unknown}`;
  const outcome = firstDifference(
    'outcome',
    expected.map(rules.outcome).filter((line) => line !== undefined),
    actual.map(rules.outcome).filter((line) => line !== undefined),
  );
  const text = firstDifference('text', expected, actual);
  const differences = {
    ...(outcome === undefined ? {} : { 1: outcome, 2: outcome }),
    ...(text === undefined ? {} : { 3: text }),
  };
  return { command, logLines: 0, differences, problem, expected, actual };
}

function firstDifference(
  what: string,
  expected: readonly string[],
  actual: readonly string[],
): Difference | undefined {
  const length = Math.max(expected.length, actual.length);
  for (let i = 0; i < length; i++) {
    if (expected[i] === actual[i]) continue;
    const nothing = '(nothing)';
    return { what, expected: expected[i] ?? nothing, actual: actual[i] ?? nothing };
  }
  return undefined;
}
