// `npm run tidy`: everything about the text of the project that a program can check. The parts run
// side by side; each prints one line, the findings follow.
//
//   npm run tidy                   all parts
//   npm run tidy -- rules lint     some of them: format, lint, types, dead code, rules
//   npm run tidy -- src/core       findings below a path only; the exit code follows them
//   npm run tidy -- --ratchet      writes today's sizes as the ones not to exceed

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFlags, refuse } from './flags.ts';
import { type Outcome, PARTS, type Part, RATCHET_FILE } from './tidy/parts.ts';
import { newRatchet } from './tidy/ratchet.ts';
import { readTree } from './tidy/source.ts';

const USAGE = `usage: npm run tidy -- [PART...] [PATH...] [--ratchet]

  PART...      some of: ${PARTS.map(({ name }) => name).join(', ')}
  PATH...      findings below a path only
  --ratchet    writes today's sizes as the ones not to exceed`;

const root = fileURLToPath(new URL('..', import.meta.url));
const { values, positionals } = readFlags(USAGE, {
  allowPositionals: true,
  options: { ratchet: { type: 'boolean' } },
});

if (values.ratchet) {
  const ratchet = newRatchet(readTree(root));
  writeFileSync(join(root, RATCHET_FILE), `${JSON.stringify(ratchet, null, 2)}\n`);
  console.log(`${RATCHET_FILE}: ${Object.keys(ratchet).length} entries`);
} else {
  process.exitCode = (await tidy()) ? 0 : 1;
}

async function tidy(): Promise<boolean> {
  const names = new Set(PARTS.map(({ name }) => name));
  const chosen = positionals.filter((word) => names.has(word));
  const paths = positionals.filter((word) => !names.has(word));
  const nowhere = paths.filter((path) => !existsSync(join(root, path)));
  if (nowhere.length > 0) refuse(`neither a part nor a path: ${nowhere.join(', ')}`);
  const parts = PARTS.filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  const outcomes = await Promise.all(parts.map((part) => timed(part, paths)));
  for (const { findings, notes } of outcomes) {
    for (const line of [...findings, ...notes]) console.log(line);
  }
  const total = outcomes.reduce((sum, { findings }) => sum + findings.length, 0);
  console.log(total === 0 ? 'tidy' : `${total} findings`);
  return total === 0;
}

async function timed(part: Part, paths: readonly string[]): Promise<Outcome> {
  const started = performance.now();
  const outcome = await part.run(root);
  const findings = outcome.findings.filter((line) => {
    return paths.length === 0 || paths.some((path) => line.startsWith(path));
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const verdict = findings.length === 0 ? 'ok' : `${findings.length} findings`;
  console.log(`${part.name.padEnd(10)} ${seconds.padStart(5)} s  ${verdict}`);
  return { findings, notes: outcome.notes };
}
