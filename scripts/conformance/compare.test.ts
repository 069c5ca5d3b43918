import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Account } from './compare.ts';
import { accountOf, compareAccounts, LEVELS } from './compare.ts';
import { parseExpected } from './expect.ts';

function accountOfText(text: string, firstLine: number): Account {
  const { events, unreadable } = parseExpected(text, firstLine);
  assert.deepEqual(unreadable, []);
  return accountOf(events, 1);
}

/** The levels on which two outputs of a command for node 1 differ. */
function differing(expected: string, actual: string): string {
  const differences = compareAccounts(accountOfText(expected, 1), accountOfText(actual, 1));
  return LEVELS.filter((level) => differences[level] !== undefined).join(' ');
}

const READY = `> 1 handling Ready
  Ready MustSync=true:
  HardState Term:1 Vote:1 Commit:2
  Entries:
  1/3 EntryNormal "x"
  Messages:
  1->2 MsgApp Term:1 Log:1/2 Commit:2
  1->3 MsgApp Term:1 Log:1/2 Commit:2
> 1 handling Ready
  Ready MustSync=false:
  HardState Term:1 Vote:1 Commit:3
  CommittedEntries:
  1/3 EntryNormal "x"`;

test('equal outputs differ nowhere', () => {
  assert.equal(differing(READY, READY), '');
});

const OF_READY: readonly (readonly [string, string, string, string])[] = [
  ['a hard state on the way', 'Commit:2\n  Entries', 'Commit:1\n  Entries', '3'],
  ['the last hard state', 'Commit:3\n', 'Commit:4\n', '1 3'],
  ['a stored entry', 'Entries:\n  1/3', 'Entries:\n  2/3', '2 3'],
  ['an applied entry', 'CommittedEntries:\n  1/3', 'CommittedEntries:\n  2/3', '1 2 3'],
  ['a message', 'Log:1/2 Commit:2\n> 1', 'Log:1/2\n> 1', '2 3'],
  ['a missing message', '\n  1->3 MsgApp Term:1 Log:1/2 Commit:2', '', '2 3'],
  [
    'an order of messages',
    '1->2 MsgApp Term:1 Log:1/2 Commit:2\n  1->3',
    '1->3 MsgApp Term:1 Log:1/2 Commit:2\n  1->2',
    '3',
  ],
  ['a Ready that was two', '> 1 handling Ready\n  Ready MustSync=false:\n', '', '2 3'],
  ['a sync that is missing', 'MustSync=true', 'MustSync=false', '3'],
  ['a sync that is not needed', 'MustSync=false', 'MustSync=true', '3'],
];

for (const [what, part, instead, levels] of OF_READY) {
  test(`${what} differs on ${levels}`, () => {
    const changed = READY.replace(part, instead);
    assert.notEqual(changed, READY);
    assert.equal(differing(READY, changed), levels);
    assert.equal(differing(changed, READY), levels);
  });
}

const PAIRS: readonly (readonly [string, string, string, string])[] = [
  [
    'a role',
    '1: StateLeader (Voter) Term:1 Lead:1',
    '1: StateFollower (Voter) Term:1 Lead:1',
    '1 3',
  ],
  ['an entry of a log', '1/3 EntryNormal "x"', '1/3 EntryNormal "y"', '1 2 3'],
  ['an empty log', 'log is empty: first index=2, last index=1', 'ok', '1 3'],
  ['progress', '2: StateProbe match=0 next=1', '2: StateProbe match=0 next=1 paused', '1 3'],
  ['an error', 'raft proposal dropped', 'ok', '1 3'],
  ['a notice', 'no messages', 'ok', '1 3'],
  ['a configuration', 'INFO 1 switched to configuration voters=(1)', 'ok', '1 3'],
  ['a refusal', 'WARN 1 is unpromotable and can not campaign', 'ok', '1 3'],
  ['log text', 'INFO 1 became leader at term 1', 'DEBUG 2 is idle', ''],
  [
    'the time of a delivery',
    '2->1 MsgAppResp Term:1 Log:0/3\n3->1 MsgAppResp Term:1 Log:0/3',
    '3->1 MsgAppResp Term:1 Log:0/3\n2->1 MsgAppResp Term:1 Log:0/3',
    '3',
  ],
  ['a loss', 'dropped: 2->1 MsgAppResp Term:1 Log:0/3', '2->1 MsgAppResp Term:1 Log:0/3', '2 3'],
  [
    'the turn of a node',
    '> 1 handling Ready\n  <empty Ready>\n> 2 handling Ready\n  <empty Ready>',
    '> 2 handling Ready\n  <empty Ready>\n> 1 handling Ready\n  <empty Ready>',
    '3',
  ],
];

for (const [what, expected, actual, levels] of PAIRS) {
  test(`${what} differs on ${levels === '' ? 'no level' : levels}`, () => {
    assert.equal(differing(expected, actual), levels);
  });
}

test('syncing a snapshot that the file does not sync is no deviation, the contrary is one', () => {
  const config = 'Voters:[1] VotersOutgoing:[] Learners:[] LearnersNext:[] AutoLeave:false';
  const snapshot = `Snapshot Index:4 Term:1 ConfState:${config}`;
  const lazy = `Ready MustSync=false:\n${snapshot}`;
  const eager = `Ready MustSync=true:\n${snapshot}`;
  assert.equal(differing(lazy, eager), '');
  assert.equal(differing(eager, lazy), '3');
});

test('a difference says what differs, where, and both sides', () => {
  const expected = accountOfText('1: StateLeader (Voter) Term:1 Lead:1', 40);
  const actual = accountOfText('1: StateLeader (Voter) Term:2 Lead:1', 1);
  const differences = compareAccounts(expected, actual);
  const sides = {
    expected: '1: StateLeader (Voter) Term:1 Lead:1',
    actual: '1: StateLeader (Voter) Term:2 Lead:1',
  };
  assert.deepEqual(differences, {
    1: { what: 'state of 1', ...sides },
    3: { what: 'line 40', ...sides },
  });
});
