// `npm test`: every *.test.ts of the house, or those whose path contains one of the arguments.
//
//   npm test                       all
//   npm test -- gossip wal         files with "gossip" or "wal" in their path
//   npm test -- --name "phi"       tests whose name matches
//   npm test -- --update           rewrites transcripts instead of comparing them
//
// Ends with one line `N passed, N failed` that counts tests, not files.

import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { readFlags, refuse } from './flags.ts';
import { Report } from './test/report.ts';
import { endRunningFiles, runFile } from './test/run-file.ts';

/**
 * A file that hangs must not hang the run. The slowest one takes 40 s on a machine that does
 * nothing else, and several times as long on a busy one.
 */
const FILE_LIMIT_MS = 240_000;

const USAGE = `usage: npm test -- [WORD...] [--name PATTERN] [--update]

  WORD...           files with one of these in their path, instead of all
  --name PATTERN    tests whose name matches
  --update          rewrites transcripts instead of comparing them`;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = readFlags(USAGE, {
  allowPositionals: true,
  options: { update: { type: 'boolean' }, name: { type: 'string' } },
});

process.chdir(root);
if (values.update) process.env['PARLEY_TEST_UPDATE'] = '1';

const files = globSync('{src,sim,bench,interop,scripts,test,examples}/**/*.test.ts', {
  exclude: (name) => /(^|\/)(node_modules|target)$/.test(name),
})
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  // The slowest first, which are those that start processes: the run ends sooner that way.
  .toSorted((a, b) => Number(startsProcesses(b)) - Number(startsProcesses(a)) || (a < b ? -1 : 1));

if (files.length === 0) {
  refuse(`no test file has ${positionals.join(' or ')} in its path`);
}

const report = new Report({
  root,
  verbose: files.length <= 3,
  filtered: values.name !== undefined,
  write: (text) => process.stdout.write(text),
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    endRunningFiles();
    process.exit(1);
  });
}
process.on('exit', endRunningFiles);

const started = performance.now();
const queue = files.values();
await Promise.all(Array.from({ length: availableParallelism() }, runQueue));
report.close(performance.now() - started);
process.exitCode = report.failed > 0 || report.passed === 0 ? 1 : 0;

/** Several of these take one file after another from the same queue. */
async function runQueue(): Promise<void> {
  for (const file of queue) {
    report.take(file, await runFile(file, { limitMs: FILE_LIMIT_MS, name: values.name }));
  }
}

function startsProcesses(file: string): boolean {
  return /^(test|scripts|test\/drills)\/[^/]*$/.test(file);
}
