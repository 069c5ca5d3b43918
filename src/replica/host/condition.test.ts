// What leads where in the condition of a replica, and what does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ReplicaCondition } from './condition.ts';

function leading(log: 'whole' | 'repairing' = 'whole'): ReplicaCondition {
  const condition = new ReplicaCondition(log);
  condition.becomeRole('leader', 1);
  return condition;
}

test('[H80] a leader asks, hibernates and wakes', () => {
  const condition = leading();
  condition.becomeAsking(7);
  condition.becomeAsking(8);
  condition.becomeHibernating(1_000);
  condition.assertSound();
  assert.ok(condition.isHibernating && condition.isLeader);
  condition.becomeAwake();
  assert.equal(condition.activity.kind, 'awake');
});

test('[H80] a follower hibernates at once, but only under a leader', () => {
  const condition = new ReplicaCondition('whole');
  assert.throws(() => condition.becomeHibernating(0), /H80/);
  condition.becomeRole('follower', 2);
  condition.becomeHibernating(0);
  assert.ok(condition.isHibernating);
});

test('[H83] a replica that hibernates neither changes its role nor hands over', () => {
  const condition = leading();
  condition.becomeAsking(7);
  condition.becomeHibernating(0);
  assert.throws(() => condition.becomeRole('follower', 2), /H83/);
  assert.throws(() => condition.becomeLeaving(5), /H83/);
  assert.throws(() => condition.becomeMuted('slowDisk'), /H83/);
});

test('what only leaders do ends with the office', () => {
  for (const become of [
    (condition: ReplicaCondition) => condition.becomeAsking(7),
    (condition: ReplicaCondition) => condition.becomeLeaving(9),
    (condition: ReplicaCondition) => condition.becomeMuted('slowDisk'),
  ]) {
    const condition = leading();
    become(condition);
    assert.notEqual(condition.activity.kind, 'awake');
    condition.becomeRole('follower', 2);
    assert.equal(condition.activity.kind, 'awake');
    assert.throws(() => become(condition), 'and is not begun without it');
  }
});

test('[H61] [H71] a mute ends with the last of its reasons', () => {
  const condition = leading('repairing');
  assert.throws(() => condition.becomeMuted('lostEntries'), /H61/, 'peers are asked first');
  condition.becomeUnrepairable();
  condition.becomeMuted('lostEntries');
  condition.becomeMuted('slowDisk');
  condition.becomeLeaving(9);
  assert.ok(condition.isMuted, 'a muted leader stays so when it hands over');
  condition.becomeWhole();
  assert.ok(condition.isMutedFor('slowDisk') && !condition.isMutedFor('lostEntries'));
  condition.unmute('slowDisk');
  assert.equal(condition.isMuted, false);
});

test('[H60] rot is found in a log whatever its replica is about', () => {
  const condition = leading();
  condition.becomeAsking(7);
  condition.becomeHibernating(0);
  condition.becomeRepairing();
  condition.assertSound();
  assert.ok(condition.isHibernating && condition.lacksEntries);
  condition.becomeWhole();
  assert.throws(() => condition.becomeWhole(), /H60/, 'a repair ends once');
});

test('[H90] a replica that is stopped leads nothing and changes no more', () => {
  const condition = leading();
  condition.becomeStopped({ kind: 'memberStops' });
  assert.ok(!condition.isRunning && !condition.isLeader && !condition.lacksEntries);
  condition.assertSound();
  condition.unmute('slowDisk');
  assert.throws(() => condition.becomeAwake(), /H90/);
  assert.throws(() => condition.becomeStopped({ kind: 'closed' }), /once/);
});
