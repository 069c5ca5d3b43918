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
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { update: { type: 'boolean' }, name: { type: 'string' } },
});

if (values.update) process.env['PARLEY_TEST_UPDATE'] = '1';

const files = globSync('{src,sim,bench,interop,scripts,test,examples}/**/*.test.ts', {
  exclude: (name) => name === 'node_modules' || name === 'target',
})
  .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
  .toSorted();

if (files.length === 0) {
  console.error(`no test file matches ${positionals.join(' ')}`);
  process.exit(1);
}

let passed = 0;
let failed = 0;
const started = performance.now();
const events = run({
  files,
  concurrency: availableParallelism(),
  ...(values.name === undefined ? {} : { testNamePatterns: [values.name] }),
});
events.on('test:pass', ({ details, skip }) => {
  if (details.type !== 'suite' && skip === undefined) passed += 1;
});
events.on('test:fail', ({ details }) => {
  if (details.type !== 'suite') failed += 1;
});
events.on('end', () => {
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`\n${files.length} files in ${seconds} s\n`);
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
});
events.compose(spec).pipe(process.stdout, { end: false });
