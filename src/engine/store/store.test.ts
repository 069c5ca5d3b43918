// Every store keeps the contract of stores.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Machine, World } from '../../../sim/index.ts';
import { realBench, simulatedBench } from '../../../test/contracts/benches.ts';
import type { Bench } from '../../../test/contracts/contract.ts';
import { type CrashKind, type StoreKeeper, storeContract } from '../../../test/contracts/store.ts';
import { storeModel } from '../../../test/contracts/store-model.ts';
import { SystemClock } from '../clock/index.ts';
import { SystemDisk } from '../disk/index.ts';
import { openLmdbStore, openMemoryStore } from './index.ts';

/** A table of recent writes goes to LMDB after a few pairs. */
const SMALL_TABLES = { tableBytesMax: 500, flushDelayMs: 1 };

let seed = 0;

function inMemory(): Promise<Bench<StoreKeeper>> {
  return onRealDisk((path) => {
    const disk = new SystemDisk(path);
    const clock = new SystemClock();
    const options = { disk, clock, directory: 'store', flushDelayMs: 10 };
    return { open: (events) => openMemoryStore(options, events) };
  });
}

function inLmdb(sizes: { tableBytesMax?: number; flushDelayMs?: number } = {}) {
  return onRealDisk((path) => {
    const clock = new SystemClock();
    const options = { path: join(path, 'store'), clock, flushDelayMs: 10, ...sizes };
    return { open: async (events) => openLmdbStore(options, events) };
  });
}

async function onRealDisk(keeperAt: (path: string) => StoreKeeper): Promise<Bench<StoreKeeper>> {
  const path = await mkdtemp(join(tmpdir(), 'parley-store-'));
  return realBench(keeperAt(path), () => rm(path, { recursive: true }));
}

async function simulated(): Promise<Bench<StoreKeeper>> {
  seed += 1;
  const world = new World({ seed });
  const machine = world.machine('n1');
  const keeper: StoreKeeper = {
    open: (events) => {
      const { clock, disk } = machine.capabilities;
      return openMemoryStore({ disk, clock, directory: 'store' }, events);
    },
    crash: (how) => crash(machine, how),
  };
  return simulatedBench(keeper, world);
}

function crash(machine: Machine, how: CrashKind): void {
  if (how === 'kill') machine.kill();
  else machine.losePower(how === 'powerLossKeepingNothing');
  machine.restart();
}

storeContract('memory store', inMemory);
storeContract('LMDB store', inLmdb);
storeContract('simulated memory store', simulated);

storeModel('memory store', inMemory, 20);
storeModel('LMDB store', inLmdb, 15);
storeModel('LMDB store with small tables', () => inLmdb(SMALL_TABLES), 15);
storeModel('simulated memory store', simulated, 150);
