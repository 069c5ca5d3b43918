// Entries that are on disk only: who asks for them, and what waits meanwhile.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Replica } from './replica.support.ts';
import { outcomeOf, solo, standing } from './solo.support.ts';
import { bytesOf, parseMessage } from './wording.support.ts';

/** Entries 2 to 4 are committed, not applied, and not in memory. */
function restarted(log: string): Replica {
  const replica = solo({ log, commit: 4, options: { asyncStorageWrites: true } });
  replica.log.evictBelow(5);
  replica.holdsFetches = true;
  return replica;
}

const asked = ({ fetches }: Replica): string[] =>
  fetches.map(({ high, low, purpose }) => `${purpose} ${low}..${high - 1}`);

test('[R26, R44] a campaign waits for the entries in which a config change may stand', () => {
  const replica = restarted('[2/2:a,2/3:b,2/4:c]');
  assert.equal(replica.core.campaign(), 'waitsForLog');
  replica.takeReady();
  assert.deepEqual(asked(replica), ['campaign 2..4', 'apply 2..4']);
  assert.equal(standing(replica), 'follower of 2, voted 0, led by 0');
  replica.answerFetches();
  assert.equal(standing(replica), 'candidate of 3, voted 1, led by 0');
});

test('[R44] when they come and hold a change, the campaign is off', () => {
  const replica = restarted('[2/2:a,2/3:{v4},2/4:c]');
  assert.equal(replica.core.campaign(), 'waitsForLog');
  replica.takeReady();
  replica.answerFetches();
  assert.equal(standing(replica), 'follower of 2, voted 0, led by 0');
  const event = replica.events.at(-1);
  assert.deepEqual(event, { kind: 'campaignRefused', reason: 'unappliedConfChange' });
});

test('a campaign that waits is off when the leader is heard, unless the leader ordered it', () => {
  for (const ordered of [false, true]) {
    const replica = restarted('[2/2:a,2/3:b,2/4:c]');
    if (ordered) outcomeOf(replica, '2->1 timeoutNow term=2');
    else replica.core.campaign();
    replica.step(parseMessage('2->1 heartbeat term=2 commit=4'));
    replica.takeReady();
    replica.answerFetches();
    const expected = ordered
      ? 'candidate of 3, voted 1, led by 0'
      : 'follower of 2, voted 0, led by 2';
    assert.equal(standing(replica), expected);
  }
});

test('[R26] entries to apply are asked for once, and come in order', () => {
  const replica = restarted('[2/2:a,2/3:b,2/4:c]');
  replica.handleReady();
  replica.step(parseMessage('2->1 append term=2 log=2/4 [2/5:d] commit=5'));
  replica.handleReady();
  replica.runDisk();
  assert.deepEqual(asked(replica), ['apply 2..4']);
  replica.answerFetches();
  replica.work();
  assert.deepEqual(replica.values, ['a', 'b', 'c', 'd']);
  assert.equal(replica.core.id, 1);
  assert.equal(replica.core.propose([bytesOf('x')]).kind, 'forwarded');
});
