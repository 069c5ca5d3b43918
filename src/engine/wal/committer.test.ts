// What goes on beside the commits, the next segment and the mark, while the disk fails or runs full.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { entriesFrom, ManualClock, mustOpen, turn } from '../../../test/support/wal-scenario.ts';
import type { Wal } from './index.ts';

const FIRST = 'wal/0000000001.wal';

/** While it is shut, syncs wait. */
interface Gate {
  isShut: boolean;
  open(): void;
}

/** Lets syncs of the first segment be held up. */
function gateOf(disk: CrashDisk): Gate {
  const held: (() => void)[] = [];
  const open = disk.open.bind(disk);
  const gate: Gate = {
    isShut: false,
    open: () => {
      gate.isShut = false;
      for (const go of held.splice(0)) go();
    },
  };
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    const sync = async (): Promise<void> => {
      if (gate.isShut && path === FIRST) await new Promise<void>((resolve) => held.push(resolve));
      return file.sync();
    };
    return { ...file, sync };
  };
  return gate;
}

/** Appends the entry `index`, and notes as `name outcome` what becomes of it. */
function append(wal: Wal, index: number, heard: string[], payload = 'x'): void {
  wal.append([{ shard: 1, entries: entriesFrom(index, 1, payload) }], (outcome) => {
    heard.push(`${index} ${outcome === 'durable' ? outcome : outcome.kind}`);
  });
}

test('[W14, W18] the next segment fails while a batch is synced: one answer each', async () => {
  const disk = new CrashDisk();
  const gate = gateOf(disk);
  const heard: string[] = [];
  const onFailure = (): void => void heard.push('stopped');
  const wal = await mustOpen(disk, new ManualClock(), { onFailure });
  disk.failNext = (kind, path) => {
    return kind === 'write' && path.endsWith('next.tmp') ? 'io' : undefined;
  };
  // Once it is durable the next segment is prepared, and the next batch on its way.
  wal.append([{ shard: 1, entries: entriesFrom(1, 1, 'a') }], () => {
    gate.isShut = true;
    append(wal, 2, heard);
  });
  await turn();
  await turn();
  assert.deepEqual(heard, ['stopped', '2 failed']);
  gate.open();
  await turn();
  assert.deepEqual(heard, ['stopped', '2 failed']);
  await wal.close();
});
