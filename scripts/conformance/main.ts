// `npm run conformance -- DIR`: runs every transcript found under DIR through the Raft core and
// compares what it does with what stands there. Exits 1 unless levels 1 and 2 hold everywhere and
// level 3 deviates only where deviations.ts says so. See compare.ts for the levels.

import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { readFlags, refuse } from '../flags.ts';
import { DEVIATIONS } from './deviations.ts';
import { REAL_CORE } from './real-core.ts';
import { judge } from './report.ts';
import { isTranscript, runFile } from './run-file.ts';

const USAGE = 'usage: npm run conformance -- DIR';
const [directory, ...others] = readFlags(USAGE, { allowPositionals: true }).positionals;
if (directory === undefined || others.length > 0) refuse(USAGE);
if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
  refuse(`${directory} is not a directory`);
}

const paths = globSync('**/*.txt', { cwd: directory }).toSorted();
const files = paths.map((path) => {
  const full = join(directory, path);
  return { path: full, source: readFileSync(full, 'utf8') };
});
const transcripts = files.filter(({ source }) => isTranscript(source));
for (const { path } of files.filter(({ source }) => !isTranscript(source))) {
  console.log(`not a transcript, not counted: ${path}`);
}
const results = transcripts.map(({ path, source }) => runFile(path, source, REAL_CORE));
const verdict = judge(results, DEVIATIONS);
console.log(verdict.text);
if (results.length === 0) console.error(`no transcripts under ${directory}`);
process.exitCode = verdict.failed > 0 || results.length === 0 ? 1 : 0;
