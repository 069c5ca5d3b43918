// Appending: what shares a commit, who hears what when, and what a failing disk does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { World } from '../../../sim/index.ts';
import { silentLog } from '../../../test/support/silent-log.ts';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  allEntries,
  appendDurably,
  describeWal,
  entriesFrom,
  ManualClock,
  mustOpen,
  openWal,
  SMALL,
  snapshotAt,
  turn,
} from '../../../test/support/wal-scenario.ts';
import { type ShardChange, Wal, type WalFailure } from './index.ts';

test('appends of one turn share a write and a sync, whatever their shards', async () => {
  const wal = await mustOpen(new CrashDisk(), new ManualClock());
  const before = wal.stats();
  const many: Promise<void>[] = [];
  for (let shard = 1; shard <= 10; shard++) {
    many.push(appendDurably(wal, [{ shard, entries: entriesFrom(1, 1, 'x') }]));
  }
  await Promise.all(many);
  const { batches, syncs } = wal.stats();
  assert.deepEqual([batches - before.batches, syncs - before.syncs], [1, 1]);
});

test('[W18] what is appended while a batch is written shares the next one, in order', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  const heard: number[] = [];
  let sent = 0;
  const send = (): void => {
    const serial = ++sent;
    wal.append([{ shard: 1, entries: entriesFrom(serial, 1, 'x') }], () => heard.push(serial));
  };
  disk.failNext = (kind) => {
    // Three more arrive while the first one is being synced.
    if (kind === 'sync' && sent === 1) for (let i = 0; i < 3; i++) send();
    return undefined;
  };
  send();
  await turn();
  await turn();
  assert.deepEqual(heard, [1, 2, 3, 4]);
  assert.equal(wal.stats().batches, 2);
});

test('[W13] the number of the durable batch grows with each answer', async () => {
  const wal = await mustOpen(new CrashDisk(), new ManualClock());
  const before = wal.watermark();
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'x') }]);
  assert.equal(wal.watermark(), before + 1);
  await appendDurably(wal, []);
  assert.equal(wal.watermark(), before + 1, 'nothing costs nothing');
});

test('[W2, W3] batches fill segment after segment and come back from all of them', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  for (let index = 1; index <= 40; index++) {
    await appendDurably(wal, [{ shard: 1, entries: entriesFrom(index, 1, 'x'.repeat(400)) }]);
  }
  assert.ok(wal.stats().segments > 3);
  const large = 'y'.repeat(wal.payloadBytesMax);
  await appendDurably(wal, [{ shard: 2, entries: entriesFrom(1, 1, large) }]);
  const before = await describeWal(wal);
  await wal.close();
  const again = await mustOpen(new CrashDisk(disk.files()), new ManualClock());
  assert.equal(await describeWal(again), before);
  assert.equal(again.incarnation, wal.incarnation);
});

test('[W14] a failed sync stops the log: nobody hears that anything is durable', async () => {
  const disk = new CrashDisk();
  const failures: WalFailure[] = [];
  const onFailure = (failure: WalFailure): void => void failures.push(failure);
  const wal = await mustOpen(disk, new ManualClock(), { onFailure });
  const heard: string[] = [];
  const append = (index: number): void => {
    wal.append([{ shard: 1, entries: entriesFrom(index, 1, 'x') }], (outcome) => {
      heard.push(outcome === 'durable' ? outcome : outcome.kind);
    });
  };
  let syncs = 0;
  disk.failNext = (kind) => {
    if (kind !== 'sync') return undefined;
    append(2 + syncs);
    syncs += 1;
    return 'io';
  };
  append(1);
  await turn();
  append(9);
  await turn();
  assert.deepEqual(heard, ['failed', 'failed', 'failed']);
  assert.equal(failures.length, 1);
  assert.equal(syncs, 1, 'it is not tried again');
  wal.append([{ shard: 1, save: snapshotAt(1, 1) }], () => {});
  assert.equal(wal.purge(1, 1), false);
  wal.forget(1);
  assert.equal(wal.shard(1).lastIndex(), 2, 'what stopped changes no more');
  await wal.close();
});

