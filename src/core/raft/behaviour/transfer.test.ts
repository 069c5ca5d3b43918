// I. Leadership transfer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Network } from './network.support.ts';
import { into, leader, outcomeOf, solo, standing, ticks } from './solo.support.ts';
import { bytesOf, parseChange } from './wording.support.ts';

function elected(options = {}): Network {
  const net = new Network(options);
  net.elect(1);
  net.propose(1, 'a');
  return net;
}

test('I129: a target that is up to date leads after one round', () => {
  const net = elected();
  net.clear();
  assert.equal(net.transfer(1, 2), 'started');
  assert.deepEqual(net.leaders, [2]);
  assert.equal(net.sent[0], '1->2 timeoutNow term=2');
  assert.deepEqual(net.sent.slice(1, 3), [
    '2->1 vote term=3 log=2/3 commit=2/3 forced',
    '2->3 vote term=3 log=2/3 commit=2/3 forced',
  ]);
});

test('I130: a follower passes the wish on', () => {
  const net = elected();
  assert.equal(net.transfer(3, 3), 'forwarded');
  assert.deepEqual(net.leaders, [3]);
  const lost = solo();
  assert.deepEqual(lost.core.transferLeader(2), { kind: 'refused', reason: 'noLeader' });
  assert.equal(outcomeOf(lost, '2->1 transferLeader target=2'), 'dropped');
  assert.equal(outcomeOf(into(solo(), 'candidate'), '2->1 transferLeader target=2'), 'dropped');
  const follower = solo();
  follower.hear('2->1 heartbeat term=1');
  const sent = follower.hear('3->1 transferLeader target=3');
  assert.deepEqual(sent, ['1->2 transferLeader target=3']);
});

test('I131: leases of the voters do not hold a transfer up', () => {
  for (const reads of ['safe', 'lease'] as const) {
    const net = elected({ options: { reads } });
    net.tickAll(1);
    assert.equal(net.transfer(1, 3), 'started');
    assert.deepEqual(net.leaders, [3]);
  }
});

test('I132: a target that is behind catches up first', () => {
  const net = elected();
  net.isolate(2);
  net.propose(1, 'b', 'c');
  net.heal();
  net.clear();
  net.transfer(1, 2);
  assert.deepEqual(net.leaders, [2]);
  assert.deepEqual(net.at(2).values, ['a', 'b', 'c']);
  const order = net.sent.filter((text) => /\[2\/4:b,2\/5:c\]|timeoutNow/.test(text));
  assert.deepEqual(order, [
    '1->2 append term=2 log=2/3 [2/4:b,2/5:c] commit=5',
    '1->2 timeoutNow term=2',
  ]);
});

test('I133: a target that needs a snapshot gets it first', () => {
  const net = elected();
  net.isolate(2);
  net.propose(1, 'b');
  net.at(1).compact();
  net.heal();
  net.transfer(1, 2);
  net.tickAll(1);
  assert.deepEqual(net.leaders, [2]);
  assert(net.sent.some((text) => text.startsWith('1->2 snapshot')));
});

test('I134: to itself changes nothing, but ends another transfer', () => {
  const chief = leader();
  assert.deepEqual(chief.core.transferLeader(1), { kind: 'alreadyLeader' });
  assert.deepEqual(chief.work(), []);
  chief.core.transferLeader(2);
  assert.deepEqual(chief.core.transferLeader(1), { kind: 'alreadyLeader' });
  assert.equal(chief.core.basicStatus().transferee, 0);
});

test('I135: to a stranger is refused', () => {
  const chief = leader();
  const outcome = chief.core.transferLeader(9);
  assert.deepEqual(outcome, { kind: 'refused', reason: 'unknownNode' });
  assert.equal(chief.core.basicStatus().transferee, 0);
});

test('I136: given up after one election timeout; then proposals are taken again', () => {
  const net = elected();
  net.isolate(3);
  net.transfer(1, 3);
  net.tickAll(9);
  assert.equal(net.at(1).core.basicStatus().transferee, 3);
  net.tickAll(1);
  assert.equal(net.at(1).core.basicStatus().transferee, 0);
  assert.deepEqual(net.leaders, [1]);
  assert.equal(net.propose(1, 'b').kind, 'accepted');
  assert.deepEqual(net.at(2).values, ['a', 'b']);
});

test('I137, I147: proposals and changes are refused while it lasts, with the reason', () => {
  const chief = leader();
  chief.core.transferLeader(2);
  const refused = { kind: 'refused', reason: 'transferringLeadership' };
  assert.deepEqual(chief.core.propose([bytesOf('a')]), refused);
  assert.deepEqual(chief.core.proposeConfChange(parseChange('v4')), refused);
  assert.equal(outcomeOf(chief, '3->1 propose [0/0:x]'), 'dropped');
});

