import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { must } from '../src/base/assert.ts';
import {
  casRegisterModel,
  checkHistory,
  kvModel,
  parseJepsenLog,
  parseKvLog,
} from '../src/core/checker/index.ts';
import { conformanceFolder, NO_CONFORMANCE_DATA } from '../test/support/conformance.ts';

const script = fileURLToPath(new URL('check.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'parley-check-'));
after(() => rmSync(folder, { recursive: true }));

const histories = conformanceFolder('histories');

interface Outcome {
  readonly status: number | null;
  readonly lastLine: string;
  readonly output: string;
}

function check(...args: string[]): Outcome {
  const { status, stdout } = spawnSync(process.execPath, [script, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  const lastLine = stdout.trimEnd().split('\n').at(-1) ?? '';
  return { status, lastLine, output: stdout };
}

function writeHistory(name: string, events: readonly string[]): string {
  const path = join(folder, name);
  writeFileSync(path, events.map((event) => `INFO  jepsen.util - ${event}\n`).join(''));
  return path;
}

const WRITE = ['0\t:invoke\t:write\t1', '0\t:ok\t:write\t1', '1\t:invoke\t:read\tnil'];

test('a history that is linearizable ends in that word and exit code 0', () => {
  const file = writeHistory('good.txt', [...WRITE, '1\t:ok\t:read\t1']);
  const { status, lastLine } = check(file, '--model', 'register');
  assert.equal(lastLine, 'linearizable');
  assert.equal(status, 0);
});

test('one that is not ends in those words and exit code 1, and is drawn', () => {
  const file = writeHistory('bad.txt', [...WRITE, '1\t:ok\t:read\t2']);
  const { status, lastLine, output } = check('--model=register', file);
  assert.equal(lastLine, 'not linearizable');
  assert.equal(status, 1);
  assert.match(output, /not process 1: read -> 2\npicture: target\/checker\/bad\.txt\.html\n/);
  const page = readFileSync(join(folder, 'target/checker/bad.txt.html'), 'utf8');
  assert.match(page, /^<!doctype html>/);
  const picture = join(folder, 'elsewhere', 'p.html');
  check(file, '--model', 'register', '--picture', picture);
  assert.equal(readFileSync(picture, 'utf8'), page);
});

test('what cannot be judged ends in unknown with the reason and exit code 2', () => {
  const file = writeHistory('odd.txt', [...WRITE, '1\t:ok\t:peek\t2']);
  const cases: readonly [string[], RegExp][] = [
    [[file, '--model', 'register'], /^unknown: .*odd\.txt:4: not an event of a known kind/],
    [[join(folder, 'missing'), '--model', 'kv'], /^unknown: ENOENT/],
    [[file], /^unknown: --model is missing: register or kv$/],
    [[file, '--model', 'foo'], /^unknown: there is no model foo: register or kv$/],
    [['--model', 'kv'], /^unknown: which FILE/],
    [[file, 'other.txt', '--model', 'kv'], /^unknown: one FILE at a time, not .* and other\.txt$/],
    [[file, '--model', 'kv', '--budget-mib', 'all'], /^unknown: --budget-mib needs a number/],
    [[file, '--model', 'kv', '--budget-seconds', 'x'], /^unknown: --budget-seconds needs a number/],
    [[file, '--depth', '3'], /^unknown: Unknown option '--depth'/],
  ];
  for (const [args, lastLine] of cases) {
    const outcome = check(...args);
    assert.match(outcome.lastLine, lastLine);
    assert.equal(outcome.status, 2);
  }
});

test('a spent budget ends in unknown with exit code 2', () => {
  const good = writeHistory('slow.txt', [...WRITE, '1\t:ok\t:read\t1']);
  const { status, lastLine } = check(good, '--model', 'register', '--budget-seconds', '0');
  assert.equal(lastLine, 'unknown: not decided within 0 s: key "" of 1');
  assert.equal(status, 2);
});

test('recorded histories of etcd and of a key-value service get their known verdicts', {
  skip: histories === undefined && NO_CONFORMANCE_DATA,
}, () => {
  const recorded = must(histories, 'the test is skipped without them');
  const verdicts = Object.entries(
    JSON.parse(readFileSync(join(recorded, 'verdicts.json'), 'utf8')) as Record<string, boolean>,
  );
  assert(verdicts.length > 0);
  for (const [name, isLinearizable] of verdicts) {
    const before = process.cpuUsage();
    const verdict = judge(name, readFileSync(join(recorded, name), 'utf8'));
    assert.equal(verdict, isLinearizable ? 'linearizable' : 'notLinearizable', name);
    const { user } = process.cpuUsage(before);
    assert(user < 5_000_000, `${name} takes less than five seconds of work`);
  }
});

function judge(name: string, text: string): string {
  if (name.startsWith('kv')) {
    const parsed = parseKvLog(text);
    assert(parsed.kind === 'history', name);
    return checkHistory(kvModel, parsed.operations).kind;
  }
  const parsed = parseJepsenLog(text);
  assert(parsed.kind === 'history', name);
  return checkHistory(casRegisterModel, parsed.operations).kind;
}