test('[W14] a sync that fails while the log closes is reported, no more', async () => {
  const disk = new CrashDisk();
  const failures: WalFailure[] = [];
  const onFailure = (failure: WalFailure): void => void failures.push(failure);
  const wal = await mustOpen(disk, new ManualClock(), { onFailure });
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'x') }]);
  const segment = [...disk.files().keys()].find((path) => path.endsWith('1.wal'));
  disk.failNext = (kind, path) => (kind === 'sync' && path === segment ? 'io' : undefined);
  await wal.close();
  const heard = failures.map((failure) => failure.reason);
  assert.deepEqual(heard, [`${segment}: sync fails`]);
  const again = await mustOpen(new CrashDisk(disk.files()), new ManualClock());
  assert.equal(again.shard(1).lastIndex(), 1);
});

test('[W14] a failed write stops the log as well', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  disk.failNext = (kind) => (kind === 'write' ? 'io' : undefined);
  await assert.rejects(
    appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'x') }]),
    /write/,
  );
  await wal.close();
});

test('[W15] a disk that runs full refuses proposals, waits, and goes on by itself', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  assert.equal(wal.hasRoom, true);
  disk.failNext = (kind, path) => {
    return kind === 'write' && path.endsWith('next.tmp') ? 'noSpace' : undefined;
  };
  let durable = 0;
  for (let index = 1; index <= 20; index++) {
    wal.append([{ shard: 1, entries: entriesFrom(index, 1, 'x'.repeat(400)) }], (outcome) => {
      if (outcome === 'durable') durable += 1;
    });
    await turn();
  }
  assert.ok(durable > 3 && durable < 20, 'what fits the segment in use is still written');
  assert.equal(wal.hasRoom, false);
  await clock.pass(250);
  assert.equal(wal.hasRoom, false);
  disk.failNext = undefined;
  await clock.pass(250);
  await turn();
  assert.equal(durable, 20);
  assert.equal(wal.hasRoom, true);
  await wal.close();
});

test('[W15] less free space than the reserve refuses proposals before anything fails', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  disk.free = SMALL.reserveBytes - 1;
  await clock.pass(1_000);
  assert.deepEqual([wal.hasRoom, wal.isCramped], [false, false]);
  await appendDurably(wal, [{ shard: 1, hardState: { term: 1, vote: 2, commit: 0 } }]);
  disk.free = SMALL.reserveBytes / 2 - 1;
  // Near the reserve it looks ten times as often.
  await clock.pass(100);
  assert.deepEqual([wal.hasRoom, wal.isCramped], [false, true]);
  disk.free = SMALL.reserveBytes;
  await clock.pass(100);
  assert.deepEqual([wal.hasRoom, wal.isCramped], [true, false]);
});

test('[W15] a log that waits for room can be closed: what waits is told', async () => {
  const disk = new CrashDisk();
  const clock = new ManualClock();
  const wal = await mustOpen(disk, clock);
  disk.failNext = (kind) => (kind === 'write' ? 'noSpace' : undefined);
  const waiting = assert.rejects(
    appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'x') }]),
    /fails/,
  );
  await turn();
  const closing = wal.close();
  await clock.pass(250);
  await Promise.all([waiting, closing]);
});

test('a disk without room for a log refuses to begin one', async () => {
  const disk = new CrashDisk();
  disk.failNext = (kind) => (kind === 'write' ? 'noSpace' : undefined);
  const opened = await openWal(disk, new ManualClock());
  assert.equal(opened.kind === 'refused' && opened.reason, 'disk');
});

test('memory holds what its budget allows; the rest is read from disk, or waited for', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock(), { cacheBytesMax: 200 });
  const entries = entriesFrom(1, 1, ...Array.from({ length: 60 }, (_, i) => `entry ${i}`));
  wal.append([{ shard: 1, entries }], () => {});
  assert.ok(wal.stats().cachedBytes <= 200);
  // Not written yet, and no longer in memory.
  assert.equal(wal.shard(1).entries(1, 61, 100), 'pending');
  assert.deepEqual(await allEntries(wal, 1), entries);
  assert.ok(wal.stats().fetches > 0);
});

