// One caller inside a member, and the shard anywhere.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.ts';
import type { ReadAnswer, WriteOutcome } from '../types.ts';
import type { Gateway } from './gateway.ts';
import { applied, commandOf, RequestWorld } from './requests.support.ts';

const NOT_LEADER: WriteOutcome = { kind: 'refused', reason: 'notLeader', leader: 2 };

function told(world: RequestWorld, gateway: Gateway, name: string, withinMs: number): string[] {
  const heard: string[] = [];
  const deadlineMs = world.clock.monotonicMs() + withinMs;
  gateway.propose(7, commandOf(name), deadlineMs, (outcome) => {
    heard.push(outcome.kind === 'applied' ? 'applied' : `${outcome.kind} ${outcome.reason}`);
  });
  assert.deepEqual(heard, [], 'never within the call');
  return heard;
}

test('[Q11] what can be answered here is', () => {
  const world = new RequestWorld();
  const heard = told(world, world.gateway(1), 'a', 1_000);
  world.clock.run(5_000);
  assert.deepEqual(heard, ['applied'], 'once');
  assert.deepEqual(world.trail, []);
});

test('[Q2] [Q11] commands of one turn go to the leader in one request', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => NOT_LEADER;
  const gateway = world.gateway(1);
  const heard = ['a', 'b', 'c'].map((name) => told(world, gateway, name, 1_000));
  world.clock.run(100);
  assert.deepEqual(heard, [['applied'], ['applied'], ['applied']]);
  assert.deepEqual(world.trail, ['1->2', '1 flushes'], 'at once');
  assert.equal(world.host(2).proposed.length, 3);
});

test('[Q2] what is passed on is passed on once', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => NOT_LEADER;
  world.host(2).onPropose = () => ({ kind: 'refused', reason: 'notLeader', leader: 3 });
  const heard = told(world, world.gateway(1), 'a', 1_000);
  world.clock.run(2_000);
  assert.deepEqual(heard, ['refused notLeader']);
  assert.deepEqual(world.host(3).proposed, []);
});

test('[Q11] a deadline is kept, here and at the leader, and heard once', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => undefined;
  const here = told(world, world.gateway(1), 'a', 300);
  world.clock.run(400);
  assert.deepEqual(here, ['unknown timeout']);
  world.host(1).waiting[0]?.(applied(9));
  world.clock.run(400);
  assert.deepEqual(here, ['unknown timeout'], 'what comes later is not told');

  world.host(1).onPropose = () => NOT_LEADER;
  world.host(2).onPropose = () => undefined;
  const there = told(world, world.gateway(1), 'b', 300);
  world.clock.run(1_000);
  assert.deepEqual(there, ['unknown timeout']);
});

test('[Q4] without time left a refusal is told as it is', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => NOT_LEADER;
  const heard = told(world, world.gateway(1), 'a', 0);
  world.clock.run(100);
  assert.deepEqual(heard, ['refused notLeader']);
  assert.deepEqual(world.trail, []);
});

test('[Q11] open calls are bounded, and told when the member stops', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => undefined;
  const gateway = world.gateway(1);
  const first = told(world, gateway, 'a', 60_000);
  for (let i = 1; i < LIMITS.requests.waitingMax; i++) {
    gateway.propose(7, commandOf('x'), Number.POSITIVE_INFINITY, () => {});
  }
  const beyond = told(world, gateway, 'b', 60_000);
  world.clock.run(10);
  assert.deepEqual([first, beyond], [[], ['refused overloaded']]);
  gateway.close();
  assert.deepEqual(first, ['unknown stopped']);
});

test('[Q11] what open calls keep is bounded in bytes, and free when they are answered', () => {
  const world = new RequestWorld();
  world.host(1).onPropose = () => undefined;
  const gateway = world.gateway(1);
  const large = new Uint8Array(LIMITS.requests.callBytesMax / 64);
  const deadlineMs = world.clock.monotonicMs() + 1_000;
  for (let i = 0; i < 64; i++) gateway.propose(7, large, deadlineMs, () => {});
  const beyond = told(world, gateway, 'b', 60_000);
  world.clock.run(10);
  assert.deepEqual(beyond, ['refused overloaded']);
  world.clock.run(2_000);
  const later = told(world, gateway, 'c', 60_000);
  world.clock.run(10);
  assert.deepEqual(later, [], 'the others ran out of time');
});

test('a read goes to the leader once, and is answered once', () => {
  const world = new RequestWorld();
  world.host(1).onRead = (): ReadAnswer => ({ kind: 'refused', reason: 'notLeader', leader: 2 });
  const heard: [string, number][] = [];
  const reading = {
    shard: 7,
    level: 'strong',
    question: commandOf('a'),
    isForwarded: false,
  } as const;
  const deadlineMs = world.clock.monotonicMs() + 500;
  world
    .gateway(1)
    .read({ ...reading, deadlineMs }, ({ kind }, leader) => heard.push([kind, leader]));
  world.clock.run(1_000);
  assert.deepEqual(heard, [['answered', 2]]);
});

test('what a shard emits is followed where the shard is', () => {
  const world = new RequestWorld();
  const follower = { shard: 7, pause: () => {}, resume: () => {}, close: () => {} };
  const feed = { follow: (shard: number) => (shard === 7 ? follower : undefined) };
  const gateway = world.gateway(1, feed);
  assert.equal(
    gateway.follow(7, 0, () => {}),
    follower,
  );
  assert.equal(
    gateway.follow(8, 0, () => {}),
    undefined,
  );
  assert.equal(
    world.gateway(2).follow(7, 0, () => {}),
    undefined,
  );
});
