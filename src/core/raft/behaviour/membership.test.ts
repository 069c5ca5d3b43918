// G. Config changes.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changeConfig, isConsistent } from '../config-change.ts';
import { Progress } from '../progress.ts';
import type { ConfState } from '../types.ts';
import { Network, plainConfig } from './network.support.ts';
import type { Replica } from './replica.support.ts';
import { leader, logOf, outcomeOf, solo, standing, ticks } from './solo.support.ts';
import {
  bytesOf,
  describeConfig,
  parseChange,
  parseConfig,
  parseMessage,
} from './wording.support.ts';

function configOf(replica: Replica): string {
  return describeConfig(replica.core.basicStatus().config);
}

function changed(before: string, change: string): string {
  const config = parseConfig(before);
  const ids = [...config.voters, ...config.votersOutgoing, ...config.learners];
  const limits = { messagesMax: 1, bytesMax: 1 };
  const peers = [...new Set(ids)]
    .toSorted((a, b) => a - b)
    .map((id) => new Progress(id, 5, config.learners.includes(id), true, limits));
  const result = changeConfig({ config, peers, limits, lastIndex: 9 }, parseChange(change));
  return result.kind === 'refused' ? result.reason : describeConfig(result.config);
}

test('G94: what every kind of change makes of a config, or why it is refused', () => {
  const cases: readonly [string, string, string][] = [
    ['voters()', 'v1', 'voters(1)'],
    ['voters(1)', 'v2', 'voters(1 2)'],
    ['voters(1)', 'l2', 'voters(1) learners(2)'],
    ['voters(1) learners(2)', 'v2', 'voters(1 2)'],
    ['voters(1 2)', 'l2', 'voters(1) learners(2)'],
    ['voters(1 2)', 'r2', 'voters(1)'],
    ['voters(1 2)', 'r9', 'voters(1 2)'],
    ['voters(1 2)', 'u2', 'voters(1 2)'],
    ['voters(1 2)', 'v0', 'voters(1 2)'],
    ['voters(1)', 'r1', 'removedAllVoters'],
    ['voters(1)', 'l1', 'removedAllVoters'],
    ['voters(1)', 'leave', 'notJoint'],
    ['voters()', 'v1 v2', 'zeroVoters'],
    ['voters(1)', 'r1 l2', 'removedAllVoters'],
    ['voters(1 2 3)', 'v4 r3', 'voters(1 2 4) outgoing(1 2 3) auto'],
    ['voters(1 2 3)', 'v4 explicit', 'voters(1 2 3 4) outgoing(1 2 3)'],
    ['voters(1 2 3)', 'v4 implicit', 'voters(1 2 3 4) outgoing(1 2 3) auto'],
    ['voters(1 2 3)', 'l3 explicit', 'voters(1 2) outgoing(1 2 3) next(3)'],
    ['voters(1 2) learners(3)', 'v3 l2', 'voters(1 3) outgoing(1 2) next(2) auto'],
    ['voters(1 2) outgoing(1 2 3) next(3)', 'leave', 'voters(1 2) learners(3)'],
    ['voters(1 2) outgoing(1 2 3)', 'leave', 'voters(1 2)'],
    ['voters(1 2) outgoing(1 2 3)', 'v4', 'simpleWhileJoint'],
    ['voters(1 2) outgoing(1 2 3)', 'v4 v5', 'alreadyJoint'],
  ];
  for (const [before, change, after] of cases) {
    assert.equal(changed(before, change), after, `${change} of ${before}`);
  }
});

test('G94: configs that contradict themselves are told apart from sound ones', () => {
  const cases: readonly [string, boolean][] = [
    ['voters(1 2) outgoing(2 3) learners(4) next(3)', true],
    ['voters(1 2) learners(2)', false],
    ['voters(1 2) outgoing(3) learners(3)', false],
    ['voters(1 2) outgoing(2 3) next(2)', false],
    ['voters(1) outgoing(2) next(4)', false],
    ['voters() outgoing(1)', false],
    ['voters() learners(1)', false],
    ['voters(1) auto', false],
    ['voters(1 1)', false],
    ['voters(0)', false],
  ];
  for (const [text, sound] of cases) assert.equal(isConsistent(parseConfig(text)), sound, text);
});

