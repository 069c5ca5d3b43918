// Every store keeps the contract of stores.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { World } from '../../../sim/index.ts';
import { realBench, simulatedBench } from '../../../test/contracts/benches.ts';
import { type StoreKeeper, storeContract } from '../../../test/contracts/store.ts';
import { SystemClock } from '../clock/index.ts';
import { SystemDisk } from '../disk/index.ts';
import { openLmdbStore, openMemoryStore } from './index.ts';

async function onRealDisk(keeperAt: (path: string) => StoreKeeper) {
  const path = await mkdtemp(join(tmpdir(), 'parley-store-'));
  return realBench(keeperAt(path), () => rm(path, { recursive: true }));
}

storeContract('memory store', () =>
  onRealDisk((path) => {
    const disk = new SystemDisk(path);
    const clock = new SystemClock();
    const options = { disk, clock, directory: 'store', flushDelayMs: 10 };
    return { open: (events) => openMemoryStore(options, events) };
  }),
);

storeContract('LMDB store', () =>
  onRealDisk((path) => {
    const options = { path: join(path, 'store'), clock: new SystemClock(), flushDelayMs: 10 };
    return { open: async (events) => openLmdbStore(options, events) };
  }),
);

let seed = 0;

storeContract('simulated memory store', async () => {
  seed += 1;
  const world = new World({ seed });
  const { clock, disk } = world.member('n1').capabilities;
  const options = { disk, clock, directory: 'store' };
  return simulatedBench({ open: (events) => openMemoryStore(options, events) }, world);
});
