import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FileRun, runFile } from './run-file.ts';

const IMPORTS = "import assert from 'node:assert/strict';\nimport { test } from 'node:test';\n";

function run(t: TestContext, source: string, limitMs = 60_000): Promise<FileRun> {
  const directory = mkdtempSync(join(tmpdir(), 'parley-run-file-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const file = join(directory, 'x.test.mjs');
  writeFileSync(file, IMPORTS + source);
  return runFile(file, { limitMs, name: undefined });
}

test('tells each test, and why it failed', async (t) => {
  const { lines, output, exitCode, isOverdue } = await run(
    t,
    `test('a', () => { console.log('said'); });
     test('b', (t) => t.skip('no strace'));
     test('c', async (t) => { await t.test('d', () => assert.equal(7, 8)); });`,
  );
  assert.deepEqual(
    lines.map((line) => [line.kind, 'name' in line ? line.name : '']),
    [
      ['start', 'a'],
      ['pass', ''],
      ['start', 'b'],
      ['skip', 'b'],
      ['start', 'c'],
      ['start', 'd'],
      ['fail', ''],
    ],
  );
  const failed = lines.find((line) => line.kind === 'fail');
  assert.match(failed?.why ?? '', /7 !== 8/);
  assert.deepEqual([output, exitCode, isOverdue], ['said\n', 1, false]);
});

test('a file that does not end is killed, with the processes that it started', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-run-file-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const pulse = join(directory, 'pulse');
  const beat = `setInterval(() => fs.appendFileSync(${JSON.stringify(pulse)}, '.'), 20)`;
  const source = `
    import { spawn } from 'node:child_process';
    test('leaves work behind', () => {
      spawn(process.execPath, ['-e', ${JSON.stringify(beat)}], { stdio: 'inherit' });
      process.on('SIGTERM', () => {});
      assert.equal(1, 2);
    });`;
  // Long enough to start two processes on a busy machine.
  const { lines, isOverdue, exitCode } = await run(t, source, 8_000);
  assert.deepEqual([isOverdue, exitCode], [true, undefined]);
  assert.ok(lines.some(({ kind }) => kind === 'fail'));
  const beats = readFileSync(pulse, 'utf8').length;
  await new Promise((resolve) => setTimeout(resolve, 500));
  assert.ok(beats > 0);
  assert.equal(readFileSync(pulse, 'utf8').length, beats, 'nothing beats any more');
});
