import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { attack } from './command.ts';
import { MUTANTS } from './mutants.ts';

const EFFORT = {
  seedsMax: 600,
  cpuSecondsMax: 15,
  simOnly: true,
  knownFailures: new Set<string>(),
};

/** Found by few seeds each: enough to prove that the simulation sees anything at all. */
const QUICK = [
  'vote-before-durable',
  'commit-old-term-by-count',
  'joint-commit-one-half',
  'truncate-on-stale-append',
  'inflights-never-freed',
];

test('there are forty mutants at least, each with a name of its own', () => {
  assert.ok(MUTANTS.length >= 40);
  assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
});

test('every patch fits its source exactly once and changes it', () => {
  for (const { file, find, name, replace } of MUTANTS) {
    const source = readFileSync(new URL(`../../src/core/raft/${file}`, import.meta.url), 'utf8');
    assert.equal(source.split(find).length, 2, name);
    assert.notEqual(find, replace, name);
  }
});

for (const name of QUICK) {
  test(`simulation notices the mutant ${name}`, async () => {
    const mutant = MUTANTS.find((candidate) => candidate.name === name);
    assert.ok(mutant);
    const { by, detail } = await attack(mutant, EFFORT);
    assert.ok(by?.startsWith('sim'), detail);
  });
}