test('G97: a second change before the first is applied becomes an empty entry, and is told', () => {
  const chief = leader();
  assert.equal(chief.core.proposeConfChange(parseChange('v4')).kind, 'accepted');
  const second = chief.core.proposeConfChange(parseChange('v5'));
  assert.deepEqual(second, { kind: 'ignored', index: 4, reason: 'pendingChange' });
  const event = chief.events.at(-1);
  assert.equal(event?.kind, 'confChangeIgnored');
  chief.work();
  assert.equal(logOf(chief), '2/2 2/3 2/4');
});

test('G98: a new leader takes no change before it applied everything in its log', () => {
  const chief = leader({ log: '[2/2:{v4},2/3]' });
  assert.deepEqual(chief.core.proposeConfChange(parseChange('l5')), {
    kind: 'ignored',
    index: 5,
    reason: 'pendingChange',
  });
  chief.hear('2->1 appendResponse term=3 index=5');
  assert.equal(configOf(chief), 'voters(1 2 3 4)');
  assert.equal(chief.core.proposeConfChange(parseChange('l5')).kind, 'accepted');
});

test('G99: a joint config is neither entered twice nor left twice', () => {
  const net = new Network();
  net.elect(1);
  assert.equal(net.change(1, 'leave'), 'notJoint');
  assert.equal(net.change(1, 'v4 explicit'), 'accepted');
  assert.equal(net.change(1, 'v5'), 'alreadyJoint');
  assert.equal(net.change(1, 'v5 v6'), 'alreadyJoint');
  net.add(4);
  net.tickAll(2);
  assert.equal(net.change(1, 'leave'), 'accepted');
  assert.equal(net.change(1, 'leave'), 'notJoint');
  assert.equal(configOf(net.at(4)), 'voters(1 2 3 4)');
});

test('G100: to leave a joint config is proposed once, however much else is', () => {
  const net = new Network();
  net.elect(1);
  net.at(1).core.proposeConfChange(parseChange('v4 r3'));
  for (let i = 0; i < 10; i++) net.at(1).core.propose([bytesOf(`p${i}`)]);
  net.add(4);
  net.settle();
  for (let i = 10; i < 20; i++) net.propose(1, `p${i}`);
  net.tickAll(2);
  assert.equal(configOf(net.at(1)), 'voters(1 2 4)');
  const leaves = net.at(1).events.filter(({ kind }) => kind === 'autoLeaveProposed');
  assert.equal(leaves.length, 1);
  assert.equal(net.at(4).values.length, 20);
});

test('G100: a leader elected in a joint config leaves it', () => {
  const chief = leader({ config: 'voters(1 2) outgoing(1 2 3) auto' });
  const sent = chief.hear('2->1 appendResponse term=2 index=2');
  assert.equal(configOf(chief), 'voters(1 2) outgoing(1 2 3) auto');
  assert(sent.some((text) => text.includes('2/3:{leave}')));
});

test('G101: the leave that a transfer refused is proposed when the transfer is given up', () => {
  const net = new Network();
  net.elect(1);
  net.at(1).core.proposeConfChange(parseChange('v4 r3'));
  net.at(1).core.transferLeader(3);
  net.losing = ({ kind }) => kind === 'timeoutNow';
  net.settle();
  assert.equal(configOf(net.at(1)), 'voters(1 2 4) outgoing(1 2 3) auto');
  net.add(4);
  net.tickAll(12);
  assert.equal(configOf(net.at(1)), 'voters(1 2 4)');
});

test('G101: no limit of bytes refuses a leave', () => {
  const net = new Network({ voters: [1, 2, 3, 4], options: { uncommittedBytesMax: 1 } });
  net.elect(1);
  net.at(1).core.proposeConfChange(parseChange('r4 r3'));
  net.at(1).core.propose([bytesOf('a')]);
  net.settle();
  assert.equal(configOf(net.at(1)), 'voters(1 2)');
});

test('G101: a change that the limit refused does not stand in the way of the next', () => {
  const chief = leader({ options: { uncommittedBytesMax: 10 } });
  chief.hear('2->1 appendResponse term=2 index=2');
  assert.equal(chief.core.propose([new Uint8Array(10)]).kind, 'accepted');
  const refused = chief.core.proposeConfChange(parseChange('v4'));
  assert.deepEqual(refused, { kind: 'refused', reason: 'uncommittedBytes' });
  chief.work();
  chief.hear('2->1 appendResponse term=2 index=3');
  assert.equal(chief.core.proposeConfChange(parseChange('v4')).kind, 'accepted');
});

