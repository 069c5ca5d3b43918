// A disk that still works, but takes seconds to make a write durable: as they do before they die.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KvCaller } from './kv-caller.ts';
import { PATIENCE_MS, until } from './patience.ts';
import { RegisterLoad } from './register-load.ts';
import { stage } from './stage.ts';
import { slowDown, whyNoInjection } from './strace.ts';

const SYNC_MS = 4_000;
const ATTEMPT_MS = 100;

test('a leader whose disk has become slow is replaced', async (t) => {
  const obstacle = whyNoInjection();
  if (obstacle !== undefined) return t.skip(obstacle);
  const { members, kv } = await stage(t, 3);
  const hasty = new KvCaller(members.addresses, ATTEMPT_MS);
  t.after(() => hasty.close());
  assert.deepEqual(await members.startAll(), []);
  const leader = await kv.leader(PATIENCE_MS);
  assert.ok(leader !== undefined, 'somebody leads');
  const load = new RegisterLoad({
    clients: [hasty.session(), hasty.session(), hasty.session()],
    readLevels: ['strong', 'lease'],
  });
  t.after(() => load.end());
  load.begin();
  await sleep(300);
  const slowness = await slowDown(members.pid(leader), 'fdatasync,pwrite64', SYNC_MS);
  t.after(() => slowness.end());
  const slowMs = performance.now();
  await until('another one leads', async () => (await hasty.leader(PATIENCE_MS)) !== leader);
  await until('writes go on', () => load.wroteAfter(performance.now() - ATTEMPT_MS));
  const lullMs = load.lullMs(slowMs);
  await slowness.end();
  await load.end();
  t.diagnostic(`longest time without a write: ${Math.round(lullMs)} ms`);
  assert.ok(members.isRunning(leader), 'a slow disk ends nobody');
  assert.equal(load.verdict('slow-disk'), undefined);
});
