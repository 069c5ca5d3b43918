// M. What must hold at every moment. Groups are driven at random, and every check is shown to fail
// when what it forbids happens: a check that cannot fail proves nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explore, isAgreed, recover } from './exploration.support.ts';
import { InvariantChecker } from './invariants.support.ts';
import { Network, plainConfig } from './network.support.ts';
import { solo } from './solo.support.ts';
import { parseEntries } from './wording.support.ts';

const SEEDS = 60;
const STEPS = 1500;

test('H128: groups under random faults keep every invariant, and recover', () => {
  const seen = { leaders: 0, entries: 0, commits: 0, applied: 0, acknowledged: 0, reads: 0 };
  let crashes = 0;
  let changes = 0;
  for (let seed = 0; seed < SEEDS; seed++) {
    const explored = explore(seed, STEPS);
    recover(explored.net);
    assert(isAgreed(explored.net), `seed ${seed}: ${explored.net.roles()}`);
    crashes += explored.crashes;
    changes += explored.changes;
    const { counts } = explored.net.invariants;
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += counts[key];
  }
  // Not vacuous: all of it happened, many times.
  assert(crashes > 100 && changes > 20, `${crashes} crashes, ${changes} changes`);
  for (const [what, count] of Object.entries(seen)) assert(count > 50, `${count} ${what}`);
});

function elected(): Network {
  const net = new Network();
  net.elect(1);
  net.propose(1, 'a');
  return net;
}

test('M189: two leaders of one term are found', () => {
  const checker = new InvariantChecker();
  const status = solo().core.basicStatus();
  checker.sawStatus(1, { ...status, id: 1, role: 'leader', term: 5 });
  checker.sawStatus(1, { ...status, id: 2, role: 'leader', term: 6 });
  const second = { ...status, id: 2, role: 'leader', term: 5 } as const;
  assert.throws(() => checker.sawStatus(2, second), /M189/);
});

test('M190: two entries at one index and term are found, and so are two behind one', () => {
  const checker = new InvariantChecker();
  checker.sawEntries(solo(), parseEntries('[2/2:a]'));
  assert.throws(() => checker.sawEntries(solo(), parseEntries('[2/2:b]')), /M190/);
  checker.sawEntries(solo({ log: '[2/2]' }), parseEntries('[3/3]'));
  assert.throws(() => checker.sawEntries(solo({ log: '[1/2]' }), parseEntries('[3/3]')), /M190/);
});

test('M191: a leader that lacks what is committed is found', () => {
  const net = elected();
  net.isolate(3);
  net.propose(1, 'b');
  // Node 3 lost nothing, it never had 2/4. It becomes leader of a later term by fraud.
  net.heal();
  net.queue = [];
  net.at(3).hear('2->3 appendResponse term=8');
  net.at(3).core.campaign();
  net.at(3).work();
  net.queue = [];
  net.at(3).hear('2->3 preVoteResponse term=9');
  assert.throws(() => {
    net.at(3).hear('2->3 voteResponse term=9');
    net.invariants.check(net);
  }, /M191/);
});

test('M192: machines that differ are found', () => {
  const checker = new InvariantChecker();
  checker.sawApplied(1, 7, 'a b');
  checker.sawApplied(2, 7, 'a b');
  assert.throws(() => checker.sawApplied(3, 7, 'a c'), /M192/);
});

test('M193: a committed entry that is another one later is found', () => {
  const checker = new InvariantChecker();
  checker.sawCommit(solo({ log: '[2/2,2/3]' }), { commit: 3, term: 2 });
  const other = solo({ id: 2, log: '[2/2,3/3]' });
  assert.throws(() => checker.sawCommit(other, { commit: 3, term: 3 }), /M193/);
});

test('M194: a commit that no majority has on disk is found, in each half of a joint config', () => {
  const net = elected();
  const { invariants } = net;
  const config = plainConfig([1, 2, 3]);
  invariants.sawCommitByLeader(net, 3, 2, config);
  assert.throws(() => invariants.sawCommitByLeader(net, 4, 2, config), /M194/);
  const joint = { ...config, votersOutgoing: [1, 4, 5] };
  assert.throws(() => invariants.sawCommitByLeader(net, 3, 2, joint), /M194/);
});

test('M195: a term, vote, commit or applied index that goes back is found', () => {
  const base = { ...solo().core.basicStatus(), term: 5, vote: 2, commit: 7, applied: 6 };
  const worse = [{ term: 4 }, { vote: 3 }, { vote: 0 }, { commit: 6 }, { applied: 5 }];
  for (const change of worse) {
    const checker = new InvariantChecker();
    checker.sawStatus(1, base);
    assert.throws(() => checker.sawStatus(1, { ...base, ...change }), /M195/);
  }
  const restarted = new InvariantChecker();
  restarted.sawStatus(1, base);
  // A restart may take the commit index back, which is not synced, and never the vote.
  restarted.sawStatus(2, { ...base, commit: 3, applied: 3 });
  assert.throws(() => restarted.sawStatus(3, { ...base, vote: 1 }), /M195/);
});

test('M196: watermarks out of order are found', () => {
  const checker = new InvariantChecker();
  const base = { ...solo().core.basicStatus(), firstIndex: 3, applied: 5, commit: 6, lastIndex: 7 };
  checker.sawWatermarks(base, { index: 4 });
  const odd = [{ applied: 7 }, { commit: 8 }, { lastIndex: 5 }];
  for (const change of odd) {
    assert.throws(() => checker.sawWatermarks({ ...base, ...change }, { index: 4 }), /M196/);
  }
  assert.throws(() => checker.sawWatermarks(base, { index: 6 }), /M196/);
});

test('M197: a window that holds more than it may is found', () => {
  const net = elected();
  net.isolate(2);
  net.isolate(3);
  for (let i = 0; i < 3; i++) net.propose(1, 'x');
  net.at(1).options = { ...net.at(1).options, inflightMessagesMax: 2 };
  assert.throws(() => net.invariants.check(net), /M197/);
});

test('M198: two config changes that are unapplied in a leader are found', () => {
  const net = elected();
  net.at(1).log.append(parseEntries('[2/4:{v4},2/5:{v5}]'));
  assert.throws(() => net.invariants.check(net), /M198/);
});

test('M199: an acknowledgement of what is not committed is found', () => {
  const checker = new InvariantChecker();
  const replica = solo({ log: '[2/2]' });
  checker.sawCommit(replica, { commit: 2, term: 2 });
  checker.sawAcknowledgement({ term: 2, index: 2 });
  assert.throws(() => checker.sawAcknowledgement({ term: 2, index: 3 }), /M199/);
});

test('M200: a read that misses what was acknowledged before is found', () => {
  const checker = new InvariantChecker();
  checker.sawCommit(solo({ log: '[2/2,2/3]' }), { commit: 3, term: 2 });
  checker.askedRead(1, 1, 7);
  checker.sawAcknowledgement({ term: 2, index: 3 });
  checker.askedRead(1, 1, 8);
  checker.sawRead(1, 1, 7, 2);
  assert.throws(() => checker.sawRead(1, 1, 8, 2), /M200/);
});