test('G101: a change that cannot be read is refused, whoever sends it', () => {
  const chief = leader();
  const change = {
    version: 1,
    transition: 'auto',
    changes: [],
    context: new Uint8Array(0),
  } as const;
  const outcome = chief.core.proposeConfChange(change);
  assert.deepEqual(outcome, { kind: 'refused', reason: 'malformedChange' });
  const message = parseMessage('2->1 propose [0/0:x]');
  const entries = message.entries.map((entry) => ({ ...entry, kind: 'confChangeV2' as const }));
  assert.equal(chief.step({ ...message, entries }), 'dropped');
  assert.equal(logOf(chief), '2/2');
});

test('G102: a voter that becomes a learner by way of a joint config keeps its progress', () => {
  const net = new Network();
  net.elect(1);
  net.propose(1, 'a');
  assert.equal(net.change(1, 'l3 explicit'), 'accepted');
  assert.equal(configOf(net.at(1)), 'voters(1 2) outgoing(1 2 3) next(3)');
  net.isolate(3);
  assert.equal(net.change(1, 'leave'), 'accepted');
  const status = net
    .at(1)
    .core.status()
    .peers.find(({ id }) => id === 3);
  assert.deepEqual([status?.match, status?.state, status?.isLearner], [4, 'replicate', true]);
});

test('G103: a leader that removes itself commits what it must without its own disk', () => {
  for (const stepDownOnRemoval of [true, false]) {
    const chief = leader({ options: { stepDownOnRemoval } });
    chief.hear('2->1 appendResponse term=2 index=2');
    chief.core.proposeConfChange(parseChange('r1'));
    chief.core.propose([bytesOf('a')]);
    chief.work();
    chief.hear('2->1 appendResponse term=2 index=3');
    assert.equal(configOf(chief), 'voters(2 3)');
    const { commit, role } = chief.core.basicStatus();
    assert.equal(role, stepDownOnRemoval ? 'follower' : 'leader');
    assert.equal(commit, 3);
    if (stepDownOnRemoval) continue;
    chief.hear('2->1 appendResponse term=2 index=4');
    assert.equal(chief.core.basicStatus().commit, 3, 'one of two is no majority');
    chief.hear('3->1 appendResponse term=2 index=4');
    assert.equal(chief.core.basicStatus().commit, 4);
    const outcome = chief.core.propose([bytesOf('b')]);
    assert.deepEqual(outcome, { kind: 'refused', reason: 'removed' });
    assert.equal(ticks(chief, 1).length, 2, 'it still sends heartbeats');
  }
});

test('G104: a leader is replaced in one joint change, by transfer or by stepping down', () => {
  for (const byTransfer of [true, false]) {
    const net = new Network();
    net.elect(1);
    net.add(4);
    assert.equal(net.change(1, byTransfer ? 'r1 v4 explicit' : 'r1 v4'), 'accepted');
    net.tickAll(2);
    if (byTransfer) {
      assert.equal(net.transfer(1, 4), 'started');
      assert.deepEqual(net.leaders, [4]);
      net.tickAll(1);
      assert.equal(net.change(4, 'leave'), 'accepted');
    } else {
      assert.equal(net.role(1), 'follower');
      net.elect(2);
      net.tickAll(1);
    }
    assert.equal(configOf(net.at(4)), 'voters(2 3 4)');
    assert.equal(net.at(1).core.campaign(), 'notPromotable');
  }
});

test('G105: a removed node does not campaign, ordered or not', () => {
  const net = new Network();
  net.elect(1);
  net.change(1, 'r3');
  assert.equal(net.at(3).core.campaign(), 'notPromotable');
  net.tick(3, 50);
  net.at(3).hear('1->3 timeoutNow term=2');
  assert.equal(net.role(3), 'follower');
});

test('G106: a new node starts in a joint config by a snapshot and ends in the final one', () => {
  const net = new Network();
  net.elect(1);
  net.propose(1, 'a');
  assert.equal(net.change(1, 'v4 r3 explicit'), 'accepted');
  net.at(1).compact();
  const fresh = net.add(4);
  net.tickAll(1);
  assert.equal(configOf(fresh), 'voters(1 2 4) outgoing(1 2 3)');
  net.change(1, 'leave');
  assert.equal(configOf(fresh), 'voters(1 2 4)');
  assert.deepEqual(fresh.values, ['a']);
});

