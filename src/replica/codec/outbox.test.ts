import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LIMITS } from '../../base/limits.ts';
import { draftMessage, type Entry, type Message } from '../../core/raft/index.ts';
import type { SendOutcome } from '../../engine/transport/index.ts';
import { FRAME_KIND, Outbox, readRaftFrame } from './index.ts';
import { heartbeat } from './messages.support.ts';

class Post {
  outcome: SendOutcome = 'queued';
  /** Peer, lane, and the shards and kinds of the messages in each frame. */
  readonly frames: string[] = [];
  readonly entries: (readonly Entry[])[] = [];
  readonly unsent: string[] = [];
  /** Timers that run: how long, and what for. */
  readonly timers: { delayMs: number; callback: () => void; isCancelled: boolean }[] = [];
  readonly outbox = new Outbox(
    {
      send: (member, lane, kind, body) => {
        assert.equal(kind, FRAME_KIND.raft);
        const told: string[] = [];
        const whole = readRaftFrame(body, 1, member, (shard, message) => {
          told.push(`${shard}:${message.kind}`);
          if (message.entries.length > 0) this.entries.push(message.entries);
        });
        assert(whole);
        this.frames.push(`${member} ${lane} ${told.join(' ')}`);
        return this.outcome;
      },
    },
    {
      setTimer: (delayMs, callback) => {
        const timer = { delayMs, callback, isCancelled: false };
        this.timers.push(timer);
        return { cancel: () => void (timer.isCancelled = true) };
      },
    },
    {
      onUnsent: (shard, peer) => this.unsent.push(`${shard}->${peer}`),
      onSnapshot: (shard, message) => this.frames.push(`${message.to} snapshot of ${shard}`),
    },
  );
}

function append(to: number, entries: readonly Entry[]): Message {
  return { ...draftMessage('append', 1, to, 1), entries };
}

function someEntries(count: number, bytes = 10): readonly Entry[] {
  return Array.from({ length: count }, (_, i) => ({
    term: 1,
    index: i + 1,
    kind: 'normal',
    payload: new Uint8Array(bytes).fill(i),
  }));
}

test('[B7] a turn of many shards is one frame per peer and lane', () => {
  const { outbox, frames } = new Post();
  for (const shard of [1, 2, 3]) {
    for (const to of [2, 3]) outbox.post(shard, { ...heartbeat({ term: 1 }), from: 1, to });
  }
  outbox.post(2, append(3, someEntries(2)));
  outbox.post(2, { ...draftMessage('vote', 1, 2, 1) });
  assert.deepEqual(frames, []);
  outbox.flush();
  assert.deepEqual(frames, [
    '2 urgent 1:heartbeat 2:heartbeat 3:heartbeat 2:vote',
    '3 urgent 1:heartbeat 2:heartbeat 3:heartbeat',
    '3 ordinary 2:append',
  ]);
  outbox.flush();
  assert.equal(frames.length, 3, 'a flush without posts sends nothing');
});

test('[B2] every peer gets the same entries, and another shard its own', () => {
  const { outbox, entries } = new Post();
  const [a, b] = [someEntries(3), someEntries(5)];
  outbox.post(1, append(2, a));
  outbox.post(1, append(3, a));
  outbox.post(2, append(2, b));
  outbox.post(1, append(4, a.slice(1)));
  outbox.flush();
  // By peer: 2 has both shards in one frame.
  assert.deepEqual(
    entries.map((list) => list.map(({ payload }) => payload)),
    [a, b, a, a.slice(1)].map((list) => list.map(({ payload }) => payload)),
  );
});

test('[B7] a frame that grows beyond its aim leaves at once, in order', () => {
  const { outbox, frames } = new Post();
  const half = someEntries(1, LIMITS.wire.frameBytes / 2);
  for (const shard of [1, 2, 3]) outbox.post(shard, append(2, half));
  assert.deepEqual(frames, ['2 ordinary 1:append', '2 ordinary 2:append']);
  outbox.flush();
  assert.deepEqual(frames.at(-1), '2 ordinary 3:append');
});

test('[B8] shards hear of appends that did not leave, and of nothing else', () => {
  for (const outcome of ['full', 'down'] as const) {
    const post = new Post();
    post.outcome = outcome;
    post.outbox.post(1, append(2, someEntries(1)));
    post.outbox.post(7, append(2, []));
    post.outbox.post(2, { ...draftMessage('appendResponse', 1, 2, 1) });
    post.outbox.post(3, { ...heartbeat({}), from: 1, to: 2 });
    post.outbox.flush();
    assert.deepEqual(post.unsent, ['1->2', '7->2']);
    post.outcome = 'queued';
    post.outbox.post(1, append(2, someEntries(1)));
    post.outbox.flush();
    assert.deepEqual(post.unsent, ['1->2', '7->2']);
  }
});

test('[B7] snapshots go their own way', () => {
  const { outbox, frames } = new Post();
  outbox.post(5, { ...draftMessage('snapshot', 1, 2, 1) });
  outbox.flush();
  assert.deepEqual(frames, ['2 snapshot of 5']);
});

test('[B9] the news of a commit waits for company, and leaves alone when it is late', () => {
  const { outbox, frames, timers } = new Post();
  for (const shard of [1, 2]) outbox.post(shard, append(2, []));
  outbox.post(1, append(3, []));
  outbox.flush();
  outbox.flush();
  assert.deepEqual(frames, []);
  assert.deepEqual(
    timers.map(({ delayMs }) => delayMs),
    [LIMITS.wire.commitDelayMs],
    'one timer for all of them',
  );
  outbox.post(4, { ...draftMessage('appendResponse', 1, 2, 1) });
  outbox.flush();
  assert.deepEqual(frames, ['2 ordinary 1:append 2:append 4:appendResponse']);
  timers[0]?.callback();
  assert.deepEqual(frames.slice(1), ['3 ordinary 1:append']);
  outbox.flush();
  assert.equal(frames.length, 2, 'nothing is left');
  outbox.post(1, append(3, []));
  outbox.flush();
  assert.equal(timers.length, 2, 'the next one has a timer of its own');
  outbox.close();
  assert.ok(timers[1]?.isCancelled, 'a host that is closed says nothing more');
});

test('[B9] an urgent message takes the news of a commit along, behind it', () => {
  const { outbox, frames } = new Post();
  outbox.post(1, append(2, []));
  outbox.post(1, { ...draftMessage('readIndexResponse', 1, 2, 1) });
  outbox.flush();
  assert.deepEqual(frames, ['2 urgent 1:readIndexResponse', '2 ordinary 1:append']);
});
