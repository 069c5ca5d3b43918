// Which prepared states keep their place when there are more shards than places.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock, turn } from '../../../test/support/wal-scenario.ts';
import type { Snapshot } from '../../core/raft/index.ts';
import { PreparedShelf } from './shelf.ts';

const CONFIG = {
  voters: [1],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

function shelfOf(preparedMax: number) {
  const clock = new ManualClock();
  const snapshotOf = (shard: number): Snapshot => {
    return { index: 5, term: 1, confState: CONFIG, data: Uint8Array.of(shard) };
  };
  const state = (shard: number) => ({
    prepareSnapshot: () => Promise.resolve({ snapshot: snapshotOf(shard), close: () => {} }),
  });
  const parts = { clock, states: { state } };
  const limits = { preparedMax, preparedMs: 30_000 };
  // Only what the shelf looks at.
  type Arguments = ConstructorParameters<typeof PreparedShelf>;
  const shelf = new PreparedShelf(parts as unknown as Arguments[0], limits as Arguments[1]);
  return { shelf, clock };
}

test('[N11] a hundred shards that ask in rounds all get theirs, a few at a time', async () => {
  const { shelf } = shelfOf(8);
  const served = new Set<number>();
  for (let round = 1; round <= 26; round++) {
    for (let shard = 1; shard <= 100; shard++) {
      if (!served.has(shard) && shelf.latest(shard, 5) !== 'pending') served.add(shard);
    }
    await turn();
  }
  assert.equal(served.size, 100);
});

test('[N11] a state that nobody fetches makes room after a while', async () => {
  const { clock, shelf } = shelfOf(1);
  assert.equal(shelf.latest(1, 5), 'pending');
  await turn();
  assert.equal(shelf.latest(2, 5), 'pending');
  await turn();
  assert.equal(shelf.latest(2, 5), 'pending');
  await clock.pass(1_000);
  assert.equal(shelf.latest(2, 5), 'pending');
  await turn();
  assert.notEqual(shelf.latest(2, 5), 'pending');
});
