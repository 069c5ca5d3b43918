// Members that are killed without warning while clients read and write.
//
// PARLEY_KILLS=100 makes it longer than the short run of `npm test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MemberId } from '../../src/engine/transport/index.ts';
import { PATIENCE_MS } from './patience.ts';
import { RegisterLoad } from './register-load.ts';
import { type Stage, stage } from './stage.ts';
import { UniqueWrites } from './unique-writes.ts';

const KILLS = Number(process.env['PARLEY_KILLS'] ?? '6');

test(`${KILLS} kills, of one member or all, lose nothing and show nothing stale`, async (t) => {
  const { members, kv } = await stage(t, 3);
  assert.deepEqual(await members.startAll(), []);
  const load = new RegisterLoad({
    clients: [kv.session(), kv.session(), kv.session(), kv.plain(), kv.plain(), kv.plain()],
    readLevels: ['strong', 'lease'],
  });
  const writes = new UniqueWrites(kv);
  t.after(() => Promise.all([load.end(), writes.end(0)]));
  load.begin();
  writes.begin('kill', 4);
  const waits: number[] = [];
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(200 + Math.random() * 300);
    const victims = await choose({ members, kv }, kill);
    const killedMs = performance.now();
    await Promise.all(victims.map((member) => members.kill(member)));
    await sleep(Math.random() * 500);
    for (const member of victims) assert.equal(await members.start(member), undefined);
    assert.notEqual(await kv.leader(PATIENCE_MS), undefined, 'a leader is found again');
    waits.push(Math.round(load.lullMs(killedMs)));
  }
  await load.end();
  await writes.end(PATIENCE_MS);
  const found = await writes.lookAtAll();
  const { operations, doubts } = load;
  t.diagnostic(`${operations} operations, ${doubts} in doubt; ${writes.acknowledged} writes`);
  t.diagnostic(`longest time without a write after each kill: ${waits.join(' ')} ms`);
  assert.deepEqual([found.lost, found.problems], [0, []]);
  assert.equal(load.verdict('kill'), undefined);
});

/** In turn the leader, anyone, and all at once. */
async function choose({ members, kv }: Stage, kill: number): Promise<readonly MemberId[]> {
  if (kill % 3 === 2) return members.ids;
  if (kill % 3 === 1) return [1 + Math.floor(Math.random() * members.ids.length)];
  const leader = await kv.leader(PATIENCE_MS);
  assert.ok(leader !== undefined, 'somebody leads before the kill');
  return [leader];
}
