// `npm run interop -- chitchat`: holds Parley against real programs of other projects.
//
//   npm run interop                            lists the suites
//   npm run interop -- chitchat                runs one
//   npm run interop -- chitchat "TTL"          only the checks whose name contains this text
//
// Ends with `N passed, N failed`. A suite whose tools are missing says so and fails nothing.

import { chitchat } from './chitchat/index.ts';
import { Reporter, type Suite } from './suite.ts';

const SUITES: readonly Suite[] = [chitchat];

const [name, only = ''] = process.argv.slice(2);
const chosen = SUITES.find((suite) => suite.name === name);

if (name === undefined || name === '--help' || name === '-h') {
  process.stdout.write('npm run interop -- <suite> [part of a check name]\n\n');
  for (const suite of SUITES) process.stdout.write(`  ${suite.name.padEnd(12)}${suite.summary}\n`);
} else if (chosen === undefined) {
  const names = SUITES.map((suite) => suite.name).join(', ');
  process.stderr.write(`There is no suite named ${name}. The suites are: ${names}.\n`);
  process.exitCode = 2;
} else {
  const reporter = new Reporter(only);
  await chosen.run(reporter);
  const { passed, failed, skipped } = reporter;
  const nothingRan = passed + failed === 0 && !skipped;
  if (nothingRan) process.stdout.write(`\nThe name of no check contains "${only}".\n`);
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`);
  process.exitCode = failed > 0 || nothingRan ? 1 : 0;
}