test('records of other shards in between are read along or around', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock(), { segmentBytes: 512 * 1024 });
  for (let index = 1; index <= 12; index++) {
    const noise = 'n'.repeat(index % 4 === 0 ? 50_000 : 100);
    await appendDurably(wal, [
      { shard: 1, entries: entriesFrom(index, 1, `e${index}`) },
      { shard: 2, entries: entriesFrom(index, 1, noise) },
    ]);
  }
  const before = await describeWal(wal);
  await wal.close();
  const again = await mustOpen(disk, new ManualClock(), { segmentBytes: 512 * 1024 });
  assert.equal(await describeWal(again), before);
});

test('a fetch that a purge or an overwrite overtakes brings nothing wrong', async () => {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  await appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'a', 'b', 'c', 'd') }]);
  wal.shard(1).cache.clear();
  const all = { low: 1, high: 5, bytesMax: 1_000 };
  const overwritten = wal.fetch(1, all);
  wal.append([{ shard: 1, entries: entriesFrom(3, 2, 'z') }], () => {});
  await overwritten;
  assert.deepEqual(await allEntries(wal, 1), [
    ...entriesFrom(1, 1, 'a', 'b'),
    ...entriesFrom(3, 2, 'z'),
  ]);
  wal.shard(1).cache.clear();
  const purged = wal.fetch(1, { ...all, high: 4 });
  wal.append([{ shard: 1, save: snapshotAt(3, 2) }], () => {});
  wal.purge(1, 3);
  assert.deepEqual(await purged, { kind: 'compacted' });
  assert.deepEqual(await allEntries(wal, 1), []);
});

test('[W7] a failed sync, a new process, then no power: what was told is kept', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const open = async (): Promise<Wal> => {
    const { clock, disk, random } = machine.alive ? machine.capabilities : machine.restart();
    const opened = await world.settle(Wal.open({ clock, disk, random, log: silentLog }, SMALL));
    assert.ok(opened.kind === 'opened');
    return opened.wal;
  };
  const wal = await open();
  await world.settle(appendDurably(wal, [{ shard: 1, entries: entriesFrom(1, 1, 'a') }]));
  machine.disk.failNext('syncError');
  wal.append([{ shard: 1, entries: entriesFrom(2, 1, 'b') }], () => {});
  await world.runFor(100);
  machine.kill();
  const told = (await open()).shard(1).lastIndex();
  machine.losePower(true);
  assert.equal((await open()).shard(1).lastIndex(), told);
  assert.equal(told, 2);
});

test('[W4, W7, W12] killed and without power, nothing promised is lost', async () => {
  let [torn, kept] = [0, 0];
  for (let seed = 1; seed <= 60; seed++) {
    const world = new World({ seed });
    const machine = world.machine('n1');
    let promised = 0;
    for (let life = 0; life < 4; life++) {
      const { clock, disk, random } = machine.alive ? machine.capabilities : machine.restart();
      const opened = await world.settle(Wal.open({ clock, disk, random, log: silentLog }, SMALL));
      if (opened.kind === 'refused') assert.fail(`seed ${seed}: ${opened.message}`);
      const { wal, report } = opened;
      if (report.tornBytes > 0) torn += 1;
      const log = wal.shard(1);
      assert.ok(log.lastIndex() >= promised, `seed ${seed}: ${log.lastIndex()} < ${promised}`);
      const entries = await world.settle(allEntries(wal, 1));
      for (const { index, payload } of entries) {
        assert.equal(Buffer.from(payload).toString(), `${index}`.padEnd(200, '.'));
        kept += 1;
      }
      const append = (): void => {
        const index = log.lastIndex() + 1;
        const payload = `${index}`.padEnd(200, '.');
        wal.append([{ shard: 1, entries: entriesFrom(index, 1, payload) }], (outcome) => {
          if (outcome === 'durable') promised = index;
        });
        if (index % 10 === 0) {
          wal.append([{ shard: 1, save: snapshotAt(index - 5, 1) }], () => {});
          wal.purge(1, index - 5);
        }
        clock.setTimer(random.unit(), append);
      };
      append();
      await world.runFor(10 + random.below(40));
      if (random.below(2) === 0) machine.kill();
      else machine.losePower();
    }
  }
  assert.ok(torn > 5 && kept > 1_000, `${torn} torn ends, ${kept} entries checked`);
});

