import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceFile } from './conformance-files.ts';
import { NO_ORIGINALS, ORIGINAL_FILES, OWN_FILES } from './conformance-files.ts';
import type { CoreUnderTest } from './core-under-test.ts';
import { MUTANTS } from './mutants.ts';
import { REAL_CORE } from './real-core.ts';
import { failsAt, isBroken } from './result.ts';
import { runFile } from './run-file.ts';

const ORIGINAL_MUTANTS_CAUGHT_MIN = 40;

/** Names of the files that do not pass on all three levels. */
function failing(files: readonly SourceFile[], core: CoreUnderTest): string[] {
  return files
    .map(({ name, source }) => runFile(name, source, core))
    .filter((file) => isBroken(file) || file.blocks.some((block) => failsAt(block, 3)))
    .map(({ path }) => path);
}

test('the real core passes our own files on all levels', () => {
  assert.deepEqual(failing(OWN_FILES, REAL_CORE), []);
});

for (const { name, core } of MUTANTS) {
  test(`mutant is caught by our own files: ${name}`, () => {
    assert.notDeepEqual(failing(OWN_FILES, core), []);
  });
}

test('the original files catch most mutants', { skip: NO_ORIGINALS }, (context) => {
  const missed = MUTANTS.filter(({ core }) => failing(ORIGINAL_FILES, core).length === 0);
  for (const { name } of missed) context.diagnostic(`not caught by the originals: ${name}`);
  const caught = MUTANTS.length - missed.length;
  assert.ok(caught >= ORIGINAL_MUTANTS_CAUGHT_MIN, `${caught} of ${MUTANTS.length} caught`);
});
