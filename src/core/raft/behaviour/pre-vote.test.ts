// C. Pre-votes, quorum checks and what keeps a group from being disturbed or stuck.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../../base/prng.ts';
import { Network } from './network.support.ts';
import type { Options } from './replica.support.ts';
import { into, leader, outcomeOf, solo, standing, ticks } from './solo.support.ts';

const OLD: Options = { preVote: false, checkQuorum: false, commitInVotes: false };

test('C34: a node that is behind disturbs nobody with its pre-votes', () => {
  const net = new Network({ options: { checkQuorum: false } });
  net.elect(1);
  net.isolate(3);
  net.propose(1, 'a');
  for (let i = 0; i < 5; i++) net.campaign(3);
  net.heal();
  for (const { core } of net.running) core.forgetLeader();
  net.campaign(3);
  assert.deepEqual(
    net.ids.map((id) => net.term(id)),
    [2, 2, 2],
  );
  assert.deepEqual(net.leaders, [1]);
});

test('C35: a node that is up to date is elected by pre-vote and vote', () => {
  const net = new Network();
  net.campaign(2);
  assert.deepEqual(net.leaders, [2]);
  const asked = net.sent.filter((text) => /->1 (preVote|vote) /.test(text));
  assert.deepEqual(asked, [
    '2->1 preVote term=2 log=1/1 commit=1/1',
    '2->1 vote term=2 log=1/1 commit=1/1',
  ]);
});

test('C36: a split vote is resolved by whoever tries again first', () => {
  const net = new Network({ options: { checkQuorum: false } });
  net.elect(1);
  net.crash(1);
  net.at(2).core.campaign();
  net.at(3).core.campaign();
  net.settle();
  // Both got the other's pre-vote and gave themselves the vote.
  assert.deepEqual([net.role(2), net.role(3)], ['candidate', 'candidate']);
  assert.deepEqual([net.term(2), net.term(3)], [3, 3]);
  net.campaign(2);
  assert.deepEqual(net.leaders, [2]);
  assert.equal(net.term(2), 4);
});

test('C37: with a quorum check voters refuse while they hear a leader and know it', () => {
  const ask = (kind: string): string => `3->1 ${kind} term=3 log=2/2`;
  for (const kind of ['preVote', 'vote']) {
    const voter = solo({ log: '[2/2]', options: { checkQuorum: true, preVote: true } });
    voter.hear('2->1 heartbeat term=2');
    ticks(voter, 9);
    assert.equal(outcomeOf(voter, ask(kind)), 'leaseHolds');
    assert.deepEqual(voter.work(), []);
    assert.equal(voter.core.forgetLeader(), 'forgotten');
    const answer = voter.hear(ask(kind));
    assert.deepEqual(answer, [`1->3 ${kind}Response term=3 granted`]);
    const other = solo({ log: '[2/2]', options: { checkQuorum: true, preVote: true } });
    other.core.setElectionTimeout(99);
    other.hear('2->1 heartbeat term=2');
    ticks(other, 10);
    assert.deepEqual(other.hear(ask(kind)), [`1->3 ${kind}Response term=3 granted`]);
  }
});

test('C37: a marked vote is not refused for the sake of a leader', () => {
  const voter = solo({ log: '[2/2]', options: { checkQuorum: true } });
  voter.hear('2->1 heartbeat term=2');
  const answer = voter.hear('3->1 vote term=3 log=2/2 forced');
  assert.deepEqual(answer, ['1->3 voteResponse term=3 granted']);
});

test('C38: a quorum of nodes that lost touch replaces a leader that is alive', () => {
  const net = new Network();
  net.elect(1);
  // Heartbeats of 1 do not get through for an election timeout; what it hears does.
  for (const id of [2, 3]) {
    net.at(id).core.setElectionTimeout(99);
    net.tick(id, 10);
  }
  net.campaign(2);
  assert.deepEqual(net.leaders, [2]);
  assert.equal(net.role(1), 'follower');
});

