import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestLine } from './lines.ts';
import { Report, type ReportOptions } from './report.ts';
import type { FileRun } from './run-file.ts';

interface Told {
  readonly text: string;
  readonly passed: number;
  readonly failed: number;
}

function tell(
  lines: readonly TestLine[],
  run: Partial<FileRun> = {},
  options: Partial<ReportOptions> = {},
): Told {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  const report = new Report({ root: '/r', verbose: false, filtered: false, write, ...options });
  const ended = { output: '', durationMs: 50, exitCode: 0, isOverdue: false };
  report.take('/r/a.test.ts', { ...ended, lines, ...run });
  report.close(1234);
  return { text, passed: report.passed, failed: report.failed };
}

const pass: TestLine = { kind: 'pass', isSuite: false };
const start = (name: string, nesting = 0): TestLine => ({ kind: 'start', nesting, name });
const fail = (why: string, nesting = 0): TestLine => ({ kind: 'fail', nesting, why });

test('a file that passes takes one line, and the last line counts tests', () => {
  const told = tell([start('x'), pass, start('y'), pass]);
  assert.equal(told.text, 'a.test.ts  ok  2 passed, 0.1 s\n1 files in 1.2 s\n2 passed, 0 failed\n');
});

test('a failure is told with the path of its test and its error', () => {
  const told = tell([start('outer'), start('inner', 1), fail('seven is not eight', 1)], {
    exitCode: 1,
  });
  assert.equal(told.failed, 1);
  assert.match(
    told.text,
    /FAILED {2}1 failed, 0 passed, 0\.1 s\n {4}outer > inner\n {4}seven is not eight/,
  );
  assert.match(told.text, /0 passed, 1 failed\n$/);
});

test('a skipped test is neither, and its reason is told', () => {
  const told = tell([{ kind: 'skip', name: 'x', why: 'no such folder' }, start('y'), pass]);
  assert.equal(told.passed, 1);
  assert.match(told.text, /a\.test\.ts {2}ok {2}1 passed, 1 skipped/);
  assert.match(told.text, /skipped {2}a\.test\.ts: x: no such folder/);
  assert.match(told.text, /1 files in 1\.2 s, 1 tests skipped\n1 passed, 0 failed\n$/);
});

test('a file of which every test was skipped is not called ok', () => {
  const told = tell([{ kind: 'skip', name: 'x', why: 'no strace' }]);
  assert.match(told.text, /^a\.test\.ts {2}skipped {2}1 skipped, 0\.1 s\n/);
  assert.equal(told.failed, 0);
});

test('a file without a test fails, unless tests were chosen by name', () => {
  assert.equal(tell([]).failed, 1);
  assert.match(tell([]).text, /no test in this file/);
  assert.equal(tell([], {}, { filtered: true }).failed, 0);
});

test('a file that dies after its tests fails with what it printed', () => {
  const told = tell([start('x'), pass], { exitCode: 7, output: 'Error: activity after the end\n' });
  assert.equal(told.failed, 1);
  assert.match(told.text, /exit code 7; last test: x[^]*activity after the end/);
});

test('a file that outlives its limit is named, with the test that it was at', () => {
  const told = tell([start('x'), fail('lost'), start('y')], {
    exitCode: undefined,
    isOverdue: true,
    durationMs: 240_000,
  });
  assert.equal(told.failed, 2);
  assert.match(told.text, /a\.test\.ts {2}FAILED {2}2 failed/);
  assert.match(told.text, /killed: it still ran after 240\.0 s; the last test that began: y/);
});

test('what tests print is shown when they fail or when asked for', () => {
  const output = '42 ns per entry\n';
  assert.doesNotMatch(tell([start('x'), pass], { output }).text, /42 ns/);
  assert.match(tell([start('x'), pass], { output }, { verbose: true }).text, / {4}42 ns/);
  assert.match(tell([start('x'), fail('no')], { output }).text, / {4}42 ns/);
});
