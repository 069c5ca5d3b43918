import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../base/prng.ts';
import {
  type ChangeBase,
  type ChangeResult,
  changeConfig,
  enterJoint,
  isConsistent,
  leaveJoint,
  restoreConfig,
  simpleChange,
} from './config-change.ts';
import type { ConfState, NodeChange, NodeChangeKind } from './types.ts';

const LIMITS = { messagesMax: 10, bytesMax: Number.POSITIVE_INFINITY };
const EMPTY: ConfState = {
  voters: [],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

function baseOf(config: ConfState): ChangeBase {
  const restored = restoreConfig(config, 1, LIMITS);
  assert.ok(restored !== undefined, 'a consistent config can be restored');
  return { ...restored, limits: LIMITS, lastIndex: 1 };
}

function next(base: ChangeBase, result: ChangeResult): ChangeBase {
  assert.equal(result.kind, 'changed');
  return result.kind === 'changed' ? { ...base, ...result } : base;
}

function randomChange(random: Prng): NodeChange {
  const kinds: readonly NodeChangeKind[] = ['addVoter', 'addLearner', 'remove', 'update'];
  return { kind: kinds[random.below(4)] as NodeChangeKind, node: random.below(6) };
}

function randomChanges(random: Prng): NodeChange[] {
  return Array.from({ length: 1 + random.below(6) }, () => randomChange(random));
}

/** Any config that changes can lead to, joint ones included. */
function randomBase(random: Prng): ChangeBase {
  let base = baseOf({ ...EMPTY, voters: [1 + random.below(5)] });
  for (let i = random.below(12); i >= 0; i--) {
    const joint = base.config.votersOutgoing.length > 0;
    const changes = randomChanges(random);
    const result = joint ? leaveJoint(base) : enterJoint(base, random.below(2) === 0, changes);
    if (result.kind === 'changed') base = next(base, result);
  }
  return base;
}

test('a simple change leads where entering and leaving a joint config leads', () => {
  const random = Prng.from(1, 'simple');
  let compared = 0;
  while (compared < 10_000) {
    let base = randomBase(random);
    if (base.config.votersOutgoing.length > 0) base = next(base, leaveJoint(base));
    const changes = randomChanges(random);
    const simple = simpleChange(base, changes);
    const joint = enterJoint(base, false, changes);
    if (simple.kind === 'refused') {
      // What is too much for one step may be fine for two; what is impossible is so in both.
      if (simple.reason === 'removedAllVoters') assert.deepEqual(joint, simple);
      continue;
    }
    const left = leaveJoint(next(base, joint));
    assert.ok(left.kind === 'changed');
    assert.deepEqual(left.config, simple.config);
    assert.deepEqual(
      left.peers.map(({ id }) => id),
      simple.peers.map(({ id }) => id),
    );
    compared += 1;
  }
});

test('[R41] every config that changes lead to is consistent, and restored as it was', () => {
  const random = Prng.from(2, 'restore');
  let joint = 0;
  for (let i = 0; i < 5_000; i++) {
    const { config, peers } = randomBase(random);
    if (config.votersOutgoing.length > 0) joint += 1;
    const shuffled = { ...config, voters: config.voters.toReversed() };
    const restored = restoreConfig(shuffled, 7, LIMITS);
    assert.deepEqual(restored?.config, config);
    assert.deepEqual(
      restored?.peers.map(({ id, isLearner }) => [id, isLearner]),
      peers.map(({ id }) => [id, config.learners.includes(id)]),
    );
  }
  assert.ok(joint > 500, 'joint configs came up');
});

test('[R43] a change that is refused leaves the config and its peers alone', () => {
  const base = baseOf({ ...EMPTY, voters: [1, 2], learners: [3] });
  const before = base.peers.map((peer) => peer.status());
  const changes: NodeChange[] = [
    { kind: 'addVoter', node: 3 },
    { kind: 'remove', node: 1 },
    { kind: 'remove', node: 2 },
  ];
  assert.deepEqual(simpleChange(base, changes), {
    kind: 'refused',
    reason: 'moreThanOneVoterChanged',
  });
  assert.deepEqual(
    base.peers.map((peer) => peer.status()),
    before,
  );
});

test('a node that a change removes and adds again starts afresh', () => {
  const base = { ...baseOf({ ...EMPTY, voters: [1, 2] }), lastIndex: 40 };
  const result = simpleChange(base, [
    { kind: 'remove', node: 2 },
    { kind: 'addVoter', node: 2 },
  ]);
  assert.ok(result.kind === 'changed');
  assert.deepEqual(
    result.peers.map((peer) => peer.next),
    [1, 40],
  );
});

test('a change goes through a joint config when it says so or has several parts', () => {
  const base = baseOf({ ...EMPTY, voters: [1] });
  const add = (node: number): NodeChange => ({ kind: 'addVoter', node });
  const configOf = (result: ChangeResult): ConfState | string =>
    result.kind === 'changed' ? result.config : result.reason;
  const change = (changes: NodeChange[], transition: 'auto' | 'implicit' | 'explicit') =>
    configOf(changeConfig(base, { version: 2, transition, changes, context: new Uint8Array(0) }));
  const joint = { ...EMPTY, voters: [1, 2], votersOutgoing: [1] };
  assert.deepEqual(change([add(2)], 'auto'), { ...EMPTY, voters: [1, 2] });
  assert.deepEqual(change([add(2)], 'explicit'), joint);
  assert.deepEqual(change([add(2)], 'implicit'), { ...joint, autoLeave: true });
  assert.deepEqual(change([add(2), add(3)], 'auto'), {
    ...joint,
    voters: [1, 2, 3],
    autoLeave: true,
  });
  assert.equal(change([], 'auto'), 'notJoint');
});

test('[R36] a config that contradicts itself is not restored', () => {
  const broken: readonly Partial<ConfState>[] = [
    { voters: [1, 1] },
    { voters: [0] },
    { voters: [1.5] },
    { voters: [1], learners: [1] },
    { voters: [1], learnersNext: [1], votersOutgoing: [1] },
    { voters: [1], learnersNext: [2] },
    { voters: [1], autoLeave: true },
    { voters: [], votersOutgoing: [1] },
    { voters: [1], votersOutgoing: [2], learners: [2] },
    { learners: [1] },
  ];
  for (const parts of broken) {
    const config = { ...EMPTY, ...parts };
    assert.equal(isConsistent(config), false, JSON.stringify(parts));
    assert.equal(restoreConfig(config, 1, LIMITS), undefined);
  }
});