test('C39: a leader that heard no quorum for an election timeout steps down, else it stays', () => {
  const silent = leader({ options: { checkQuorum: true } });
  silent.hear('2->1 heartbeatResponse term=2');
  ticks(silent, 10);
  assert.equal(silent.core.basicStatus().role, 'leader', 'it heard one of two others');
  ticks(silent, 9);
  assert.equal(silent.core.basicStatus().role, 'leader', 'the next interval is not over');
  ticks(silent, 1);
  assert.equal(standing(silent), 'follower of 2, voted 1, led by 0');

  const heard = leader({ options: { checkQuorum: true } });
  for (let i = 0; i < 6; i++) {
    heard.hear('2->1 heartbeatResponse term=2');
    ticks(heard, 10);
    assert.equal(heard.core.basicStatus().role, 'leader');
  }
});

test('C40: the leader counts itself, learners do not count', () => {
  const setup = { voters: [1, 2, 3], learners: [4, 5], options: { checkQuorum: true } };
  const withVoter = leader(setup);
  const withLearners = leader(setup);
  for (let i = 0; i < 3; i++) {
    withVoter.hear('3->1 heartbeatResponse term=2');
    withLearners.hear('4->1 heartbeatResponse term=2');
    withLearners.hear('5->1 heartbeatResponse term=2');
    ticks(withVoter, 10);
    ticks(withLearners, 10);
  }
  assert.equal(withVoter.core.basicStatus().role, 'leader');
  assert.notEqual(withLearners.core.basicStatus().role, 'leader');
});

test('C40: in a joint config a leader needs to hear both majorities', () => {
  const config = 'voters(1 4 5) outgoing(1 2 3)';
  const both = leader({ config, options: { checkQuorum: true } });
  for (const id of [2, 4]) both.hear(`${id}->1 heartbeatResponse term=2`);
  ticks(both, 10);
  assert.equal(both.core.basicStatus().role, 'leader');
  for (const id of [4, 5]) both.hear(`${id}->1 heartbeatResponse term=2`);
  ticks(both, 10);
  assert.equal(both.core.basicStatus().role, 'follower', 'the old half was silent');
});

test('C41: a candidate stuck in a higher term is taken in by the next one', () => {
  const net = new Network({ options: { preVote: false } });
  net.elect(1);
  net.isolate(3);
  for (let i = 0; i < 3; i++) net.campaign(3);
  net.heal();
  net.campaign(3);
  assert.deepEqual(net.leaders, [1], 'its votes are ignored');
  net.tickAll(1);
  assert.equal(net.role(1), 'follower', 'its answer to the heartbeat is heard');
  net.tickAll(60);
  assert.equal(net.leaders.length, 1);
  const terms = new Set(net.ids.map((id) => net.term(id)));
  assert.equal(terms.size, 1);
});

test('C42: nodes of a smaller term than one that cannot win complete an election', () => {
  const net = new Network({ options: { checkQuorum: false } });
  net.elect(1);
  net.isolate(3);
  net.propose(1, 'a');
  // Node 3 is ahead in term and behind in its log.
  net.at(3).hear('1->3 appendResponse term=9');
  net.crash(1);
  net.heal();
  net.campaign(2);
  assert.deepEqual([net.role(2), net.term(2)], ['follower', 9]);
  net.campaign(2);
  assert.deepEqual([net.role(2), net.term(2)], ['leader', 10]);
});

test('C43: groups where only some nodes have pre-votes elect a leader', () => {
  for (const withPreVote of [[1], [1, 2], [3], [2, 3]]) {
    const optionsOf = Object.fromEntries(
      [1, 2, 3].map((id) => [
        id,
        { ...OLD, preVote: withPreVote.includes(id), random: Prng.from(id) },
      ]),
    );
    const net = new Network({ optionsOf });
    net.elect(1);
    net.isolate(3);
    net.propose(1, 'a');
    for (let i = 0; i < 4; i++) net.campaign(3);
    net.crash(1);
    net.heal();
    net.tickAll(100);
    assert.equal(net.leaders.length, 1, `pre-votes at ${withPreVote.join(' ')}`);
    assert.deepEqual(net.at(3).values, ['a']);
  }
});

