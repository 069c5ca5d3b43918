import assert from 'node:assert/strict';
import { test } from 'node:test';
import { REAL_CORE } from './real-core.ts';
import { judge } from './report.ts';
import { isTranscript, runFile } from './run-file.ts';

const GOOD = `vote cfg=(1) votes=(y)
----
VoteWon

vote cfg=(1) votes=(n)
----
VoteLost
`;

function judgeOne(source: string, deviations: Parameters<typeof judge>[1] = []) {
  return judge([runFile('dir/file.txt', source, REAL_CORE)], deviations);
}

test('a file that agrees passes, with every block counted', () => {
  const { passed, failed, text } = judgeOne(GOOD);
  assert.deepEqual([passed, failed], [1, 0]);
  assert.match(text, /^file\.txt +quorum +2 +2 +ok +ok +ok$/m);
  assert.match(text, /L1 2\/2, L2 2\/2, L3 2\/2/);
  assert.match(text, /\n1 passed, 0 failed$/);
});

test('the first difference of a file is shown side by side, with file, line and command', () => {
  const { failed, text } = judgeOne(GOOD.replace('VoteLost', 'VotePending'));
  assert.equal(failed, 1);
  assert.match(text, /^dir\/file\.txt:5: vote cfg=1 votes=n$/m);
  assert.match(text, /^ {2}VotePending # VoteLost$/m);
  assert.match(text, /\n0 passed, 1 failed$/);
});

const BAD: readonly (readonly [string, string, RegExp])[] = [
  ['an unknown command', `${GOOD}\nshout\n----\nok\n`, /unknown command shout/],
  [
    'an unknown argument',
    GOOD.replace('votes=(y)', 'votes=(y) loud=true'),
    /unknown argument loud/,
  ],
  ['an unknown line of output', GOOD.replace('VoteLost', 'Lost'), /unknown line of output: Lost/],
  ['a command without a separator', `${GOOD}\nvote cfg=(1)\n`, /a command without ----/],
  ['brackets that do not match', GOOD.replace('votes=(y)', 'votes=(y'), /brackets do not match/],
  ['no known command at all', 'shout\n----\nok\n', /no command of any known format/],
  ['no command', '# a comment\n', /no command of any known format/],
];

for (const [what, source, message] of BAD) {
  test(`${what} fails the file and says so`, () => {
    const { failed, text } = judgeOne(source);
    assert.equal(failed, 1);
    assert.match(text, message);
  });
}

const BAR_WRONG = `committed cfg=(1) idx=(5)
----
     idx
>      6    (id=1)
5
`;

test('a difference on level 3 alone fails, unless it is listed with a reason', () => {
  assert.equal(judgeOne(BAR_WRONG).failed, 1);
  const listed = [{ file: 'file.txt', line: 1, reason: 'we draw bars as we like' }];
  const { failed, text } = judgeOne(BAR_WRONG, listed);
  assert.equal(failed, 0);
  assert.match(text, /deviates: file\.txt:1: we draw bars as we like/);
});

test('a listed deviation excuses no other level, no other block, and must be there', () => {
  const listed = [{ file: 'file.txt', line: 1, reason: 'none' }];
  assert.equal(judgeOne(BAR_WRONG.replace(/5\n$/, '6\n'), listed).failed, 1);
  assert.equal(judgeOne(`\n${BAR_WRONG}`, listed).failed, 1);
  assert.match(judgeOne(GOOD, listed).text, /listed as a deviation, but does not deviate/);
});

test('a core that throws fails the block, and the run goes on', () => {
  const broken = {
    ...REAL_CORE,
    createNode: () => {
      throw new Error('out of order');
    },
  };
  const source = 'add-nodes 1 voters=(1) index=2\n----\nok\n\nraft-state\n----\nok\n';
  const { blocks } = runFile('file.txt', source, broken);
  assert.match(blocks[0]?.problem ?? '', /out of order/);
  assert.equal(blocks[1]?.problem, undefined);
});

test('a text without separator lines belongs to something else', () => {
  assert.equal(isTranscript('a poem\nof two lines\n'), false);
  assert.equal(isTranscript(GOOD), true);
});
