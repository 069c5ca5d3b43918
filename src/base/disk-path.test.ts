import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diskPathParts } from './disk-path.ts';

test('a path inside the data directory is split into its parts', () => {
  assert.deepEqual(diskPathParts('wal/0001.log'), ['wal', '0001.log']);
  assert.deepEqual(diskPathParts('..hidden/a...b'), ['..hidden', 'a...b']);
  assert.deepEqual(diskPathParts(''), []);
});

test('a path that could lead out of the data directory is refused', () => {
  for (const path of [
    '..',
    '../x',
    'a/../../x',
    '/etc',
    'a//b',
    './a',
    'a/.',
    'a/',
    'a\\b',
    'a\0b',
  ]) {
    assert.throws(() => diskPathParts(path), { name: 'DiskError', code: 'badPath' }, path);
  }
});