test('C44: a follower that is back with a higher term deposes the leader, by pre-votes not', () => {
  for (const preVote of [false, true]) {
    const net = new Network({ options: { preVote } });
    net.elect(1);
    net.isolate(3);
    net.campaign(3);
    net.heal();
    net.tickAll(1);
    assert.deepEqual(net.leaders, preVote ? [1] : [], `pre-votes ${preVote}`);
  }
});

test('C45: a voter that may not campaign works with a quorum check', () => {
  const net = new Network({ voters: [1, 2] });
  const learner = net.add(3, { config: { ...net.at(1).core.basicStatus().config, voters: [1] } });
  net.elect(1);
  assert.equal(net.change(1, 'v3'), 'accepted');
  net.tickAll(30);
  assert.equal(learner.core.basicStatus().role, 'follower');
  assert.equal(net.lead(3), 1);
});

test('C46: a node that is added does not depose the leader by its silence', () => {
  const net = new Network({ voters: [1] });
  net.elect(1);
  net.tick(1, 9);
  assert.equal(net.change(1, 'v2'), 'accepted');
  net.tick(1, 1);
  assert.equal(net.role(1), 'leader', 'the newcomer counts as heard at first');
  net.tick(1, 10);
  assert.equal(net.role(1), 'follower', 'and not for ever');
});

test('C47: whoever is refused a pre-vote in a higher term enters that term', () => {
  const replica = into(solo({ options: { preVote: true } }), 'preCandidate');
  replica.hear('2->1 preVoteResponse term=7 refused');
  assert.equal(standing(replica), 'follower of 7, voted 0, led by 0');
});

test('C48: a leader is forgotten by followers and learners only, until it is heard again', () => {
  for (const role of ['preCandidate', 'candidate', 'leader'] as const) {
    const replica = into(solo({ options: { preVote: role === 'preCandidate' } }), role);
    assert.equal(replica.core.forgetLeader(), 'notFollower');
  }
  for (const setup of [{}, { voters: [2, 3], learners: [1] }]) {
    const follower = solo(setup);
    follower.hear('2->1 heartbeat term=2');
    ticks(follower, 4);
    assert.equal(follower.core.forgetLeader(), 'forgotten');
    assert.equal(follower.core.basicStatus().lead, 0);
    assert.equal(follower.core.basicStatus().electionElapsedTicks, 4);
    assert.equal(follower.core.forgetLeader(), 'noLeader');
    follower.hear('2->1 heartbeat term=2');
    assert.equal(follower.core.basicStatus().lead, 2);
  }
  const leased = solo({ options: { checkQuorum: true, reads: 'lease' } });
  leased.hear('2->1 heartbeat term=2');
  assert.equal(leased.core.forgetLeader(), 'leaseReads');
});

test('C48: who forgot its leader still refuses a log that is behind', () => {
  const voter = solo({ log: '[2/2]', options: { checkQuorum: true, preVote: true } });
  voter.hear('2->1 heartbeat term=2');
  voter.core.forgetLeader();
  const answer = voter.hear('3->1 preVote term=3 log=1/1');
  assert.deepEqual(answer, ['1->3 preVoteResponse term=2 refused']);
});

test('C49: a removed node that campaigns for ever does not disturb the others', () => {
  const net = new Network();
  net.elect(1);
  net.isolate(3);
  assert.equal(net.change(1, 'r3'), 'accepted');
  net.heal();
  for (let i = 0; i < 40; i++) {
    net.tickAll(1);
    net.campaign(3);
  }
  assert.deepEqual(net.leaders, [1]);
  assert.equal(net.term(1), 2);
});
