// D. Replication and commit.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Network } from './network.support.ts';
import { into, leader, logOf, outcomeOf, solo, standing, ticks } from './solo.support.ts';
import { bytesOf, describeEntries, parseMessage } from './wording.support.ts';

const propose = (replica: ReturnType<typeof leader>, ...payloads: string[]): string[] => {
  replica.core.propose(payloads.map(bytesOf));
  return replica.work();
};

test('D50: a proposal is committed exactly when a majority lives, in groups of 1 to 7', () => {
  for (let size = 1; size <= 7; size++) {
    for (let dead = 0; dead < size; dead++) {
      const voters = Array.from({ length: size }, (_, i) => i + 1);
      const net = new Network({ voters });
      net.elect(1);
      for (let i = 0; i < dead; i++) net.crash(size - i);
      net.clear();
      net.propose(1, 'a');
      const isCommitted = (size - dead) * 2 > size;
      for (const { values } of net.running) assert.deepEqual(values, isCommitted ? ['a'] : []);
      const first = net.sent.slice(0, size - 1);
      const expected = voters
        .slice(1)
        .map((id) => `1->${id} append term=2 log=2/2 [2/3:a] commit=2`);
      assert.deepEqual(first, expected);
    }
  }
});

test('D51: entries of earlier terms are committed only through one of the own term', () => {
  for (const [acked, commit] of [
    [2, 1],
    [3, 1],
    [4, 4],
  ] as const) {
    const chief = leader({ log: '[2/2,2/3]', term: 3 });
    chief.hear(`2->1 appendResponse term=4 index=${acked}`);
    assert.equal(chief.core.basicStatus().commit, commit, `acknowledged up to ${acked}`);
  }
});

test('D52: a term begins with an empty entry, which no limit refuses', () => {
  const chief = into(solo({ options: { uncommittedBytesMax: 1, appendBytesMax: 0 } }), 'candidate');
  chief.step(parseMessage('2->1 voteResponse term=2'));
  assert.deepEqual(chief.work(), [
    '1->2 append term=2 log=1/1 [2/2] commit=1',
    '1->3 append term=2 log=1/1 [2/2] commit=1',
  ]);
  assert.equal(chief.core.propose([bytesOf('a long one')]).kind, 'accepted');
});

test('D53: an append fits behind an entry that is there, else the answer hints at one', () => {
  // Ours: 1/1 2/2 3/3.
  const cases: readonly [string, string][] = [
    ['log=1/1', 'index=1'],
    ['log=2/2', 'index=2'],
    ['log=3/3', 'index=3'],
    ['log=2/1', 'rejected index=1 hint=1/1'],
    ['log=3/2', 'rejected index=2 hint=2/2'],
    ['log=1/2', 'rejected index=2 hint=1/1'],
    ['log=3/5', 'rejected index=5 hint=3/3'],
    ['log=2/5', 'rejected index=5 hint=2/2'],
    ['log=4/4', 'rejected index=4 hint=3/3'],
  ];
  for (const [log, answer] of cases) {
    const follower = solo({ log: '[2/2,3/3]', commit: 1 });
    // At the commit index itself nothing is in doubt: it is acknowledged by being there.
    const heard = follower.hear(`2->1 append term=4 ${log} commit=1`);
    assert.deepEqual(heard, [`1->2 appendResponse term=4 ${answer}`], log);
  }
});

test('D54: a follower cuts off what differs and keeps what does not', () => {
  // Ours: 1/1 2/2 3/3.
  const cases: readonly [string, string][] = [
    ['log=3/3 [4/4]', '2/2 3/3 4/4'],
    ['log=2/2 [4/3]', '2/2 4/3'],
    ['log=1/1 [4/2,4/3]', '4/2 4/3'],
    ['log=1/1 [2/2]', '2/2 3/3'],
    ['log=1/1 [2/2,3/3,4/4]', '2/2 3/3 4/4'],
    ['log=1/1 [2/2,4/3]', '2/2 4/3'],
    ['log=1/1 [3/2]', '3/2'],
  ];
  for (const [words, log] of cases) {
    const follower = solo({ log: '[2/2,3/3]' });
    follower.hear(`2->1 append term=4 ${words} commit=1`);
    assert.equal(logOf(follower), log, words);
  }
});

