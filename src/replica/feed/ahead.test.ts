// Followers that know more than the replica that they follow.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FeedHub } from './index.ts';

test('[F2] a follower that moves to a replica which is behind hears nothing twice', () => {
  const hub = new FeedHub();
  hub.openShard(1, 0);
  const emit = (index: number): void => {
    hub.emit(1, index, Uint8Array.of(1), Uint8Array.of(2));
    hub.commit(1);
  };
  for (let index = 1; index <= 50; index++) emit(index);
  const heard: number[] = [];
  // It has heard of 1 to 100 elsewhere.
  hub.follow(1, 100, (news) => {
    if (news.kind === 'events') heard.push(...news.events.map(({ index }) => index));
  });
  hub.deliver();
  for (let index = 51; index <= 103; index++) emit(index);
  hub.deliver();
  assert.deepEqual(heard, [101, 102, 103]);
});
