// Runs a confchange file: changes to a configuration, without a log. Each command counts as one
// more entry, so `next=` of a peer tells after how many commands its progress was made.

import type { Command } from '../../src/base/transcript.ts';
import type { ConfChangeError } from '../../src/core/raft/index.ts';
import { Arguments, CommandProblem } from './arguments.ts';
import { parseChanges } from './change-tokens.ts';
import type { ChangerOutcome, ChangerUnderTest } from './core-under-test.ts';
import { describeProgress } from './describe.ts';
import { CONFIG, parseProgress } from './expect-parts.ts';
import { renderConfig, renderEvent } from './render.ts';
import type { BlockResult } from './result.ts';
import type { TextRules } from './text-compare.ts';
import { compareText } from './text-compare.ts';

export const CONFCHANGE_COMMANDS: ReadonlySet<string> = new Set([
  'simple',
  'enter-joint',
  'leave-joint',
]);

const ERRORS: Readonly<Record<ConfChangeError, string>> = {
  alreadyJoint: 'config is already joint',
  notJoint: "can't leave a non-joint config",
  zeroVoters: "can't make a zero-voter config joint",
  simpleWhileJoint: "can't apply simple config change in joint config",
  moreThanOneVoterChanged: 'more than one voter changed without entering joint config',
  removedAllVoters: 'removed all voters',
};

const NO_INPUT = 'this command takes no input';

const KNOWN_ERRORS: ReadonlySet<string> = new Set([...Object.values(ERRORS), NO_INPUT]);
const WHOLE_CONFIG = new RegExp(`^${CONFIG}$`);
const TOKEN_ERROR = /^unknown (?:token|input:) \S*$/;

const RULES: TextRules = {
  isKnown: (line) =>
    KNOWN_ERRORS.has(line) ||
    WHOLE_CONFIG.test(line) ||
    TOKEN_ERROR.test(line) ||
    parseProgress(line) !== undefined,
  outcome: (line) => line,
};

export function runConfChange(
  changer: ChangerUnderTest,
  commands: readonly Command[],
): BlockResult[] {
  return commands.map((command, lastIndex) =>
    compareText(command, RULES, () => answerChange(changer, command, lastIndex)),
  );
}

/** The text of one command. */
export function answerChange(
  changer: ChangerUnderTest,
  command: Command,
  lastIndex: number,
): string {
  const args = new Arguments(command.args);
  const autoLeave = command.name === 'enter-joint' && (args.boolean('autoleave') ?? false);
  args.finish();
  const changes = parseChanges(command.input);
  if (typeof changes === 'string') return changes;
  switch (command.name) {
    case 'simple':
      return describeOutcome(changer.simple(changes, lastIndex));
    case 'enter-joint':
      return describeOutcome(changer.enterJoint(changes, autoLeave, lastIndex));
    case 'leave-joint':
      return changes.length > 0 ? NO_INPUT : describeOutcome(changer.leaveJoint(lastIndex));
    default:
      throw new CommandProblem(`unknown command ${command.name}`);
  }
}

function describeOutcome(outcome: ChangerOutcome): string {
  if (outcome.kind === 'refused') return ERRORS[outcome.reason];
  const peers = outcome.peers.flatMap((peer) =>
    renderEvent({ kind: 'progress', progress: describeProgress(peer) }),
  );
  return [renderConfig(outcome.config), ...peers].join('\n');
}
