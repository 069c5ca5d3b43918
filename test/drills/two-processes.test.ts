// A member that somebody starts a second time on the same data, on another port.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { KvCaller } from './kv-caller.ts';
import { Members } from './members.ts';
import { PATIENCE_MS } from './patience.ts';

test('one process has a data directory, and a killed one leaves it to the next', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'parley-drill-'));
  const first = await Members.at([directory], '--small');
  const second = await Members.at([directory], '--small');
  const kv = new KvCaller(first.addresses);
  t.after(async () => {
    kv.close();
    await Promise.all([first.killAll(), second.killAll()]);
    rmSync(directory, { recursive: true });
  });
  assert.equal(await first.start(1), undefined);
  const refusal = await second.start(1);
  assert.match(refusal ?? 'started', /Another process has the data directory.* \[E_DATA\]$/);
  assert.notEqual(await kv.leader(PATIENCE_MS), undefined, 'the first one goes on');
  await first.kill(1);
  assert.equal(await second.start(1), undefined);
  assert.match((await first.start(1)) ?? 'started', /E_DATA/);
});
