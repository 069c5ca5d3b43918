import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTranscript } from '../../src/base/transcript.ts';
import { NO_ORIGINALS, ORIGINAL_FILES, OWN_FILES } from './conformance-files.ts';
import { DEVIATIONS } from './deviations.ts';
import { REAL_CORE } from './real-core.ts';
import { judge } from './report.ts';
import { runFile } from './run-file.ts';

test('parsing a file and printing its sections gives back the file', () => {
  for (const { name, source } of [...OWN_FILES, ...ORIGINAL_FILES]) {
    const lines = parseTranscript(source).flatMap((section) => section.lines);
    assert.equal(`${lines.join('\n')}\n`, source, name);
  }
});

test('the core passes the original files', { skip: NO_ORIGINALS }, () => {
  const results = ORIGINAL_FILES.map(({ name, source }) => runFile(name, source, REAL_CORE));
  const verdict = judge(results, DEVIATIONS);
  assert.equal(verdict.failed, 0, verdict.text);
  assert.equal(verdict.passed, ORIGINAL_FILES.length);
});
