// Runs an interaction file: one environment, block after block. A block that goes wrong leaves the
// environment in another state than the file expects, so what follows will mostly differ too; it is
// run all the same, because every block must be accounted for.

import type { Command } from '../../src/base/transcript.ts';
import { runCommand } from './commands.ts';
import { compareEvents } from './compare.ts';
import type { CoreUnderTest } from './core-under-test.ts';
import { Environment } from './environment.ts';
import { parseExpected } from './expect.ts';
import type { PlacedEvent } from './model.ts';
import { renderPlaced } from './render.ts';
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
    return compareBlock(placed, events, problem);
  });
}

export function compareBlock(
  { command, outputLine }: PlacedCommand,
  actual: readonly PlacedEvent[],
  problem: string | undefined,
): BlockResult {
  const expected = parseExpected(command.expected, outputLine);
  return {
    command,
    logLines: expected.logLines,
    differences: compareEvents(expected.events, actual, nodeOf(command)),
    problem: problem ?? expected.unreadable[0],
    expected: expected.events.flatMap(renderPlaced),
    actual: actual.flatMap(renderPlaced),
  };
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
function nodeOf(command: Command): number {
  for (const { key, values } of command.args) {
    if (values.length === 0 && /^\d+$/.test(key)) return Number(key);
    if (key === 'from') return Number(values[0]);
  }
  return 0;
}
