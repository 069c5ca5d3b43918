import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

function run(command: string): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, command.split(' '), { cwd: root, encoding: 'utf8' });
}

const MISTAKES: Readonly<Record<string, string>> = {
  'sim/main.ts --seed abc': '--seed takes a whole number, not "abc"',
  'sim/main.ts --seed 1e3': '--seed takes a whole number, not "1e3"',
  'sim/main.ts --seed': "Option '--seed <value>' argument missing; --help lists what there is",
  'sim/main.ts --seeds a..b': '--seeds takes a whole number, not "a"',
  'sim/main.ts --seeds 9..1': '--seeds takes the smaller number first, not 9..1',
  'sim/main.ts --seed 1 --bogus': "Unknown option '--bogus'; --help lists what there is",
  'sim/main.ts --seed 1 --members 0': '--members takes a whole number from 1 on, not "0"',
  'sim/main.ts nope': 'there is no simulation nope; there are: raft, mutants, explore',
  'sim/main.ts raft --seed abc': '--seed takes a whole number, not "abc"',
  'sim/main.ts mutants --host nope': 'there is no mutant of whole members called nope',
  'sim/main.ts mutants --by luck': '--by takes the word sim, not "luck"',
  'scripts/test.ts no-such-file': 'no test file has no-such-file in its path',
  'scripts/tidy.ts src/nope': 'neither a part nor a path: src/nope',
  'scripts/conformance/main.ts': 'usage: npm run conformance -- DIR',
};

for (const [command, line] of Object.entries(MISTAKES)) {
  test(`a mistake is told in one line: ${command}`, () => {
    const { status, stderr, stdout } = run(command);
    assert.deepEqual({ status, stderr, stdout }, { status: 2, stderr: `${line}\n`, stdout: '' });
  });
}

test('a class of faults that does not exist is told with those that do', () => {
  const { status, stderr } = run('sim/main.ts --seed 1 --without luck');
  assert.equal(status, 2);
  assert.match(stderr, /^--without: there is no class luck; there are: all, .*powerLoss.*\n$/);
});

const COMMANDS = ['sim/main.ts', 'scripts/test.ts', 'scripts/check.ts', 'bench/main.ts'];

for (const command of COMMANDS) {
  test(`--help says what there is: ${command}`, () => {
    const { status, stderr, stdout } = run(`${command} --help`);
    assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
    assert.notEqual(stdout, '');
  });
}
