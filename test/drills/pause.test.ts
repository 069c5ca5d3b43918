// A leader that stands still for a while and does not know it: a machine that swaps, a virtual
// machine that is moved. It wakes up with questions waiting, and may believe that it still leads.
//
// PARLEY_PAUSES=20 makes it longer than the short run of `npm test`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KvCaller } from './kv-caller.ts';
import { PATIENCE_MS } from './patience.ts';
import { RegisterLoad } from './register-load.ts';
import { stage } from './stage.ts';

const PAUSES = Number(process.env['PARLEY_PAUSES'] ?? '3');
/** A client keeps its connection to a silent member for two seconds: short pauses count most. */
const PAUSE_MS = [700, 1_100, 1_600, 3_000, 900, 1_300, 1_800, 10_000];
const READ_EVERY_MS = 5;
/** Who asks elsewhere so soon sees how long there is no leader, not how patient clients are. */
const ATTEMPT_MS = 100;

test(`${PAUSES} leaders that stand still are replaced, and wake up to nothing stale`, async (t) => {
  const { members, kv } = await stage(t, 3);
  const hasty = new KvCaller(members.addresses, ATTEMPT_MS);
  const patient = new KvCaller(members.addresses, PATIENCE_MS);
  t.after(() => [hasty, patient].forEach((caller) => caller.close()));
  assert.deepEqual(await members.startAll(), []);
  assert.notEqual(await kv.leader(PATIENCE_MS), undefined);
  const load = new RegisterLoad({
    clients: [hasty.session(), hasty.session(), kv.plain(), kv.plain()],
    readLevels: ['lease', 'strong'],
  });
  t.after(() => load.end());
  load.begin();
  const openReads = members.ids.map((member) =>
    load.readOpenly(patient.readingAt(member), 'lease', READ_EVERY_MS * members.ids.length),
  );
  const waits: number[] = [];
  for (let pause = 0; pause < PAUSES; pause++) {
    await sleep(300);
    const leader = await kv.leader(PATIENCE_MS);
    assert.ok(leader !== undefined, 'somebody leads');
    const stoppedMs = performance.now();
    members.signal(leader, 'SIGSTOP');
    await sleep(PAUSE_MS[pause % PAUSE_MS.length]);
    members.signal(leader, 'SIGCONT');
    assert.notEqual(await kv.leader(PATIENCE_MS), undefined);
    waits.push(Math.round(load.lullMs(stoppedMs)));
  }
  await load.end();
  await Promise.all(openReads);
  const { operations, reads, refusedReads } = load;
  t.diagnostic(`${operations} operations and ${reads.lease} lease reads, ${refusedReads} refused`);
  t.diagnostic(`longest time without a write in each pause: ${waits.join(' ')} ms`);
  assert.equal(load.verdict('pause'), undefined);
});
