import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemberChanges, type Standing } from './changes.ts';

/** Feeds one round and answers `kind name` for each event. */
function feeder(): (round: Record<string, Standing>) => string[] {
  const changes = new MemberChanges<string>();
  return (round) => {
    const current = new Map(
      Object.entries(round).map(([name, standing]) => [name, { id: name, standing }]),
    );
    return changes.observe(current).map(({ kind, id }) => `${kind} ${id}`);
  };
}

test('a member joins, dies, returns, leaves and is forgotten, one event each', () => {
  const round = feeder();
  assert.deepEqual(round({ a: 'dead' }), [], 'just heard of, not yet believed');
  assert.deepEqual(round({ a: 'live' }), ['joined a']);
  assert.deepEqual(round({ a: 'live' }), []);
  assert.deepEqual(round({ a: 'dead' }), ['died a']);
  assert.deepEqual(round({ a: 'dead' }), []);
  assert.deepEqual(round({ a: 'live' }), ['returned a']);
  assert.deepEqual(round({ a: 'leaving' }), ['left a']);
  assert.deepEqual(round({}), ['purged a']);
  assert.deepEqual(round({}), []);
});

test('a rumour of a run that was never alive makes no event, not even when it is purged', () => {
  const round = feeder();
  assert.deepEqual(round({ old: 'dead', a: 'live' }), ['joined a']);
  assert.deepEqual(round({ a: 'live' }), []);
});

test('a member purged while it seemed alive is forgotten once, and may join anew', () => {
  const round = feeder();
  round({ a: 'live' });
  assert.deepEqual(round({}), ['purged a']);
  assert.deepEqual(round({ a: 'live' }), ['joined a']);
});
