// The reporter inside a test file's process: what the runner of tests needs to know, one JSON line
// per event on descriptor 3. Errors are made into text here, where they still are objects.

import { writeSync } from 'node:fs';
import type { TestEvent } from 'node:test/reporters';
import { inspect, stripVTControlCharacters } from 'node:util';

/** What a test file's process tells about its tests. */
export type TestLine =
  | { readonly kind: 'start'; readonly nesting: number; readonly name: string }
  | { readonly kind: 'pass'; readonly isSuite: boolean }
  | { readonly kind: 'skip'; readonly name: string; readonly why: string }
  | { readonly kind: 'fail'; readonly nesting: number; readonly why: string }
  /** What a test says about itself, and errors after a test's end. */
  | { readonly kind: 'note'; readonly text: string };

const LINES_DESCRIPTOR = 3;

export default async function* tellLines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of events) {
    const line = lineOf(event);
    if (line !== undefined) writeSync(LINES_DESCRIPTOR, `${JSON.stringify(line)}\n`);
    // Nothing goes to standard output: it belongs to the tests.
    yield '';
  }
}

export function lineOf(event: TestEvent): TestLine | undefined {
  if (event.type === 'test:start') {
    return { kind: 'start', nesting: event.data.nesting, name: event.data.name };
  }
  if (event.type === 'test:pass') return passLine(event.data);
  if (event.type === 'test:fail') return failLine(event.data);
  if (event.type !== 'test:diagnostic') return undefined;
  const { message } = event.data;
  return RUNNER_SUMMARY.test(message) ? undefined : { kind: 'note', text: message };
}

/** What the process says at its end about all of its tests: the report counts them itself. */
const RUNNER_SUMMARY = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

function passLine({ name, skip, details }: TestData<'test:pass'>): TestLine {
  if (skip === undefined || skip === false) {
    return { kind: 'pass', isSuite: details.type === 'suite' };
  }
  return { kind: 'skip', name, why: typeof skip === 'string' ? skip : 'without saying why' };
}

/** A test around a failed one fails as well; it is the inner one that counts and tells why. */
function failLine({ nesting, details: { error } }: TestData<'test:fail'>): TestLine | undefined {
  if ('failureType' in error && error.failureType === 'subtestsFailed') return undefined;
  return { kind: 'fail', nesting, why: describeError(error.cause ?? error) };
}

type TestData<Type extends TestEvent['type']> = Extract<TestEvent, { type: Type }>['data'];

function describeError(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? error.message) : inspect(error);
  // Lines of node itself tell the reader nothing.
  const own = text
    .split('\n')
    .filter((line) => !/^\s+at .*\(?node:(internal|async_hooks)/.test(line));
  return stripVTControlCharacters(own.join('\n'));
}
