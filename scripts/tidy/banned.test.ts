import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bannedRule } from './banned.ts';
import { findingsOf } from './fixture.support.ts';
import { namingRule } from './naming.ts';

function banned(path: string, text: string): string[] {
  return findingsOf(bannedRule, { [path]: text });
}

test('a core that asks the world for time, chance or a timer is told what to take instead', () => {
  const path = 'src/core/raft/a.ts';
  for (const [text, instead] of [
    ['const now = Date.now();', /Date is banned here: take the time as an argument/],
    ['const now = new Date();', /take the time as an argument/],
    ['const now = performance.now();', /take the time as an argument/],
    ['const at = process.hrtime();', /process/],
    ['const x = Math.random();', /Math\.random is banned here: take a `Random`/],
    ['setTimeout(f, 1);', /setTimer/],
    ['setInterval(f, 1);', /setTimer/],
    ['setImmediate(f);', /setTimer/],
    ['globalThis.setTimeout(f, 1);', /setTimer/],
    ['queueMicrotask(f);', /returns what is to be done/],
    ['let later: Promise<void>;', /Promise is banned/],
    ['async function f() {}', /async is banned/],
    ['const f = async () => 1;', /async is banned/],
    ['await 1;', /async is banned/],
    ["console.error('x');", /console is banned/],
  ] as const) {
    assert.match(banned(path, text)[0] ?? '', instead, text);
  }
});

test('properties, comments and texts that only share a name with the world pass', () => {
  const text = [
    'interface Timers { setTimeout(ms: number): void; readonly Date: string }',
    '// Date.now() would be wrong here.',
    "const text = 'Math.random()';",
    'const x = { Date: 1, performance: 2 };',
    'x.Date + x.performance;',
    'Math.floor(1.5);',
    'function f({ process }: P, console: number) { return process + console; }',
  ].join('\n');
  assert.deepEqual(banned('src/core/raft/a.ts', text), []);
});

test('the engine alone touches the world; tests may', () => {
  const text = "import { open } from 'node:fs/promises';\nsetTimeout(() => open('x'), Date.now());";
  for (const path of [
    'src/replica/a.ts',
    'src/cluster/a.ts',
    'src/edge/http/a.ts',
    'sim/disk.ts',
  ]) {
    assert.equal(banned(path, text).length, 3, path);
  }
  for (const path of ['src/engine/clock/a.ts', 'sim/main.ts', 'bench/a.ts', 'src/edge/a.test.ts']) {
    assert.deepEqual(banned(path, text), [], path);
  }
});

test('a use that is right is allowed by name in one file only', () => {
  assert.deepEqual(banned('sim/scheduler.ts', 'setImmediate(turn);'), []);
  assert.equal(banned('sim/scheduler.ts', 'setTimeout(turn, 1);').length, 1);
  assert.equal(banned('sim/clock.ts', 'setImmediate(turn);').length, 1);
});

test('the command line may talk to the process, edges may listen by node:http', () => {
  assert.deepEqual(banned('src/cli/main.ts', 'process.exitCode = 1;'), []);
  assert.equal(banned('src/edge/http/a.ts', 'process.exit(1);').length, 1);
  assert.deepEqual(banned('src/edge/http/a.ts', "import http from 'node:http';"), []);
  assert.equal(banned('src/edge/http/a.ts', "import net from 'node:net';").length, 1);
});

test('base may describe promises but not await them', () => {
  assert.deepEqual(banned('src/base/a.ts', 'interface Disk { sync(): Promise<void> }'), []);
  assert.equal(banned('src/base/a.ts', 'async function f() {}').length, 1);
});

test('files are named in lower case with dashes, after what is in them', () => {
  const named = (path: string): number => findingsOf(namingRule, { [path]: '' }).length;
  for (const path of [
    'a/member-list.ts',
    'a/x.test.ts',
    'a/crc32c.ts',
    'a/base64.ts',
    'README.md',
  ]) {
    assert.equal(named(path), 0, path);
  }
  for (const path of ['a/memberList.ts', 'a/a_b.ts', 'a/utils.ts', 'a/test-helper.ts']) {
    assert.equal(named(path), 1, path);
  }
});
