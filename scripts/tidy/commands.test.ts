import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandRule } from './commands.ts';
import { findingsOf } from './fixture.support.ts';

function commands(scripts: Readonly<Record<string, string>>): string[] {
  return findingsOf(commandRule, { 'package.json': JSON.stringify({ scripts }) });
}

test('a command goes through the bootstrap or is a shell script that does', () => {
  assert.deepEqual(
    commands({ test: 'node scripts/bootstrap.js scripts/test.ts', start: 'exec ./run-servers.sh' }),
    [],
  );
  assert.match(commands({ test: 'node scripts/test.ts' })[0] ?? '', /installs what it needs/);
});

test('pre and post scripts are refused, words that only begin so are not', () => {
  const run = 'node scripts/bootstrap.js x.ts';
  assert.match(commands({ test: run, pretest: run })[0] ?? '', /ignore-scripts/);
  assert.deepEqual(commands({ preview: run }), []);
});

test('a command is one word', () => {
  assert.match(commands({ 'test:unit': 'node scripts/bootstrap.js x.ts' })[0] ?? '', /one word/);
});
