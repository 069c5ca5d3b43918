// `npm run fuzz`: feeds made-up input to what reads input of strangers, by the *.fuzz.ts files.
//
//   npm run fuzz                             all of them, 100,000 inputs each
//   npm run fuzz -- gossip --runs 1000000    one, longer
//   npm run fuzz -- gossip --seed 7          one, with the inputs of that seed again
//
// Each file is a program that takes --runs and --seed and fails by its exit code.

import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { globSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags, refuse, wholeNumber } from './flags.ts';

const RUNS = 100_000;

const USAGE = `usage: npm run fuzz -- [NAME...] [--runs N] [--seed S]

  NAME...     some fuzzers instead of all; a wrong name lists them
  --runs N    inputs each (default ${RUNS.toLocaleString('en')})
  --seed S    the inputs of that seed again`;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = readFlags(USAGE, {
  allowPositionals: true,
  options: { runs: { type: 'string' }, seed: { type: 'string' } },
});

const fuzzers = new Map(
  globSync('{src,sim,test}/**/*.fuzz.ts', { cwd: root })
    .toSorted()
    .map((file) => [basename(file, '.fuzz.ts'), file]),
);
const unknown = positionals.filter((name) => !fuzzers.has(name));
const runs = wholeNumber('--runs', values.runs ?? String(RUNS));
const seed = wholeNumber('--seed', values.seed ?? String(randomInt(2 ** 32)));

if (unknown.length > 0) {
  refuse(`there is no fuzzer ${unknown.join(', ')}; there are: ${[...fuzzers.keys()].join(', ')}`);
}

let failed = 0;
const chosen = positionals.length === 0 ? [...fuzzers.keys()] : positionals;
for (const name of chosen) {
  const started = performance.now();
  const args = [fuzzers.get(name) as string, '--runs', String(runs), '--seed', String(seed)];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${name}: ${status === 0 ? 'ok' : 'FAILED'}, ${runs} inputs of seed ${seed}, ${seconds} s`,
  );
  if (status === 0) continue;
  failed += 1;
  console.log(`again: npm run fuzz -- ${name} --runs ${runs} --seed ${seed}`);
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
