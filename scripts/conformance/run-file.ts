// Runs one file: finds out by its commands which of the three formats it has.

import type { Section } from '../../src/base/transcript.ts';
import { parseTranscript } from '../../src/base/transcript.ts';
import { INTERACTION_COMMANDS } from './commands.ts';
import { CONFCHANGE_COMMANDS, runConfChange } from './confchange-file.ts';
import type { CoreUnderTest } from './core-under-test.ts';
import type { PlacedCommand } from './interaction-file.ts';
import { runInteraction } from './interaction-file.ts';
import { QUORUM_COMMANDS, runQuorum } from './quorum-file.ts';
import type { BlockResult, FileKind, FileResult } from './result.ts';

const KINDS: readonly (readonly [FileKind, ReadonlySet<string>])[] = [
  ['interaction', INTERACTION_COMMANDS],
  ['quorum', QUORUM_COMMANDS],
  ['confchange', CONFCHANGE_COMMANDS],
];

type Block = Extract<Section, { kind: 'command' }>;

export function runFile(path: string, source: string, makers: CoreUnderTest): FileResult {
  const failed = (problem: string): FileResult => ({ path, kind: undefined, blocks: [], problem });
  let sections: Section[];
  try {
    sections = parseTranscript(source);
  } catch (error) {
    return failed(String(error));
  }
  const blocks = sections.filter((section): section is Block => section.kind === 'command');
  const kind = kindOf(blocks);
  if (kind === undefined) return failed('no command of any known format');
  return { path, kind, blocks: runBlocks(kind, blocks, makers), problem: undefined };
}

/** The format of the first command that any format knows. */
function kindOf(blocks: readonly Block[]): FileKind | undefined {
  for (const { command } of blocks) {
    const known = KINDS.find(([, commands]) => commands.has(command.name));
    if (known !== undefined) return known[0];
  }
  return undefined;
}

function runBlocks(kind: FileKind, blocks: readonly Block[], makers: CoreUnderTest): BlockResult[] {
  const commands = blocks.map(({ command }) => command);
  if (kind === 'quorum') return runQuorum(makers.quorum, commands);
  if (kind === 'confchange') return runConfChange(makers.createChanger(), commands);
  return runInteraction(makers, blocks.map(placeOutput));
}

/** Output starts behind the separator, which is two lines where output has blank lines. */
export function placeOutput({ command, lines }: Block): PlacedCommand {
  const separator = lines.indexOf('----');
  const isDoubled = lines[separator + 1] === '----' && command.expected !== '';
  return { command, outputLine: command.line + separator + (isDoubled ? 2 : 1) };
}

/** A text that has no separator line at all belongs to something else. */
export function isTranscript(source: string): boolean {
  return source.split('\n').includes('----');
}