test('G107: without validation every change is let in, and refused where it is applied', () => {
  const net = new Network({ options: { validateConfChanges: false } });
  net.elect(1);
  net.at(1).core.proposeConfChange(parseChange('v4 explicit'));
  assert.equal(net.change(1, 'leave'), 'accepted');
  assert.equal(configOf(net.at(1)), 'voters(1 2 3 4)');
  assert.equal(net.change(1, 'leave'), 'accepted');
  assert.equal(configOf(net.at(1)), 'voters(1 2 3 4)');
  const outcome = net.at(1).core.applyConfChange(parseChange('leave'));
  assert.deepEqual([outcome.kind, 'reason' in outcome && outcome.reason], ['refused', 'notJoint']);
});

test('G108: a node that is added twice is there once', () => {
  const net = new Network();
  net.elect(1);
  for (let i = 0; i < 2; i++) assert.equal(net.change(1, 'v4'), 'accepted');
  assert.equal(configOf(net.at(1)), 'voters(1 2 3 4)');
  assert.equal(net.at(1).core.status().peers.length, 4);
});

test('G112: a snapshot turns voters to learners and back, and knows outgoing ones', () => {
  const cases: readonly [string, string, boolean][] = [
    ['voters(1 2)', 'voters(2) learners(1)', false],
    ['voters(2) learners(1)', 'voters(1 2)', true],
    ['voters(1 2)', 'voters(2 3) outgoing(1 2)', true],
    ['voters(1 2)', 'voters(2 3) outgoing(1 2) next(1)', true],
  ];
  for (const [before, after, mayCampaign] of cases) {
    const replica = solo({ config: before });
    replica.hear(`2->1 snapshot term=3 state=3/9 ${after}`);
    assert.equal(configOf(replica), after);
    assert.equal(replica.core.campaign() === 'started', mayCampaign, after);
  }
});

test('G114: a group under load shrinks to one and grows back to five', () => {
  const net = new Network({ voters: [1, 2, 3, 4, 5] });
  net.elect(1);
  const steps = ['r5', 'r4', 'r3', 'r2', 'v2', 'v3', 'v4', 'v5'];
  for (const [i, change] of steps.entries()) {
    net.at(1).core.propose([bytesOf(`before${i}`)]);
    assert.equal(net.at(1).core.proposeConfChange(parseChange(change)).kind, 'accepted');
    net.at(1).core.propose([bytesOf(`after${i}`)]);
    net.settle();
    net.tickAll(2);
  }
  for (const id of net.ids) assert.equal(net.at(id).values.length, 16, `node ${id}`);
  assert.equal(configOf(net.at(5)), 'voters(1 2 3 4 5)');
});

test('G114: two at a time, by way of joint configs', () => {
  const net = new Network({ voters: [1, 2, 3, 4, 5] });
  net.elect(1);
  for (const change of ['r5 r4', 'r3 r2', 'v2 v3', 'v4 v5']) {
    assert.equal(net.change(1, change), 'accepted');
    net.propose(1, change);
    net.tickAll(2);
  }
  for (const id of net.ids) assert.equal(configOf(net.at(id)), 'voters(1 2 3 4 5)');
});

test('G116: an update changes nothing and carries its bytes to everyone', () => {
  const net = new Network();
  net.elect(1);
  const context = bytesOf('new address');
  assert.equal(net.change(1, { ...parseChange('u2'), context }), 'accepted');
  assert.deepEqual(net.at(2).core.basicStatus().config, plainConfig([1, 2, 3]));
  const found = net.at(2).log.entries(3, 4, Number.POSITIVE_INFINITY);
  assert(typeof found !== 'string');
  const payload = found[0]?.payload ?? new Uint8Array(0);
  assert.deepEqual(payload.subarray(payload.length - context.length), context);
});

test('G117: a leader that is to become a learner leads on until the joint config is left', () => {
  const net = new Network();
  net.elect(1);
  assert.equal(net.change(1, 'l1 v4 explicit'), 'accepted');
  const joint: ConfState = net.at(1).core.basicStatus().config;
  assert.deepEqual([joint.learnersNext, net.role(1)], [[1], 'leader']);
  net.add(4);
  net.tickAll(2);
  assert.equal(net.change(1, 'leave'), 'accepted');
  assert.equal(net.role(1), 'follower');
  assert.equal(standing(net.at(1)), 'follower of 2, voted 1, led by 0');
  assert.equal(outcomeOf(net.at(1), '2->1 timeoutNow term=2'), 'handled');
  assert.equal(net.role(1), 'follower');
});
