// Runs transcript files (src/base/transcript.ts) as tests: every command of a file goes to `run`,
// its output is compared with what stands under it. `npm test -- --update` rewrites the files
// instead; commit the difference only if you understand what caused it.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type Command, parseTranscript, printCommand } from '../../src/base/transcript.ts';

const updating = process.env['PARLEY_TEST_UPDATE'] === '1';

/** Makes the state of one file and answers the function that runs its commands. */
export type StartTranscript = () => (command: Command) => string | Promise<string>;

/** One test per `*.txt` of `directory` (a URL relative to the test file). */
export function transcriptTests(directory: URL, start: StartTranscript): void {
  const folder = fileURLToPath(directory);
  const files = readdirSync(folder).filter((name) => name.endsWith('.txt'));
  test(`${basename(folder)} holds transcripts`, () => assert.notEqual(files.length, 0));
  for (const file of files.toSorted()) {
    test(`transcript ${file}`, () => runTranscript(join(folder, file), start));
  }
}

async function runTranscript(path: string, start: StartTranscript): Promise<void> {
  const source = readFileSync(path, 'utf8');
  const run = start();
  const rewritten: string[] = [];
  for (const section of parseTranscript(source)) {
    if (section.kind === 'text') {
      rewritten.push(...section.lines);
      continue;
    }
    const output = (await run(section.command)).replace(/\n+$/, '') || 'ok';
    rewritten.push(...printCommand(section, output));
    if (!updating) {
      const where = `${basename(path)}:${section.command.line} ${section.lines[0]}`;
      assert.equal(
        output,
        section.command.expected,
        `${where}\nrun npm test -- --update to accept`,
      );
    }
  }
  if (updating) writeFileSync(path, `${rewritten.join('\n')}\n`);
}
