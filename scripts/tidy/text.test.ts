import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findingsOf } from './fixture.support.ts';
import { textRule } from './text.ts';

function text(path: string, content: string): string[] {
  return findingsOf(textRule, { [path]: content });
}

// Spelled in two halves, so that this file does not hold what it looks for.
const LEFTOVER = ['TO', 'DO'].join('');

test('a plain file passes', () => {
  assert.deepEqual(text('src/a.ts', '// Why.\nexport const a = 1;\n'), []);
  assert.deepEqual(text('docs/a.md', '# Title\n\ntext\n'), []);
});

test('leftover notes are found in comments of scripts and anywhere else in other files', () => {
  assert.match(text('src/a.ts', `// ${LEFTOVER}: later\n`)[0] ?? '', /do it now/);
  assert.deepEqual(text('src/a.ts', `const a = '${LEFTOVER}';\n`), []);
  assert.equal(text('a.sh', `echo ${LEFTOVER}\n`).length, 1);
  assert.deepEqual(text('src/testdata/a.txt', `${LEFTOVER}\n`), []);
});

test('coverage is not hidden', () => {
  assert.match(text('src/a.ts', '/* c8 ignore next */\n')[0] ?? '', /write the test/);
  assert.deepEqual(text('src/a.ts', '/* c8 counts lines */\n'), []);
});

test('a test that is alone or left out is found, one that says what it lacks is not', () => {
  assert.match(text('a.test.ts', "test.only('x', f);\n")[0] ?? '', /leaves all others out/);
  assert.match(text('a.test.ts', "describe.skip('x', f);\n")[0] ?? '', /t\.skip\('why'\)/);
  assert.equal(text('a.test.ts', "it.todo('x');\n").length, 1);
  assert.deepEqual(text('a.test.ts', "test('x', (t) => t.skip('no such folder'));\n"), []);
});

test('a path of one machine is found wherever it stands, a path of a URL is not', () => {
  for (const folder of ['work', 'root', 'home']) {
    const path = ['', folder, 'x'].join('/');
    assert.equal(text('a.sh', `cd ${path}\n`).length, 1);
    assert.equal(text('src/testdata/a.txt', `"${path}"\n`).length, 1);
    assert.deepEqual(text('a.md', `# T\n\nhttps://example.org${path}\n`), []);
  }
});

test('the host of a registry is found, its name in a sentence is not', () => {
  assert.equal(
    text('.npmrc', `registry=https://${['registry', 'npmjs', 'org'].join('.')}/\n`).length,
    1,
  );
  assert.deepEqual(text('a.md', '# T\n\nneeds the npm registry\n'), []);
});

test('line ends, trailing spaces and tabs', () => {
  assert.match(text('a.sh', 'a\r\n')[0] ?? '', /LF/);
  assert.match(text('a.sh', 'a\n\nb \n')[0] ?? '', /a\.sh:3 spaces/);
  assert.match(text('a.sh', 'a')[0] ?? '', /last line/);
  assert.match(text('src/a.ts', '\tx;\n')[0] ?? '', /tab/);
  assert.deepEqual(text('src/testdata/a.txt', 'a \n\n'), []);
});

test('a script that cannot be read is a finding', () => {
  assert.match(text('src/a.ts', 'const = ;\n')[0] ?? '', /cannot be read/);
});

test('a document has exactly one title; a comment in its code blocks is none', () => {
  assert.deepEqual(text('a.md', '# One\n\n```sh\n# not a title\n```\n\n## Two\n'), []);
  assert.match(text('a.md', '# One\n\n# Two\n')[0] ?? '', /a\.md:3 2 titles/);
  assert.match(text('a.md', 'text\n')[0] ?? '', /0 titles/);
});

test('lock files name no addresses', () => {
  assert.equal(text('package-lock.json', '{ "resolved": "x", "resolved": "y" }\n').length, 1);
  assert.deepEqual(text('package-lock.json', '{ "version": "1" }\n'), []);
  assert.deepEqual(text('other.json', '{ "resolved": "x" }\n'), []);
});