test('D55: the six logs of the paper all become the log of the leader', () => {
  const chief = [1, 1, 1, 4, 4, 5, 5, 6, 6, 6];
  const followers: readonly (readonly number[])[] = [
    [1, 1, 1, 4, 4, 5, 5, 6, 6],
    [1, 1, 1, 4],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
    [1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
    [1, 1, 1, 4, 4, 4, 4],
    [1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
  ];
  const voters = [1, 2, 3, 4, 5, 6, 7];
  const logs = Object.fromEntries([chief, ...followers].map((terms, i) => [i + 1, terms]));
  const net = new Network({ voters, logs });
  // Node 5 ends with term 7: the leader comes after that.
  net.at(1).hear('2->1 appendResponse term=7');
  net.elect(1);
  net.propose(1, 'x');
  net.tickAll(2);
  for (const id of voters) assert.equal(logOf(net.at(id)), logOf(net.at(1)), `node ${id}`);
  assert.equal(net.commit(1), 13);
});

test('D56: logs that parted meet after at most one probe per term', () => {
  // [leader, follower, rejections]: terms from index 2 on, index 1 agrees.
  const cases: readonly [readonly number[], readonly number[], number][] = [
    [[1, 2, 2, 4, 4, 4, 4], [1, 2, 2, 3, 3, 3, 3, 3, 3], 1],
    [[1, 2, 2, 4, 4, 4, 4], [1, 2, 2, 3, 3], 1],
    [[1, 1, 1, 1, 1, 1, 4, 4], [1, 1, 1, 1, 1, 1], 1],
    [[1, 3, 3, 3, 3, 3, 3], [1, 2, 2, 2, 2, 2, 2, 2], 1],
    [[2, 2, 2, 2, 2, 2], [1, 1, 1, 1, 1, 1, 1, 1, 1], 1],
    [[5, 5, 5, 5], [2, 3, 4, 4], 1],
    [[1, 2, 5, 6, 7], [1, 2, 3, 3, 4, 4], 1],
    [[1, 1, 1, 1], [1, 1, 1, 1], 0],
  ];
  for (const [ours, theirs, most] of cases) {
    const net = new Network({ voters: [1, 2, 3], logs: { 1: ours, 2: theirs, 3: ours } });
    const term = Math.max(...ours, ...theirs);
    net.at(1).hear(`3->1 appendResponse term=${term}`);
    net.isolate(2);
    net.elect(1);
    net.heal();
    net.clear();
    net.tickAll(2);
    assert.equal(logOf(net.at(2)), logOf(net.at(1)));
    const rejections = net.sent.filter((text) => text.startsWith('2->1') && /rejected/.test(text));
    assert(rejections.length <= most, `${rejections.length} for ${theirs.join(' ')}`);
  }
});

test('D57: an older, shorter append cuts nothing off', () => {
  const follower = solo();
  follower.hear('2->1 append term=2 log=1/1 [2/2,2/3,2/4] commit=1');
  const answer = follower.hear('2->1 append term=2 log=1/1 [2/2] commit=1');
  assert.deepEqual(answer, ['1->2 appendResponse term=2 index=2']);
  assert.equal(logOf(follower), '2/2 2/3 2/4');
});

test('D58: an append below the commit index is answered with the commit index', () => {
  const follower = solo({ log: '[2/2,2/3,2/4]', commit: 3 });
  const answer = follower.hear('2->1 append term=2 log=1/1 [2/2] commit=2');
  assert.deepEqual(answer, ['1->2 appendResponse term=2 index=3']);
});

test('D58: an append that would replace a committed entry is reported, and changes nothing', () => {
  const follower = solo({ log: '[2/2,2/3,2/4]', commit: 3 });
  assert.equal(outcomeOf(follower, '2->1 append term=5 log=2/3 [5/4]'), 'handled');
  assert.equal(outcomeOf(follower, '2->1 append term=5 log=1/1 [5/2,5/3,5/4]'), 'handled');
  assert.deepEqual(follower.work().slice(1), ['1->2 appendResponse term=5 index=3']);
  const other = solo({ log: '[2/2,2/3,2/4]', commit: 2 });
  other.hear('2->1 append term=2 log=2/2 commit=3');
  assert.equal(outcomeOf(other, '3->1 append term=5 log=2/3 [5/4]'), 'handled');
  assert.equal(logOf(other), '2/2 2/3 2/4', 'not written yet');
  other.work();
  assert.equal(logOf(other), '2/2 2/3 5/4');
});

test('D59: a follower commits no further than the append at hand vouches for', () => {
  // Ours: 1/1 2/2 2/3 2/4, of which the leader of term 3 may have none beyond what it sends.
  const cases: readonly [string, number][] = [
    ['log=1/1 commit=9', 1],
    ['log=1/1 [2/2] commit=9', 2],
    ['log=1/1 [2/2] commit=1', 1],
    ['log=2/3 commit=9', 3],
    ['log=2/4 [3/5] commit=4', 4],
    ['log=2/4 [3/5] commit=9', 5],
    ['log=5/4 commit=9', 1],
  ];
  for (const [words, commit] of cases) {
    const follower = solo({ log: '[2/2,2/3,2/4]' });
    follower.hear(`2->1 append term=5 ${words}`);
    assert.equal(follower.core.basicStatus().commit, commit, words);
  }
});

test('D60: a heartbeat commits no further than what the peer acknowledged', () => {
  const chief = leader({ log: '[2/2,2/3]', term: 3 });
  chief.hear('2->1 appendResponse term=4 index=4');
  assert.equal(chief.core.basicStatus().commit, 4);
  assert.deepEqual(ticks(chief, 1), [
    '1->2 heartbeat term=4 commit=4',
    '1->3 heartbeat term=4 commit=0',
  ]);
});

test('D60: a commit notice that got lost is made good by the next answer', () => {
  const net = new Network();
  net.elect(1);
  net.losing = ({ entries, kind, to }) => kind === 'append' && to === 3 && entries.length === 0;
  net.propose(1, 'a');
  assert.equal(net.commit(3), 2);
  net.heal();
  net.tickAll(1);
  assert.equal(net.commit(3), 3);
});

test('D61: a candidate yields to an append of its term, a leader reports a second leader', () => {
  const candidate = into(solo(), 'candidate');
  const answer = candidate.hear('2->1 append term=2 log=1/1 [2/2] commit=1');
  assert.deepEqual(answer, ['1->2 appendResponse term=2 index=2']);
  const chief = leader();
  for (const message of ['append term=2 log=1/1', 'heartbeat term=2']) {
    assert.equal(outcomeOf(chief, `2->1 ${message}`), 'contradiction');
  }
  const snapshot = '2->1 snapshot term=2 state=1/9 voters(1 2 3)';
  assert.equal(outcomeOf(chief, snapshot), 'contradiction');
  const event = chief.events.at(-1);
  assert.deepEqual(event, { kind: 'contradiction', from: 2, detail: 'twoLeaders' });
  assert.equal(standing(chief), 'leader of 2, voted 1, led by 1');
});

test('D62: a commit index that is older than ours does not take ours back', () => {
  const follower = solo({ log: '[2/2,2/3]' });
  follower.hear('2->1 append term=2 log=2/3 commit=3');
  follower.hear('2->1 append term=2 log=2/3 commit=2');
  follower.hear('2->1 heartbeat term=2 commit=1');
  follower.hear('3->1 append term=7 log=2/3 commit=0');
  assert.equal(follower.core.basicStatus().commit, 3);
});

test('D63: removing a voter commits what waited for it', () => {
  const chief = leader({ voters: [1, 2, 3, 4] });
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.hear('3->1 appendResponse term=2 index=2');
  assert.equal(
    chief.core.proposeConfChange({
      version: 2,
      transition: 'auto',
      changes: [{ kind: 'remove', node: 4 }],
      context: new Uint8Array(0),
    }).kind,
    'accepted',
  );
  propose(chief, 'a');
  chief.hear('2->1 appendResponse term=2 index=4');
  assert.equal(chief.core.basicStatus().commit, 2, 'of four, two have 4');
  chief.hear('3->1 appendResponse term=2 index=3');
  const { commit, config } = chief.core.basicStatus();
  assert.deepEqual(config.voters, [1, 2, 3]);
  assert.equal(commit, 4, 'of three, two are enough');
});

test('D64: a learner has the log, and does not count', () => {
  const net = new Network({ voters: [1, 2, 3], learners: [4] });
  net.elect(1);
  net.propose(1, 'a');
  assert.deepEqual(net.at(4).values, ['a']);
  net.isolate(2);
  net.isolate(3);
  net.propose(1, 'b');
  assert.deepEqual(net.at(4).values, ['a']);
  assert.equal(net.at(4).log.lastIndex(), 4);
  assert.equal(net.commit(1), 3);
});

test('D65: an append of an old term changes nothing once a newer leader was heard', () => {
  const follower = solo({ options: { checkQuorum: true } });
  follower.hear('2->1 append term=3 log=1/1 [3/2] commit=1');
  const answer = follower.hear('3->1 append term=2 log=1/1 [2/2,2/3] commit=2');
  assert.deepEqual(answer, ['1->3 appendResponse term=3 index=0']);
  assert.equal(logOf(follower), '3/2');
});

test('D66: proposals that cannot be taken are refused with the reason', () => {
  const reasonOf = (replica: ReturnType<typeof solo>): string => {
    const outcome = replica.core.propose([bytesOf('a')]);
    return outcome.kind === 'refused' ? outcome.reason : outcome.kind;
  };
  assert.equal(reasonOf(into(solo(), 'candidate')), 'noLeader');
  assert.equal(reasonOf(solo()), 'noLeader');
  const closed = solo({ options: { forwardProposals: false } });
  closed.hear('2->1 heartbeat term=1');
  assert.equal(reasonOf(closed), 'forwardingDisabled');
  const transferring = leader();
  transferring.core.transferLeader(2);
  assert.equal(reasonOf(transferring), 'transferringLeadership');
  const removed = leader({ options: { stepDownOnRemoval: false } });
  removed.core.applyConfChange({
    version: 2,
    transition: 'auto',
    changes: [{ kind: 'remove', node: 1 }],
    context: new Uint8Array(0),
  });
  assert.equal(reasonOf(removed), 'removed');
  const full = leader({ options: { uncommittedBytesMax: 1 } });
  assert.equal(reasonOf(full), 'accepted');
  assert.equal(reasonOf(full), 'uncommittedBytes');
  const empty = leader().core.propose([]);
  assert.deepEqual(empty, { kind: 'refused', reason: 'emptyBatch' });
});

test('D67: a follower passes proposals on to the leader, also one that was passed on to it', () => {
  const follower = solo();
  follower.hear('2->1 heartbeat term=1');
  assert.deepEqual(follower.core.propose([bytesOf('a')]), { kind: 'forwarded', to: 2 });
  assert.deepEqual(follower.work(), ['1->2 propose [0/0:a]']);
  assert.deepEqual(follower.hear('3->1 propose [0/0:b]'), ['1->2 propose [0/0:b]']);
  const chief = leader();
  const sent = chief.hear('2->1 propose [0/0:a,0/0:b]');
  assert.deepEqual(logOf(chief), '2/2 2/3 2/4');
  assert.deepEqual(sent, [], 'both peers are still probed with the first entry');
  assert.equal(outcomeOf(into(solo(), 'candidate'), '3->1 propose [0/0:b]'), 'dropped');
  assert.equal(outcomeOf(chief, '2->1 propose'), 'dropped');
});

test('D68: a batch of proposals gets consecutive indexes', () => {
  const chief = leader();
  const outcome = chief.core.propose(['a', 'b', 'c'].map(bytesOf));
  assert.deepEqual(outcome, { kind: 'accepted', term: 2, firstIndex: 3, lastIndex: 5 });
});

test('D69: in a batch each change is judged by itself, and blanked in its place', () => {
  const chief = leader({ voters: [1] });
  chief.step(parseMessage('3->1 propose [0/0:a,0/0:{v2},0/0:{v3},0/0:b]'));
  chief.work();
  const { log } = chief;
  const entries = log.entries(3, log.lastIndex() + 1, Number.POSITIVE_INFINITY);
  assert(typeof entries !== 'string');
  assert.equal(describeEntries(entries), '[2/3:a,2/4:{v2},2/5,2/6:b]');
});

test('D70: an append that was cut to a size commits only what it holds', () => {
  const net = new Network({ options: { appendBytesMax: 1 } });
  net.elect(1);
  net.isolate(3);
  net.propose(1, 'a', 'b', 'c');
  net.heal();
  net.losing = ({ index, to }) => to === 3 && index > 3;
  net.tickAll(1);
  // The first append told of commit index 5 with entry 3 alone.
  assert(net.commit(3) <= net.at(3).log.lastIndex());
  net.heal();
  net.tickAll(2);
  assert.deepEqual(net.at(3).values, ['a', 'b', 'c']);
});

test('without eager commits, who owes answers hears of one with the next append', () => {
  const chief = leader({ options: { eagerCommits: false } });
  for (const peer of [2, 3]) chief.hear(`${peer}->1 appendResponse term=2 index=2`);
  propose(chief, 'a');
  propose(chief, 'b');
  assert.deepEqual(chief.hear('2->1 appendResponse term=2 index=3'), []);
  assert.equal(chief.core.basicStatus().commit, 3);
  assert.deepEqual(propose(chief, 'c'), [
    '1->2 append term=2 log=2/4 [2/5:c] commit=3',
    '1->3 append term=2 log=2/4 [2/5:c] commit=3',
  ]);
});

test('without eager commits, who has answered everything hears of one at once', () => {
  const chief = leader({ options: { eagerCommits: false } });
  for (const peer of [2, 3]) chief.hear(`${peer}->1 appendResponse term=2 index=2`);
  propose(chief, 'a');
  assert.deepEqual(chief.hear('2->1 appendResponse term=2 index=3'), [
    '1->2 append term=2 log=2/3 commit=3',
  ]);
  assert.deepEqual(chief.hear('3->1 appendResponse term=2 index=3'), [
    '1->3 append term=2 log=2/3 commit=3',
  ]);
});
