// A disk that still works, but takes seconds for a sync: as they do before they die.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KvCaller } from './kv-caller.ts';
import { RegisterLoad } from './register-load.ts';
import { stage } from './stage.ts';
import { slowDown, whyNoInjection } from './strace.ts';

const SERVES_MS_MAX = 10_000;
const SYNC_MS = 4_000;
const SLOW_MS = 4_000;
/** It takes a second until a leader calls its disk sick. */
const REPLACED_MS_MAX = 5_000;
const ATTEMPT_MS = 100;

test('a leader whose disk has become slow is replaced', async (t) => {
  const obstacle = whyNoInjection();
  if (obstacle !== undefined) return t.skip(obstacle);
  const { members, kv } = await stage(t, 3);
  const hasty = new KvCaller(members.addresses, ATTEMPT_MS);
  t.after(() => hasty.close());
  assert.deepEqual(await members.startAll(), []);
  const leader = await kv.leader(SERVES_MS_MAX);
  assert.ok(leader !== undefined, 'somebody leads');
  const load = new RegisterLoad({
    clients: [hasty.session(), hasty.session(), hasty.session()],
    readLevels: ['strong', 'lease'],
  });
  t.after(() => load.end());
  load.begin();
  await sleep(300);
  const slowness = await slowDown(members.pid(leader), 'fdatasync', SYNC_MS);
  t.after(() => slowness.end());
  const slowMs = performance.now();
  await sleep(SLOW_MS);
  const lullMs = load.lullMs(slowMs);
  assert.notEqual(await hasty.leader(SERVES_MS_MAX), leader, 'another one leads');
  await slowness.end();
  await load.end();
  t.diagnostic(`longest time without a write: ${Math.round(lullMs)} ms`);
  assert.ok(lullMs <= REPLACED_MS_MAX, `writes went on after ${lullMs} ms`);
  assert.ok(members.isRunning(leader), 'a slow disk ends nobody');
  assert.equal(load.verdict('slow-disk'), undefined);
});
