// What goes on beside the commits, the next segment and the mark, while the disk fails or is full.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  appendDurably,
  entriesFrom,
  ManualClock,
  mustOpen,
  openWal,
  SMALL,
  turn,
} from '../../../test/support/wal-scenario.ts';
import { DiskError, type DiskErrorCode } from '../../base/capabilities.ts';
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

/** Writes to files whose name ends like this fail. */
function failWrites(disk: CrashDisk, end: string, code: DiskErrorCode): void {
  disk.failNext = (kind, path) => (kind === 'write' && path.endsWith(end) ? code : undefined);
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
  failWrites(disk, 'next.tmp', 'io');
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

/** Lets the disk write durably, and tells how often the first segment was. */
function writesDurably(disk: CrashDisk): { durably: number; plainly: number; syncs: number } {
  const counts = { durably: 0, plainly: 0, syncs: 0 };
  const open = disk.open.bind(disk);
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    const count = (what: keyof typeof counts): void => {
      if (path === FIRST) counts[what] += 1;
    };
    return {
      ...file,
      write: (offset, bytes) => {
        count('plainly');
        return file.write(offset, bytes);
      },
      sync: () => {
        count('syncs');
        return file.sync();
      },
      writeDurably: async (offset, bytes) => {
        count('durably');
        await file.write(offset, bytes);
        await file.sync();
      },
    };
  };
  return counts;
}

test('a disk that writes durably makes header and batches so in one call each', async () => {
  const disk = new CrashDisk();
  const counts = writesDurably(disk);
  const wal = await mustOpen(disk, new ManualClock());
  for (const index of [1, 2]) {
    await appendDurably(wal, [{ shard: 1, entries: entriesFrom(index, 1, 'x') }]);
  }
  assert.deepEqual(counts, { durably: 3, plainly: 0, syncs: 0 });
  await wal.close();
  // The mark: what it proves must be there after the next start.
  assert.deepEqual(counts, { durably: 3, plainly: 1, syncs: 1 });
});

test('[W14] a durable write that fails is final, a full disk is waited for', async () => {
  for (const [code, heardAfter] of [
    ['io', ['stopped', '1 failed']],
    ['noSpace', ['1 durable']],
  ] as const) {
    const disk = new CrashDisk();
    const clock = new ManualClock();
    const counts = writesDurably(disk);
    const heard: string[] = [];
    const wal = await mustOpen(disk, clock, { onFailure: () => void heard.push('stopped') });
    // The write went through and the sync failed, or so it may be: nothing tells.
    disk.failNext = (kind, path) => (kind === 'sync' && path === FIRST ? code : undefined);
    append(wal, 1, heard);
    await turn();
    disk.failNext = undefined;
    await clock.pass(1_000);
    await turn();
    assert.deepEqual(heard, heardAfter);
    assert.equal(counts.durably, code === 'io' ? 2 : 3, 'the header, and each attempt');
    await wal.close();
  }
});

test('[W15] a batch that met a full disk once: there is room when it is written', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock, { segmentBytes: 64 * 1024 });
  const heard: string[] = [];
  failWrites(disk, FIRST, 'noSpace');
  append(wal, 1, heard);
  await turn();
  assert.equal(wal.hasRoom, false);
  disk.failNext = undefined;
  await clock.pass(250);
  assert.deepEqual([heard, wal.hasRoom], [['1 durable'], true]);
});

test('[W15] a batch that is written says nothing of the segment that cannot be made', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  const heard: string[] = [];
  failWrites(disk, 'next.tmp', 'noSpace');
  for (let index = 1; index <= 3; index++) {
    append(wal, index, heard);
    await turn();
    assert.equal(wal.hasRoom, false, `after ${index}`);
  }
  assert.equal(heard.length, 3);
});

test('[W14] a mark that meets a full disk is left out, and the log goes on', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const failures: string[] = [];
  const onFailure = ({ reason }: { reason: string }): void => void failures.push(reason);
  const wal = await mustOpen(disk, clock, { onFailure });
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'x') }]);
  await turn();
  failWrites(disk, FIRST, 'noSpace');
  await clock.pass(60);
  disk.failNext = undefined;
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(2, 1, 'x') }]);
  await turn();
  const seen = disk.watch();
  await clock.pass(60);
  assert.deepEqual([failures, seen], [[], [`write ${FIRST}`]], 'the next one is written');
});

test('[W6, W11] a batch that fills its segment has its mark, within the segment', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  const payload = 'x'.repeat(wal.payloadBytesMax);
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, payload) }]);
  await turn();
  await clock.pass(60);
  await wal.close();
  assert.equal(disk.files().get(FIRST)?.length, SMALL.segmentBytes);
  disk.rot(FIRST, SMALL.segmentBytes / 2);
  const again = await openWal(disk, new ManualClock());
  assert.equal(again.kind === 'refused' && again.reason, 'corrupt', 'no torn end');
});

