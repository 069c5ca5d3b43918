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

/** Passing means: on all three levels. */
function fails({ name, source }: SourceFile, core: CoreUnderTest): boolean {
  const file = runFile(name, source, core);
  return isBroken(file) || file.blocks.some((block) => failsAt(block, 3));
}

test('the real core passes our own files on all levels', () => {
  const failing = OWN_FILES.filter((file) => fails(file, REAL_CORE));
  assert.deepEqual(
    failing.map(({ name }) => name),
    [],
  );
});

for (const { name, core } of MUTANTS) {
  test(`mutant is caught by our own files: ${name}`, () => {
    assert.ok(OWN_FILES.some((file) => fails(file, core)));
  });
}

test('the original files catch most mutants', { skip: NO_ORIGINALS }, (context) => {
  const missed = MUTANTS.filter(({ core }) => !ORIGINAL_FILES.some((file) => fails(file, core)));
  for (const { name } of missed) context.diagnostic(`not caught by the originals: ${name}`);
  const caught = MUTANTS.length - missed.length;
  assert.ok(caught >= ORIGINAL_MUTANTS_CAUGHT_MIN, `${caught} of ${MUTANTS.length} caught`);
});
