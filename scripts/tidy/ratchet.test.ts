import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from './fixture.support.ts';
import { newRatchet, type Ratchet, ratchetRule, slack } from './ratchet.ts';

function sizes(path: string, text: string, ratchet: Ratchet = {}): string[] {
  return findingsOf(ratchetRule(ratchet), { [path]: text });
}

const lines = (count: number): string => 'x;\n'.repeat(count);
const body = (count: number): string => `function f() {\n${lines(count - 2)}}\n`;

test('a file, a function and a line within the limits pass', () => {
  assert.deepEqual(sizes('bench/a.ts', lines(600)), []);
  assert.deepEqual(sizes('bench/a.ts', body(60)), []);
  assert.deepEqual(sizes('bench/a.ts', `// ${'x'.repeat(97)}\n`), []);
});

test('one more is found, with where and how much', () => {
  assert.deepEqual(sizes('bench/a.ts', lines(601)), [
    'bench/a.ts:0 lines of the file: 601, more than 600',
  ]);
  assert.deepEqual(sizes('bench/a.ts', `\n${body(61)}`), [
    'bench/a.ts:2 lines of f(): 61, more than 60',
  ]);
  assert.deepEqual(sizes('bench/a.ts', `x;\n// ${'x'.repeat(98)}\n`), [
    'bench/a.ts:2 columns: 101, more than 100',
  ]);
});

test('lines of an inner function count for the inner function only', () => {
  const inner = `const g = () => {\n${lines(38)}};\n`;
  const outer = `function f() {\n${inner}${lines(30)}}\n`;
  assert.deepEqual(sizes('bench/a.ts', outer), []);
  const long = `class A {\n  #step() {\n${lines(70)}}\n}\n`;
  assert.match(sizes('bench/a.ts', long)[0] ?? '', /lines of #step\(\): 72/);
});

test('the middle and the tail of all files in src are limited too', () => {
  assert.match(sizes('src/base/a.ts', lines(151)).join('\n'), /median lines of a file in src: 151/);
  assert.deepEqual(sizes('src/base/a.test.ts', lines(400)), []);
});

test('a ratchet forgives what it names up to its number, and not one more', () => {
  const ratchet = newRatchet([{ path: 'bench/a.ts', text: lines(640) }]);
  assert.deepEqual(ratchet, { 'bench/a.ts lines': 640 });
  assert.deepEqual(sizes('bench/a.ts', lines(640), ratchet), []);
  assert.match(sizes('bench/a.ts', lines(641), ratchet)[0] ?? '', /grew from 640/);
  assert.equal(sizes('bench/b.ts', lines(640), ratchet).length, 1);
});

test('what shrank asks for a lower ratchet', () => {
  const ratchet = { 'bench/a.ts lines': 640, 'bench/gone.ts lines': 700 };
  assert.deepEqual(slack([{ path: 'bench/a.ts', text: lines(610) }], ratchet), [
    'bench/a.ts lines: 640 -> 610',
    'bench/gone.ts lines: 700 -> within its limit',
  ]);
  assert.deepEqual(
    slack([{ path: 'bench/a.ts', text: lines(640) }], { 'bench/a.ts lines': 640 }),
    [],
  );
});