test('[W6] the mark of a log that was closed is durable, whoever wrote it', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'x') }]);
  await turn();
  await clock.pass(60);
  await wal.close();
  const point = { calls: disk.calls, fate: { kind: 'drop' }, keepsUnsynced: false } as const;
  assert.deepEqual(disk.after(point).files().get(FIRST), disk.files().get(FIRST));
});

test('[W14] closing ends the wait for room, which is no failure of the log', async () => {
  for (const appends of [1, 3, 20]) {
    const disk = new CrashDisk();
    const clock = new ManualClock();
    const heard: string[] = [];
    const onFailure = (): void => void heard.push('stopped');
    const wal = await mustOpen(disk, clock, { onFailure });
    failWrites(disk, 'next.tmp', 'noSpace');
    for (let i = 1; i <= appends; i++) append(wal, i, heard, 'x'.repeat(500));
    await turn();
    await wal.close();
    const durable = heard.filter((said) => said.endsWith('durable')).length;
    const closed = heard.filter((said) => said.endsWith('closed')).length;
    assert.deepEqual([durable + closed, heard.length], [appends, appends]);
    assert.equal(closed > 0, appends === 20, 'what fits the segment in use is written');
    const again = await mustOpen(new CrashDisk(disk.files()), new ManualClock());
    assert.equal(again.shard(1).lastIndex(), durable);
  }
});

test('a new log whose header meets a full disk is refused at once', async () => {
  const disk = new CrashDisk();
  failWrites(disk, FIRST, 'noSpace');
  const opened = await openWal(disk, new ManualClock());
  assert.equal(opened.kind === 'refused' && opened.reason, 'disk');
});

test('the memory of a stall is given back', async () => {
  const disk = new CrashDisk();
  const gate = gateOf(disk);
  const wal = await mustOpen(disk, new ManualClock(), { segmentBytes: 64 * 1024 });
  const heard: string[] = [];
  gate.isShut = true;
  for (let index = 1; index <= 30; index++) append(wal, index, heard, 'x'.repeat(1_500));
  await turn();
  const { bufferBytes } = wal.stats();
  gate.open();
  while (heard.length < 30) await turn();
  assert.ok(wal.stats().bufferBytes * 10 <= bufferBytes, 'two of thirty are kept');
});

test('a log that is closed, or has stopped, leaves no timer', async () => {
  for (const end of ['closed', 'stopped', 'closed while full']) {
    const disk = new CrashDisk();
    const clock = new ManualClock();
    const wal = await mustOpen(disk, clock);
    await appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'x') }]);
    assert.ok(clock.waiting > 0, 'a mark, and the free space');
    if (end !== 'closed') failWrites(disk, FIRST, end === 'stopped' ? 'io' : 'noSpace');
    append(wal, 2, []);
    await turn();
    if (end !== 'stopped') await wal.close();
    await turn();
    assert.equal(clock.waiting, 0, end);
  }
});

test('the free space that is looked at while the log closes sets no other timer', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  let answer = (_bytes: number): void => {};
  disk.freeBytes = () => new Promise((resolve) => (answer = resolve));
  await clock.pass(SMALL.roomCheckMs);
  await wal.close();
  answer(disk.free);
  await turn();
  assert.equal(clock.waiting, 0);
});

test('a file that fails to close keeps no other one open, and the log is closed', async () => {
  const disk = new CrashDisk();
  const open = disk.open.bind(disk);
  const isOpen = new Map<string, boolean>();
  disk.open = async (path, mode) => {
    const file = await open(path, mode);
    isOpen.set(path, true);
    const close = async (): Promise<void> => {
      isOpen.set(path, false);
      await file.close();
      if (path === FIRST) throw new DiskError('io', `${path} does not close`);
    };
    return { ...file, close };
  };
  const wal = await mustOpen(disk, new ManualClock());
  append(wal, 1, []);
  await turn();
  assert.ok([...isOpen.values()].filter(Boolean).length > 1);
  await wal.close();
  assert.deepEqual([...isOpen.values()].filter(Boolean), []);
});

test('[W15] a full disk is waited for although what was begun cannot be cleared away', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const heard: string[] = [];
  const onFailure = (): void => void heard.push('stopped');
  const wal = await mustOpen(disk, clock, { onFailure });
  disk.remove = async (path) => {
    throw new DiskError('io', `${path} stays`);
  };
  failWrites(disk, 'next.tmp', 'noSpace');
  append(wal, 1, heard);
  await turn();
  assert.deepEqual([heard, wal.hasRoom], [['1 durable'], false]);
  disk.failNext = undefined;
  await clock.pass(250);
  assert.equal(wal.hasRoom, true);
});
