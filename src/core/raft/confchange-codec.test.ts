import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeConfChange, encodeConfChange, LEAVE_JOINT } from './confchange-codec.ts';
import type { ConfChange, NodeChange } from './types.ts';

const PLAIN = { noNullPrototype: true };

const anyChange: fc.Arbitrary<NodeChange> = fc.record(
  {
    kind: fc.constantFrom('addVoter', 'addLearner', 'remove', 'update'),
    node: fc.oneof(
      fc.integer({ min: 0, max: 9 }),
      fc.maxSafeNat().filter((n) => n < 2 ** 53 - 1),
    ),
  },
  PLAIN,
);

const anyV1: fc.Arbitrary<ConfChange> = fc.record(
  {
    version: fc.constant(1 as const),
    transition: fc.constant('auto' as const),
    changes: fc.array(anyChange, { minLength: 1, maxLength: 1 }),
    context: fc.uint8Array(),
  },
  PLAIN,
);

const anyV2: fc.Arbitrary<ConfChange> = fc.record(
  {
    version: fc.constant(2 as const),
    transition: fc.constantFrom('auto' as const, 'implicit' as const, 'explicit' as const),
    changes: fc.array(anyChange, { minLength: 1 }),
    context: fc.uint8Array(),
  },
  PLAIN,
);

test('what is encoded is decoded, in both versions', () => {
  fc.assert(
    fc.property(fc.oneof(anyV1, anyV2), (change) => {
      const payload = encodeConfChange(change);
      assert.ok(payload !== undefined);
      const kind = change.version === 1 ? 'confChange' : 'confChangeV2';
      assert.deepEqual(decodeConfChange(kind, payload), change);
    }),
  );
});

test('leaving a joint config costs no payload', () => {
  assert.equal(encodeConfChange(LEAVE_JOINT)?.length, 0);
  assert.deepEqual(decodeConfChange('confChangeV2', new Uint8Array(0)), LEAVE_JOINT);
});

test('leaving with a context is not lost', () => {
  const leave: ConfChange = { ...LEAVE_JOINT, context: Uint8Array.of(7) };
  const payload = encodeConfChange(leave);
  assert.ok(payload !== undefined);
  assert.deepEqual(decodeConfChange('confChangeV2', payload), leave);
});

test('a change that breaks the rules of its version has no encoding', () => {
  const add: NodeChange = { kind: 'addVoter', node: 1 };
  const context = new Uint8Array(0);
  const broken: readonly ConfChange[] = [
    { version: 1, transition: 'auto', changes: [], context },
    { version: 1, transition: 'auto', changes: [add, add], context },
    { version: 1, transition: 'explicit', changes: [add], context },
    { version: 2, transition: 'explicit', changes: [], context },
    { version: 2, transition: 'auto', changes: [{ ...add, node: -1 }], context },
    { version: 2, transition: 'auto', changes: [{ ...add, node: 0.5 }], context },
  ];
  for (const change of broken) assert.equal(encodeConfChange(change), undefined);
});

test('[R13] any bytes are either a change or none, and never an exception', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (payload) => {
      for (const kind of ['confChange', 'confChangeV2'] as const) {
        const change = decodeConfChange(kind, payload);
        if (change !== undefined) assert.deepEqual(encodeConfChange(change), payload);
      }
      assert.equal(decodeConfChange('normal', payload), undefined);
    }),
  );
});

test('a payload that is cut short is none', () => {
  const change: ConfChange = {
    version: 2,
    transition: 'implicit',
    changes: [{ kind: 'addVoter', node: 3 }],
    context: new Uint8Array(0),
  };
  const payload = encodeConfChange(change) ?? new Uint8Array(0);
  for (let length = 1; length < payload.length; length++) {
    assert.equal(decodeConfChange('confChangeV2', payload.subarray(0, length)), undefined);
  }
});
