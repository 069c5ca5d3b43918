import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

function fuzz(...args: string[]): { status: number | null; output: string } {
  const program = join(import.meta.dirname, 'fuzz.ts');
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

test('every fuzzer runs, and the line at the end counts them', () => {
  const { status, output } = fuzz('--runs', '300', '--seed', '7');
  assert.equal(status, 0, output);
  assert.match(output, /^gossip: ok, 300 inputs of seed 7, /m);
  assert.match(output, /\n[1-9][0-9]* passed, 0 failed\n$/);
});

test('a fuzzer that does not exist is refused with those that do', () => {
  const { status, output } = fuzz('nonsense');
  assert.equal(status, 2);
  assert.match(output, /there is no fuzzer nonsense; there are: .*gossip/);
});

test('a number of runs that is no number is refused', () => {
  assert.match(fuzz('--runs', 'many').output, /^--runs takes a whole number, not "many"\n$/);
});
