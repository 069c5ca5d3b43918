import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attackCore } from './core-command.ts';
import { attackHost } from './host-command.ts';
import { HOST_MUTANTS } from './host-mutants.ts';
import { CORE_MUTANTS } from './mutants.ts';

const EFFORT = {
  seedsMax: 600,
  cpuSecondsMax: 15,
  simOnly: true,
};

/** Found by few seeds each: enough to prove that the simulation sees anything at all. */
const QUICK = [
  'vote-before-durable',
  'commit-old-term-by-count',
  'joint-commit-one-half',
  'truncate-on-stale-append',
  'inflights-never-freed',
];

const ALL = [...CORE_MUTANTS, ...HOST_MUTANTS];

test('there are mutants of the core and of its host, each with a name of its own', () => {
  assert.ok(CORE_MUTANTS.length >= 40);
  assert.ok(HOST_MUTANTS.length >= 30);
  assert.equal(new Set(ALL.map(({ name }) => name)).size, ALL.length);
});

test('most mutants of the host are left to the simulation', () => {
  const bySeed = HOST_MUTANTS.filter(({ known }) => 'seed' in known);
  assert.ok(bySeed.length * 2 > HOST_MUTANTS.length);
});

test('every patch fits its source exactly once and changes it', () => {
  for (const { file, find, name, replace } of ALL) {
    const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
    assert.equal(source.split(find).length, 2, name);
    assert.notEqual(find, replace, name);
  }
});

for (const name of QUICK) {
  test(`simulation notices the mutant ${name}`, async () => {
    const mutant = CORE_MUTANTS.find((candidate) => candidate.name === name);
    assert.ok(mutant);
    const { by, detail } = await attackCore(mutant, EFFORT);
    assert.ok(by?.startsWith('sim'), detail);
  });
}

test('simulation of whole members notices that the log is not synced', async () => {
  const mutant = HOST_MUTANTS.find(({ name }) => name === 'log-not-synced');
  assert.ok(mutant);
  const { by, detail } = await attackHost(mutant, 'again');
  assert.ok(by?.startsWith('sim'), detail);
});
