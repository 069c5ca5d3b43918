// Killed, restarted, and then without power: what the second life promised must not rest on what
// the first one left to the system's memory.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../../sim/index.ts';
import { silentLog } from '../../../test/support/silent-log.ts';
import { appendDurably, entriesFrom, SMALL } from '../../../test/support/wal-scenario.ts';
import type { Disk } from '../../base/capabilities.ts';
import { Wal } from './index.ts';

test('[W7, W11] a segment whose name was not synced is filled by the next process', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const open = async (change: (disk: Disk) => Disk = (disk) => disk): Promise<Wal> => {
    const { clock, disk, random } = machine.alive ? machine.capabilities : machine.restart();
    const capabilities = { clock, disk: change(disk), random, log: silentLog };
    const opened = await world.settle(Wal.open(capabilities, SMALL));
    if (opened.kind === 'refused') assert.fail(opened.message);
    return opened.wal;
  };
  const append = async (wal: Wal): Promise<number> => {
    const next = wal.shard(1).lastIndex() + 1;
    const entries = entriesFrom(next, 1, 'x'.repeat(400));
    await world.settle(appendDurably(wal, [{ shard: 1, entries }]));
    return next;
  };

  const names = { isHeld: false, isStuck: false };
  const first = await open((disk) => ({
    ...disk,
    syncDirectory: async (directory) => {
      if (!names.isHeld || directory !== SMALL.directory) return disk.syncDirectory(directory);
      names.isStuck = true;
      return new Promise(() => {});
    },
  }));
  names.isHeld = true;
  for (let i = 0; i < 20 && !names.isStuck; i++) {
    await append(first);
    await world.runFor(10);
  }
  assert.ok(names.isStuck, 'the second segment has its name, which is not durable');
  machine.kill();

  const second = await open();
  let promised = 0;
  while (second.stats().segments < 2) promised = await append(second);
  machine.losePower(true);
  assert.equal((await open()).shard(1).lastIndex(), promised);
});
