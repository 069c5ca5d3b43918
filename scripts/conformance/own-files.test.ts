import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from '../../src/base/transcript.ts';
import { parseTranscript } from '../../src/base/transcript.ts';
import { transcriptTests } from '../../test/support/transcript.ts';
import { INTERACTION_COMMANDS, runCommand } from './commands.ts';
import { answerChange, CONFCHANGE_COMMANDS } from './confchange-file.ts';
import { OWN_FILES } from './conformance-files.ts';
import { Environment } from './environment.ts';
import { answerQuorum, QUORUM_COMMANDS } from './quorum-file.ts';
import { REAL_CORE } from './real-core.ts';
import { renderPlaced } from './render.ts';

// One file per group of commands; every command and argument stands in one of them.
transcriptTests(new URL('./testdata/', import.meta.url), () => {
  const env = new Environment(REAL_CORE);
  const changer = REAL_CORE.createChanger();
  let changes = 0;
  return (command: Command): string => {
    if (QUORUM_COMMANDS.has(command.name)) return answerQuorum(REAL_CORE.quorum, command);
    if (!CONFCHANGE_COMMANDS.has(command.name)) {
      return runCommand(env, command).flatMap(renderPlaced).join('\n');
    }
    changes += 1;
    return answerChange(changer, command, changes - 1);
  };
});

test('our own files use every command that there is', () => {
  const known = [...INTERACTION_COMMANDS, ...QUORUM_COMMANDS, ...CONFCHANGE_COMMANDS];
  const used = new Set(
    OWN_FILES.flatMap(({ source }) => parseTranscript(source)).flatMap((section) =>
      section.kind === 'command' ? [section.command.name] : [],
    ),
  );
  assert.deepEqual(
    known.filter((name) => !used.has(name)),
    [],
  );
});
