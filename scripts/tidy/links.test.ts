import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from './fixture.support.ts';
import { linkRule } from './links.ts';

const TREE = { 'docs/a.md': '# A page\n\n## What to do?\n', 'docs/images/x.svg': '<svg/>\n' };

function links(text: string): string[] {
  return findingsOf(linkRule, { ...TREE, 'README.md': text });
}

test('links to files, folders, headings and other sites pass', () => {
  assert.deepEqual(links('[a](docs/a.md) [b](docs/) ![c](docs/images/x.svg)'), []);
  assert.deepEqual(links('[a](docs/a.md#what-to-do) [b](https://example.org/x)'), []);
  assert.deepEqual(links('# One\n\n[up](#one)'), []);
});

test('a link to a file or a heading that is not there is found', () => {
  assert.deepEqual(links('x\n\n[a](docs/b.md)'), ['README.md:3 docs/b.md: no such file']);
  assert.deepEqual(links('[a](docs/a.md#why)'), ['README.md:1 docs/a.md#why: no such heading']);
});

test('a link is relative to the document it stands in', () => {
  assert.deepEqual(
    findingsOf(linkRule, { ...TREE, 'docs/b.md': '[a](a.md) [r](../docs/a.md)' }),
    [],
  );
});
