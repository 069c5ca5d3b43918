// How far a log is cut, and for whom it is kept.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PeerStatus } from '../../core/raft/index.ts';
import { Compaction } from './compaction.ts';
import type { Replica } from './replica.ts';
import { settle } from './settings.ts';

type Peer = Pick<PeerStatus, 'id' | 'match' | 'pendingSnapshot' | 'isRecentlyActive'>;

const there = { isRecentlyActive: true, pendingSnapshot: 0 };
const full = { id: 1, match: 1_000, ...there };

/** Leads a log from 101 to 1,000, all of it applied and durable. */
function leaderOf(peers: readonly Peer[], isLeader = true): Replica {
  const wal = {
    base: { index: 100, term: 1 },
    index: { count: 900, payloadBytes: 90_000 },
    lastIndex: () => 1_000,
    term: () => 1,
  };
  const data = {
    applied: () => ({ index: 1_000 }),
    durableApplied: () => 1_000,
    confState: () => ({}),
  };
  const core = { status: () => ({ id: 1, peers }) };
  return { shard: 7, isLeader, core, data, log: { wal, configIndex: 1 } } as unknown as Replica;
}

interface Scene {
  /** Where the log was cut. */
  readonly cut: number[];
  step(): Promise<void>;
}

function over(replica: Replica, rules: { segments?: number; hasRoom?: boolean } = {}): Scene {
  const cut: number[] = [];
  const { hasRoom = true, segments = 1 } = rules;
  const wal = {
    hasRoom,
    append: () => {},
    purge: (_shard: number, to: number) => cut.push(to),
    stats: () => ({ segments }),
    pins: () => [{ shard: 7, lastIndexInside: 600 }],
    rewrite: () => Promise.resolve('rewritten'),
  } as never;
  const store = { flush: () => Promise.resolve(true) };
  const clock = { setTimer: (_ms: number, then: () => void) => setImmediate(then) } as never;
  const compaction = new Compaction(
    { wal, store, clock },
    settle({ trailingEntries: 50, purgeEntries: 100, segmentsMax: 8 }),
    { get: () => replica },
    { isClosed: false, watch: () => {} },
    () => {},
  );
  compaction.noteApplied(replica);
  return {
    cut,
    step: async () => {
      compaction.step();
      for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test('[H54] the log is cut behind the durable state, less what trails', async () => {
  const scene = over(leaderOf([full, { id: 2, match: 1_000, ...there }]));
  await scene.step();
  assert.deepEqual(scene.cut, [950]);
});

test('[H55] a peer to whom a state is on its way finds what comes behind it', async () => {
  const receiving = { id: 2, match: 0, isRecentlyActive: true, pendingSnapshot: 400 };
  const slow = { id: 3, match: 700, ...there };
  const scene = over(leaderOf([full, receiving, slow]));
  await scene.step();
  assert.deepEqual(scene.cut, [400]);
  const after = over(leaderOf([full, { ...receiving, match: 420, pendingSnapshot: 0 }, slow]));
  await after.step();
  assert.deepEqual(after.cut, [420], 'and goes on to find it while it catches up');
});

test('[H55] who is gone, needs a state in any case, or follows another keeps nothing', async () => {
  const gone = { id: 2, match: 400, isRecentlyActive: false, pendingSnapshot: 0 };
  const empty = { id: 3, match: 0, ...there };
  const slow = { id: 2, match: 400, ...there };
  for (const replica of [leaderOf([full, gone, empty]), leaderOf([full, slow], false)]) {
    const scene = over(replica);
    await scene.step();
    assert.deepEqual(scene.cut, [950]);
  }
});

test('[H55] not for ever: at four times the segments, or without room, it is cut', async () => {
  const slow = [full, { id: 2, match: 150, ...there }];
  const kept = over(leaderOf(slow), { segments: 32 });
  await kept.step();
  assert.deepEqual(kept.cut, []);
  for (const rules of [{ segments: 33 }, { segments: 9, hasRoom: false }]) {
    const scene = over(leaderOf(slow), rules);
    await scene.step();
    assert.deepEqual(scene.cut, [600]);
  }
});