/** What the log is after every crash that can fall while `change` is being written. */
async function crashesDuring(change: ShardChange): Promise<Set<string>> {
  const disk = new CrashDisk();
  const options = { batchBytesMax: 1 };
  const wal = await mustOpen(disk, new ManualClock(), options);
  const hardState = { term: 2, vote: 1, commit: 5 };
  const entries = entriesFrom(1, 2, '1', '2', '3', '4', '5', '6', '7', '8');
  await appendDurably(wal, [{ shard: 1, hardState, entries }]);
  const before = disk.calls;
  await appendDurably(wal, [change]);
  const seen = new Set<string>();
  for (const point of disk.crashPoints(before)) {
    const again = await mustOpen(disk.after(point), new ManualClock(), options);
    const log = again.shard(1);
    const { commit, term } = log.initialState().hardState;
    const kept: string[] = [];
    for (let index = log.firstIndex(); index <= log.lastIndex(); index++) {
      kept.push(`${index}:${log.term(index)}`);
    }
    seen.add(`${term}/${commit} ${kept.join(' ')}`);
    await again.close();
  }
  return seen;
}

test('[W21] a commit index is there only with the cut of what is replaced', async () => {
  const payloads = ["6'", "7'", "8'", "9'", "10'"];
  const entries = entriesFrom(6, 3, ...payloads);
  const hardState = { term: 3, vote: 0, commit: 10 };
  assert.deepEqual(
    await crashesDuring({ shard: 1, hardState, entries }),
    new Set([
      '2/5 1:2 2:2 3:2 4:2 5:2 6:2 7:2 8:2',
      '3/10 1:2 2:2 3:2 4:2 5:2',
      '3/10 1:2 2:2 3:2 4:2 5:2 6:3',
      '3/10 1:2 2:2 3:2 4:2 5:2 6:3 7:3',
      '3/10 1:2 2:2 3:2 4:2 5:2 6:3 7:3 8:3',
      '3/10 1:2 2:2 3:2 4:2 5:2 6:3 7:3 8:3 9:3',
      '3/10 1:2 2:2 3:2 4:2 5:2 6:3 7:3 8:3 9:3 10:3',
    ]),
  );
});

test('[W21] entries that are repeated are not cut off: they may be acknowledged', async () => {
  const entries = [...entriesFrom(7, 2, '7'), ...entriesFrom(8, 3, "8'")];
  const hardState = { term: 3, vote: 0, commit: 7 };
  assert.deepEqual(
    await crashesDuring({ shard: 1, hardState, entries }),
    new Set([
      '2/5 1:2 2:2 3:2 4:2 5:2 6:2 7:2 8:2',
      '3/7 1:2 2:2 3:2 4:2 5:2 6:2 7:2',
      '3/7 1:2 2:2 3:2 4:2 5:2 6:2 7:2 8:3',
    ]),
  );
});

test('[W21] a snapshot that replaces the log comes with its term and commit index', async () => {
  const install = snapshotAt(20, 3);
  const hardState = { term: 3, vote: 0, commit: 21 };
  const entries = entriesFrom(21, 3, '21');
  assert.deepEqual(
    await crashesDuring({ shard: 1, install, hardState, entries }),
    new Set(['2/5 1:2 2:2 3:2 4:2 5:2 6:2 7:2 8:2', '3/21 ', '3/21 21:3']),
  );
});

test('[W21] a change that brings nothing new leaves no empty batch', async () => {
  const wal = await mustOpen(new CrashDisk(), new ManualClock(), { batchBytesMax: 1 });
  const install = snapshotAt(4, 1);
  await appendDurably(wal, [{ shard: 1, install }]);
  const { batches } = wal.stats();
  await appendDurably(wal, [{ shard: 1, install }]);
  await appendDurably(wal, [{ shard: 1, install, entries: entriesFrom(5, 1, 'x') }]);
  assert.equal(wal.stats().batches, batches + 1);
});
