// Runs an interaction file: one environment, block after block. A block that goes wrong leaves the
// environment in another state than the file expects, so what follows will mostly differ too; it is
// run all the same, because every block must be accounted for.

import type { Command } from '../../src/base/transcript.ts';
import { runCommand } from './commands.ts';
import type { Account } from './compare.ts';
import { accountOf, compareAccounts } from './compare.ts';
import type { CoreUnderTest } from './core-under-test.ts';
import { Environment } from './environment.ts';
import { parseExpected } from './expect.ts';
import type { PlacedEvent } from './model.ts';
import type { BlockResult } from './result.ts';

/** A command and the file line on which its expected output starts. */
export interface PlacedCommand {
  readonly command: Command;
  readonly outputLine: number;
}

export function runInteraction(
  makers: CoreUnderTest,
  commands: readonly PlacedCommand[],
): BlockResult[] {
  const env = new Environment(makers);
  return commands.map((placed) => {
    const { events, problem } = runBlock(env, placed.command);
    return compareBlock(placed, accountOf(events, nodeOf(placed.command)), problem);
  });
}

export function compareBlock(
  { command, outputLine }: PlacedCommand,
  actual: Account,
  problem: string | undefined,
): BlockResult {
  const { events, logLines, unreadable } = parseExpected(command.expected, outputLine);
  const expected = accountOf(events, nodeOf(command));
  return {
    command,
    logLines,
    differences: compareAccounts(expected, actual),
    problem: problem ?? unreadable[0],
    expected: linesOf(expected),
    actual: linesOf(actual),
  };
}

function linesOf({ texts }: Account): string[] {
  return texts.flatMap((text) => text.split('\n'));
}

function runBlock(
  env: Environment,
  command: Command,
): { events: PlacedEvent[]; problem: string | undefined } {
  try {
    return { events: runCommand(env, command), problem: undefined };
  } catch (error) {
    // A core that asserts, or a command that nobody knows: the block has failed, the run goes on.
    return { events: env.output.take(), problem: String(error) };
  }
}

/** The node that a command is about: the first number, or the sender. 0 when there is none. */
export function nodeOf(command: Command): number {
  for (const { key, values } of command.args) {
    if (values.length === 0 && /^\d+$/.test(key)) return Number(key);
    if (key === 'from') return Number(values[0]);
  }
  return 0;
}
