import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestEvent } from 'node:test/reporters';
import { Report, type ReportOptions } from './report.ts';

interface Told {
  readonly text: string;
  readonly passed: number;
  readonly failed: number;
}

function tell(events: readonly TestEvent[], options: Partial<ReportOptions> = {}): Told {
  let text = '';
  const write = (more: string): void => {
    text += more;
  };
  const report = new Report({ root: '/r', verbose: false, filtered: false, write, ...options });
  for (const each of events) report.take(each);
  report.close(1234);
  return { text, passed: report.passed, failed: report.failed };
}

/** An event with the fields that the report reads; the runner fills in more. */
function event(type: TestEvent['type'], data: object): TestEvent {
  return { type, data: { file: '/r/a.test.ts', nesting: 0, ...data } } as TestEvent;
}

function pass(name: string, more: object = {}): TestEvent {
  return event('test:pass', { name, details: { type: 'test', duration_ms: 5 }, ...more });
}

function fail(name: string, error: object, nesting = 0): TestEvent {
  return event('test:fail', { name, nesting, details: { type: 'test', duration_ms: 5, error } });
}

const end = event('test:summary', { duration_ms: 50 });

test('a file that passes takes one line, and the last line counts tests', () => {
  const told = tell([pass('x'), pass('y'), end]);
  assert.equal(told.text, 'a.test.ts  ok  2 passed, 0.1 s\n1 files in 1.2 s\n2 passed, 0 failed\n');
});

test('a failure counts once, for the inner test, with its path and its error', () => {
  const told = tell([
    event('test:start', { name: 'outer' }),
    event('test:start', { name: 'inner', nesting: 1 }),
    fail('inner', { cause: new Error('seven is not eight') }, 1),
    fail('outer', { failureType: 'subtestsFailed' }),
    end,
  ]);
  assert.equal(told.failed, 1);
  assert.match(told.text, /FAILED {2}1 failed, 0 passed/);
  assert.match(told.text, /outer > inner\n +Error: seven is not eight/);
  assert.match(told.text, /0 passed, 1 failed\n$/);
});

test('a skipped test is neither, and its reason is told', () => {
  const told = tell([pass('x', { skip: 'no such folder' }), pass('y'), end]);
  assert.equal(told.passed, 1);
  assert.match(told.text, /skipped {2}a\.test\.ts: x: no such folder/);
});

test('a test of a shared suite counts for the file that ran it', () => {
  const shared = { file: '/r/contracts/disk.ts' };
  const told = tell([pass('x', shared), event('test:start', { name: 'y', ...shared }), end]);
  assert.match(told.text, /^a\.test\.ts {2}ok {2}1 passed/);
  const broken = { ...shared, name: 'y', details: { type: 'test', error: { cause: 'lost' } } };
  const failing = tell([
    event('test:start', { name: 'y', ...shared }),
    event('test:fail', broken),
    end,
  ]);
  assert.match(failing.text, /^a\.test\.ts {2}FAILED[^]* {4}y\n {4}'lost'/);
});

test('a file without a test fails, unless tests were chosen by name', () => {
  const file = pass('/r/a.test.ts');
  assert.equal(tell([file]).failed, 1);
  assert.match(tell([file]).text, /no test in this file/);
  assert.equal(tell([file], { filtered: true }).failed, 0);
});

test('a file that dies after its tests fails with what it printed', () => {
  const told = tell([
    pass('x'),
    event('test:diagnostic', { message: 'Error: activity after the end' }),
    end,
    fail('/r/a.test.ts', { cause: 'test failed' }),
  ]);
  assert.equal(told.failed, 1);
  assert.match(told.text, /FAILED[^]*activity after the end/);
});

test('what tests print is shown when they fail or when asked for', () => {
  const said = event('test:stdout', { message: '42 ns per entry\n' });
  assert.doesNotMatch(tell([said, pass('x'), end]).text, /42 ns/);
  assert.match(tell([said, pass('x'), end], { verbose: true }).text, / {4}42 ns/);
  assert.match(tell([said, fail('x', {}), end]).text, / {4}42 ns/);
});
