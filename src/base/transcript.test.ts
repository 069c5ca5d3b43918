import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conformanceFolder, NO_CONFORMANCE_DATA } from '../../test/support/conformance.ts';
import { type Command, parseTranscript, printCommand } from './transcript.ts';

/** Parses and prints with the output that was expected: must give the same bytes. */
function printed(source: string): string {
  const lines = parseTranscript(source).flatMap((section) => {
    return section.kind === 'text'
      ? section.lines
      : printCommand(section, section.command.expected);
  });
  return lines.map((line) => `${line}\n`).join('');
}

function onlyCommand(source: string): Command {
  const commands = parseTranscript(source).filter((section) => section.kind === 'command');
  assert.equal(commands.length, 1);
  return (commands[0] as (typeof commands)[0]).command;
}

const SAMPLE = `# A comment
# of two lines

add-nodes 3 voters=(1, 2,3) index=10
----
ok

propose 1 hello
some input
more input
----
line
  indented line

long
----
----
first

last
----
----

# The end
`;

test('a command has a name, arguments, input and what is expected', () => {
  const command = onlyCommand('# x\n\npropose 1 ids=(2 3, 4) x= y=a=b\nin put\n----\nout\nput\n');
  assert.equal(command.name, 'propose');
  assert.deepEqual(command.args, [
    { key: '1', values: [] },
    { key: 'ids', values: ['2', '3', '4'] },
    { key: 'x', values: [''] },
    { key: 'y', values: ['a=b'] },
  ]);
  assert.equal(command.input, 'in put');
  assert.equal(command.expected, 'out\nput');
  assert.equal(command.line, 3);
});

test('output between doubled dashes may hold blank lines', () => {
  assert.equal(onlyCommand('a\n----\n----\nx\n\n\ny\n----\n----\n').expected, 'x\n\n\ny');
});

test('a command may expect nothing, at the end of a file or before a blank line', () => {
  assert.equal(onlyCommand('a\n----\n').expected, '');
  assert.equal(onlyCommand('a\n----\n\n# more\n').expected, '');
});

test('parsing and printing gives the same bytes', () => {
  assert.equal(printed(SAMPLE), SAMPLE);
});

test('new output replaces the old one and takes doubled dashes where it needs them', () => {
  const [section] = parseTranscript('a 1\n----\nold\n');
  assert.ok(section?.kind === 'command');
  assert.deepEqual(printCommand(section, 'new'), ['a 1', '----', 'new']);
  assert.deepEqual(printCommand(section, 'new\n\nlast'), [
    'a 1',
    '----',
    '----',
    'new',
    '',
    'last',
    '----',
    '----',
  ]);
});

test('a malformed file is refused with the line', () => {
  assert.throws(() => parseTranscript('# x\nlost command\n\n'), /line 2: a command without ----/);
  assert.throws(() => parseTranscript('a (1\n----\nok\n'), /line 1: round brackets/);
});

test('every transcript of this project is printed as it stands', () => {
  const root = join(import.meta.dirname, '..', '..');
  for (const file of globSync('{src,scripts,sim,test}/**/testdata/**/*.txt', { cwd: root })) {
    const source: string = readFileSync(join(root, file), 'utf8');
    assert.equal(printed(source), source, file);
  }
});

test('every transcript of etcd-io/raft is printed as it stands', (t) => {
  const folder = conformanceFolder('etcd-raft');
  if (folder === undefined) {
    t.skip(NO_CONFORMANCE_DATA);
    return;
  }
  const files = globSync('**/*.txt', { cwd: folder });
  assert.notEqual(files.length, 0, `no transcripts in ${folder}`);
  for (const file of files) {
    const source: string = readFileSync(join(folder, file), 'utf8');
    assert.equal(printed(source), source, file);
  }
});