test('I138: a vote of a later term ends it in the usual way', () => {
  const chief = leader();
  chief.core.transferLeader(3);
  const answer = chief.hear('2->1 vote term=3 log=2/2');
  assert(answer.includes('1->2 voteResponse term=3 granted'));
  assert.equal(standing(chief), 'follower of 3, voted 2, led by 0');
  assert.equal(chief.core.basicStatus().transferee, 0);
});

test('I139, I140: a target that is removed or made a learner ends it', () => {
  for (const change of ['r3', 'l3']) {
    const chief = leader();
    chief.core.transferLeader(3);
    chief.core.applyConfChange(parseChange(change));
    assert.equal(chief.core.basicStatus().transferee, 0, change);
    assert.equal(chief.core.propose([bytesOf('a')]).kind, 'accepted');
  }
});

test('I140: a target that is still an outgoing voter stays one', () => {
  const chief = leader();
  chief.core.transferLeader(3);
  chief.core.applyConfChange(parseChange('l3 explicit'));
  assert.equal(chief.core.basicStatus().transferee, 3);
});

test('I141: there and back again', () => {
  const net = elected();
  for (const [from, to] of [
    [1, 2],
    [2, 1],
    [1, 3],
    [3, 1],
  ] as const) {
    assert.equal(net.transfer(from, to), 'started');
    assert.deepEqual(net.leaders, [to]);
  }
  assert.equal(net.term(1), 6);
});

test('I142: another target replaces the first', () => {
  const net = elected();
  net.isolate(3);
  net.transfer(1, 3);
  assert.equal(net.transfer(1, 2), 'started');
  assert.deepEqual(net.leaders, [2]);
});

test('I143: the same target again keeps the deadline of the first time', () => {
  const net = elected();
  net.isolate(3);
  net.transfer(1, 3);
  net.tickAll(6);
  assert.equal(net.transfer(1, 3), 'alreadyInProgress');
  net.tickAll(4);
  assert.equal(net.at(1).core.basicStatus().transferee, 0);
});

test('I144: an order to campaign is ignored by a node that is no voter', () => {
  for (const setup of [{ voters: [2, 3] }, { voters: [2, 3], learners: [1] }]) {
    const replica = solo(setup);
    assert.deepEqual(replica.hear('2->1 timeoutNow term=1'), []);
    assert.equal(replica.core.basicStatus().role, 'follower');
  }
  assert.equal(outcomeOf(leader(), '2->1 timeoutNow term=2'), 'stale');
  assert.equal(outcomeOf(into(solo(), 'candidate'), '2->1 timeoutNow term=2'), 'stale');
});

test('I145: to a learner is refused, to one that was just promoted and applied it is not', () => {
  const net = elected({ learners: [4] });
  assert.equal(net.transfer(1, 4), 'learner');
  assert.equal(net.change(1, 'v4'), 'accepted');
  assert.equal(net.transfer(1, 4), 'started');
  assert.deepEqual(net.leaders, [4]);
});

test('I145: a target that has not applied its promotion is given up', () => {
  const net = elected({ learners: [4] });
  // Node 4 has the entry and does not hear of its commit.
  net.losing = ({ commit, kind, to }) => to === 4 && kind === 'append' && commit > 3;
  assert.equal(net.change(1, 'v4'), 'accepted');
  assert.equal(net.transfer(1, 4), 'started');
  assert.deepEqual(net.leaders, [1]);
  net.tickAll(11);
  assert.equal(net.propose(1, 'b').kind, 'accepted');
});

test('I146: an order that comes late causes an election at most, and no stale read', () => {
  const net = elected({ options: { reads: 'lease' } });
  net.tickAll(1);
  net.at(1).core.transferLeader(2);
  net.work();
  const late = net.queue.filter(({ kind }) => kind === 'timeoutNow');
  net.queue = [];
  net.tickAll(12);
  assert.deepEqual(net.leaders, [1]);
  // From the order on the leader asks around for every read, to the end of its term.
  net.clear();
  assert.equal(net.read(1), 3);
  assert(net.sent.some((text) => /heartbeat .*round/.test(text)));
  net.queue.push(...late);
  net.settle();
  assert.deepEqual(net.leaders, [2]);
  assert.equal(net.propose(2, 'b').kind, 'accepted');
  assert.equal(net.read(1), 5);
});

test('I146: a leader that steps down and leads again has its lease back', () => {
  const chief = leader({ options: { checkQuorum: true, reads: 'lease' } });
  chief.hear('2->1 appendResponse term=2 index=2');
  chief.core.transferLeader(2);
  ticks(chief, 10);
  chief.hear('2->1 appendResponse term=5');
  into(chief, 'leader');
  const { term } = chief.core.basicStatus();
  chief.hear(`2->1 appendResponse term=${term} index=3`);
  ticks(chief, 1);
  chief.hear(`2->1 heartbeatResponse term=${term} round=99`);
  const round = 12;
  for (let n = 1; n <= round; n++) chief.hear(`2->1 heartbeatResponse term=${term} round=${n}`);
  chief.core.readIndex();
  assert.equal(chief.takeReady().readStates.length, 1);
});
