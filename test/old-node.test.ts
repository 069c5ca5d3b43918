// A Node that is too old to read TypeScript says so, instead of ending with a stack.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from 'node:test';
import { Script } from 'node:vm';

const ROOT = join(import.meta.dirname, '..');
const MAIN = join(ROOT, 'src', 'cli', 'main.ts');

function run(node: string, ...args: string[]): { status: number | null; stderr: string } {
  const { status, stderr } = spawnSync(node, args, { encoding: 'utf8' });
  return { status, stderr };
}

function oldNode(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const nodes = folders.map((folder) => join(folder, 'node')).filter((path) => existsSync(path));
  return nodes.find((node) => {
    const version = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout;
    return Number(/^v(\d+)\./.exec(version)?.[1] ?? Number.NaN) < 22;
  });
}

test('the entry is plain CommonJS, which Node of any age reads', () => {
  const source = readFileSync(MAIN, 'utf8').replace(/^#!.*/, '');
  assert.doesNotThrow(() => new Script(source, { filename: MAIN }));
  // Without its reading of TypeScript this Node gets as far as the modules, and no further.
  const { stderr } = run(process.execPath, '--no-strip-types', MAIN, '--version');
  assert.match(stderr, /Unknown file extension "\.ts" for .*command-line\/index\.ts/);
});

test('a Node that is too old is told which one is needed and how to get it', (t) => {
  const node = oldNode();
  if (node === undefined) return t.skip('there is no Node older than 22 on PATH');
  const { status, stderr } = run(node, MAIN, '--help');
  assert.equal(status, 1);
  assert.match(
    stderr,
    /^parley: This is Node .*; Parley needs 22\.18 or newer\. .*\.\/parley.*\n$/,
  );
});

test('entry, bootstrap and package name the same Node', () => {
  const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
  assert.match(read('src/cli/main.ts'), /major < 22 \|\| \(major === 22 && minor < 18\)/);
  assert.match(read('scripts/bootstrap.js'), /NODE_NEEDED = \[22, 18\]/);
  assert.match(read('package.json'), /"node": ">=22\.18"/);
});
