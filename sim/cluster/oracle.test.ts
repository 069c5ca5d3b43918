// What the oracle must notice, told to it directly: a watchman who never shouts proves nothing.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstEdition, type MachineState } from '../../src/core/machine.ts';
import type { ReadAnswer, ShardStatus } from '../../src/replica/types.ts';
import { kvMachine } from '../../src/service/kv/index.ts';
import { noClusterCounts } from './counters.ts';
import * as kv from './kv-commands.ts';
import { Oracle } from './oracle.ts';
import { answerOf } from './reference.ts';

const edition = firstEdition(kvMachine);

const CONFIG = {
  voters: [1],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

const CALM: ShardStatus = {
  shard: 1,
  role: 'follower',
  term: 3,
  leader: 1,
  commit: 9,
  applied: { index: 9, term: 3 },
  firstIndex: 5,
  lastIndex: 9,
  config: CONFIG,
  isHibernating: false,
  lostEntries: 0,
  isUnrepairable: false,
  waitsFor: undefined,
};

function watchman() {
  const found: string[] = [];
  const oracle = new Oracle(noClusterCounts(), (what) => found.push(what));
  return { oracle, found };
}

/** A member's state of its own, as the store would keep it. */
function emptyState(): MachineState {
  const values = new Map<string, Uint8Array>();
  const name = (key: Uint8Array): string => Buffer.from(key).toString('hex');
  return {
    get: (key) => values.get(name(key)),
    range: () => [],
    put: (key, value) => void values.set(name(key), value),
    delete: (key) => void values.delete(name(key)),
    deleteRange: () => undefined,
    emit: () => {},
    wakeAt: () => {},
  };
}

test('two leaders of one term are noticed, and one leader of two terms is none', () => {
  const { found, oracle } = watchman();
  oracle.observe(1, 1, { ...CALM, role: 'leader' });
  oracle.observe(1, 1, { ...CALM, role: 'leader', term: 4 });
  assert.deepEqual(found, []);
  oracle.observe(2, 1, { ...CALM, role: 'leader', term: 4 });
  assert.deepEqual(found, ['shard 1: m1 and m2 both lead term 4']);
});

test('terms, commits and states that go back within a life are noticed', () => {
  for (const back of [{ term: 2 }, { commit: 8 }, { applied: { index: 8, term: 3 } }]) {
    const { found, oracle } = watchman();
    oracle.observe(1, 1, CALM);
    oracle.observe(1, 1, { ...CALM, ...back });
    assert.ok(found.length > 0, JSON.stringify(back));
    const next = watchman();
    next.oracle.observe(1, 1, CALM);
    next.oracle.observe(1, 2, { ...CALM, applied: { index: 5, term: 3 }, ...back });
    assert.ok(next.found.length <= (back.commit === undefined ? 0 : 1), 'a new life may be behind');
  }
});

test('[H83] a leader deposed by waking up is noticed, and one by a later term is not', () => {
  const asleep: ShardStatus = { ...CALM, role: 'leader', isHibernating: true };
  const awake: ShardStatus = { ...asleep, isHibernating: false };
  for (const [after, complaints] of [
    [[CALM], 1],
    [[awake, awake, CALM], 1],
    [[awake, { ...CALM, term: 4 }], 0],
    [[awake, { ...CALM, config: { ...CONFIG, voters: [2] } }], 0],
    [[awake, awake, awake, awake, awake, CALM], 0],
  ] as const) {
    const { found, oracle } = watchman();
    for (const status of [asleep, asleep, ...after]) oracle.observe(1, 1, status);
    assert.equal(found.length, complaints, JSON.stringify(found));
  }
});

test('what is purged before it is committed is noticed', () => {
  const { found, oracle } = watchman();
  oracle.observe(1, 1, { ...CALM, firstIndex: 11 });
  assert.equal(found.length, 1);
});

test('two commands at one index, two results, and one that others passed are noticed', () => {
  const { found, oracle } = watchman();
  const one = oracle.watch(kvMachine, 1);
  const command = (index: number, value: number) => {
    return { index, ordinal: index, timeMs: 0, edition, body: kv.put('k', value) };
  };
  const [a, b] = [emptyState(), emptyState()];
  one.apply(command(2, 7), a);
  one.apply(command(4, 8), a);
  one.apply(command(2, 7), b);
  assert.deepEqual(found, []);
  one.apply(command(4, 9), b);
  assert.deepEqual(found.splice(0), ['shard 1: 4.4 has two commands']);
  one.apply(command(3, 8), b);
  assert.deepEqual(found.splice(0), [
    'shard 1: 3.3 has a command here and had none where it came first',
  ]);
  const add = { index: 5, ordinal: 5, timeMs: 0, edition, body: kv.add('n') };
  one.apply(add, a);
  one.apply({ ...add, index: 6, ordinal: 6 }, b);
  one.apply({ ...add, index: 6, ordinal: 6 }, a);
  assert.deepEqual(found, ['shard 1: the command at 6.6 has two results']);
});

test('reads of another state, of the past, and local ones that go back are noticed', () => {
  const { found, oracle } = watchman();
  const state = emptyState();
  const machine = oracle.watch(kvMachine, 1);
  machine.apply({ index: 2, ordinal: 2, timeMs: 0, edition, body: kv.put('k', 7) }, state);
  const question = kv.get('k');
  const before = answerOf(kvMachine, question, emptyState());
  const now = answerOf(kvMachine, question, state);
  const answer = (index: number, result: Uint8Array) => {
    return { kind: 'answered', index, level: 'strong', result } satisfies ReadAnswer;
  };
  oracle.fresh(1, kvMachine, question, answer(2, now), oracle.floor(1));
  oracle.fresh(1, kvMachine, question, answer(1, before), 0);
  assert.deepEqual(found, []);
  oracle.fresh(1, kvMachine, question, answer(2, before), 0);
  assert.deepEqual(found.splice(0), ['shard 1: a strong read at 2 saw another state']);
  oracle.fresh(1, kvMachine, question, answer(1, before), oracle.floor(1));
  assert.deepEqual(found.splice(0), ['shard 1: a strong read at 1 after 2 was told']);
  oracle.observe(1, 1, CALM);
  oracle.local(1, 1, 1, kvMachine, question, answer(2, now));
  oracle.local(1, 1, 1, kvMachine, question, answer(1, before));
  assert.deepEqual(found, ['shard 1 at m1: a local read went back in time']);
});

test('entries of two terms at one index are noticed', () => {
  const { found, oracle } = watchman();
  oracle.observe(1, 1, CALM);
  oracle.observe(2, 1, { ...CALM, applied: { ...CALM.applied, term: CALM.applied.term - 1 } });
  assert.equal(found.length, 1);
});

test('states that differ at one index are noticed, whatever the others have applied', () => {
  const { found, oracle } = watchman();
  const at = (member: number, applied: number, sum: string) => {
    return { member, applied, digest: () => sum };
  };
  oracle.compareStates(1, [at(1, 5, 'a'), at(2, 5, 'a'), at(3, 4, 'c')], 0);
  assert.deepEqual(found, []);
  oracle.compareStates(1, [at(1, 7, 'a'), at(2, 6, 'b'), at(3, 6, 'c')], 1_000);
  assert.deepEqual(found, ['shard 1: m2 and m3 have different states at 6']);
});

test('a command that takes effect twice, or was refused and takes effect, is noticed', () => {
  const body = kv.put('k', 1);
  const at = (index: number) => ({ index, ordinal: index, timeMs: 0, edition, body });
  for (const [order, complaints] of [
    ['apply', 0],
    ['begin apply apply', 1],
    ['apply apply', 0],
    ['begin refuse apply', 1],
    ['begin apply refuse', 1],
    ['begin refuse', 0],
    ['apply confirm', 0],
    ['apply apply confirm', 0],
    ['begin confirm', 1],
  ] as const) {
    const { found, oracle } = watchman();
    const machine = oracle.watch(kvMachine, 1);
    const reference = oracle.reference(1);
    const state = emptyState();
    let index = 0;
    for (const step of order.split(' ')) {
      index += 1;
      if (step === 'apply') machine.apply(at(index), state);
      else if (step === 'begin') reference.begin(body);
      else if (step === 'refuse') reference.refuse(body);
      else reference.confirm(body, index - 1);
    }
    assert.equal(found.length, complaints, order);
  }
});
