// `npm run interop -- chitchat`: holds Parley against real programs of other projects.
//
//   npm run interop                            lists the suites
//   npm run interop -- chitchat                runs one
//   npm run interop -- chitchat "TTL"          only the checks whose name contains this text
//   npm run interop -- etcd --sequences 10000 --seed 7
//
// Ends with `N passed, N failed`. A suite whose tools are missing says so and fails nothing.

import { readFlags, wholeNumber } from '../scripts/flags.ts';
import { chitchat } from './chitchat/index.ts';
import { etcd } from './etcd/index.ts';
import { Reporter, type Suite, type SuiteFlags } from './suite.ts';

const SUITES: readonly Suite[] = [chitchat, etcd];

const SUITE_LINES = SUITES.map(({ name, summary }) => `  ${name.padEnd(12)}${summary}`);
const USAGE = [
  'npm run interop -- <suite> [part of a check name] [--sequences N] [--seed N]',
  '',
  ...SUITE_LINES,
].join('\n');

const { positionals, values } = readFlags(USAGE, {
  allowPositionals: true,
  options: { sequences: { type: 'string' }, seed: { type: 'string' } },
});
const [name, only = ''] = positionals;
const flags: SuiteFlags = {
  ...(values.seed === undefined ? {} : { seed: wholeNumber('--seed', values.seed) }),
  ...(values.sequences === undefined
    ? {}
    : { sequences: wholeNumber('--sequences', values.sequences) }),
};
const chosen = SUITES.find((suite) => suite.name === name);

if (name === undefined) {
  process.stdout.write(`${USAGE}\n`);
} else if (chosen === undefined) {
  const names = SUITES.map((suite) => suite.name).join(', ');
  process.stderr.write(`There is no suite named ${name}. The suites are: ${names}.\n`);
  process.exitCode = 2;
} else {
  const reporter = new Reporter(only);
  await chosen.run(reporter, flags);
  const { passed, failed, skipped } = reporter;
  const nothingRan = passed + failed === 0 && !skipped;
  if (nothingRan) process.stdout.write(`\nThe name of no check contains "${only}".\n`);
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 || nothingRan ? 1 : 0;
}
