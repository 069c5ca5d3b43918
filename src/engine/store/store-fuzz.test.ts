import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disk, DiskFile } from '../../base/capabilities.ts';
import { enumerateCrashes, enumerateSecondLives } from './store-crash.fuzz.ts';

test('[S7, S8] wherever the power fails, the store comes back as after some batch', async () => {
  const { ahead, fates } = await enumerateCrashes({ runs: 4_000, seed: 1 });
  assert.ok(ahead > 50, 'some images are there before anyone hears of them');
  for (const [fate, count] of Object.entries(fates)) assert.ok(count > 100, fate);
});

test('[S7] the crash points find out a disk that does not sync', async () => {
  const forgetful = (disk: Disk): Disk => ({
    ...passingOn(disk),
    open: async (path, mode): Promise<DiskFile> => {
      const file = await disk.open(path, mode);
      return { ...file, sync: async () => {} };
    },
  });
  const result = enumerateCrashes({ runs: 4_000, seed: 1, throughDisk: forgetful });
  await assert.rejects(result, /\[S[78]\]/);
});

test('[S7] the crash points find out a rename that is not synced', async () => {
  const forgetful = (disk: Disk): Disk => ({ ...passingOn(disk), syncDirectory: async () => {} });
  const result = enumerateCrashes({ runs: 4_000, seed: 1, throughDisk: forgetful });
  await assert.rejects(result, /\[S7\]/);
});

test('[S4] killed first, dark later: what the second process told is there', async () => {
  const { points } = await enumerateSecondLives({ kills: 300, seed: 1 });
  assert.ok(points > 1_000, `${points} power failures`);
});

test('[S4] second lives find out a name that is only synced by who made it', async () => {
  const forgetful = (disk: Disk): Disk => {
    let isOwn = false;
    return {
      ...passingOn(disk),
      rename: (from, to) => {
        isOwn = true;
        return disk.rename(from, to);
      },
      syncDirectory: async (directory) => {
        if (isOwn) await disk.syncDirectory(directory);
      },
    };
  };
  const result = enumerateSecondLives({ kills: 300, seed: 1, throughDisk: forgetful });
  await assert.rejects(result, /\[S7\]/);
});

function passingOn(disk: Disk): Disk {
  return {
    open: (path, mode) => disk.open(path, mode),
    list: (directory) => disk.list(directory),
    makeDirectory: (directory) => disk.makeDirectory(directory),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (directory) => disk.syncDirectory(directory),
    freeBytes: () => disk.freeBytes(),
    lock: (path) => disk.lock(path),
  };
}
