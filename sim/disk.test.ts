// What a power failure takes and what it leaves, over many seeds: each allowed outcome must occur,
// and no other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Disk, DiskError } from '../src/base/capabilities.ts';
import type { Machine } from './machine.ts';
import { World } from './world.ts';

/** Runs `script` on the disk of a fresh machine, fails the power, and answers what `look` sees. */
async function afterPowerLoss<Seen>(
  seed: number,
  script: (disk: Disk, machine: Machine) => Promise<void>,
  look: (disk: Disk) => Promise<Seen>,
): Promise<Seen> {
  const world = new World({ seed });
  const machine = world.machine('n1');
  await world.settle(script(machine.capabilities.disk, machine));
  machine.losePower();
  return world.settle(look(machine.restart().disk));
}

async function write(disk: Disk, path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(path, 'create');
  await file.write(offset, bytes);
  await file.close();
}

async function sync(disk: Disk, path: string): Promise<void> {
  const file = await disk.open(path, 'readWrite');
  await file.sync();
  await file.close();
}

async function contents(disk: Disk, path: string): Promise<Buffer> {
  const file = await disk.open(path, 'read');
  const bytes = Buffer.alloc(await file.size());
  await file.read(0, bytes);
  return bytes;
}

/** The distinct outcomes over `count` seeds. */
async function outcomes(count: number, run: (seed: number) => Promise<string>): Promise<string[]> {
  const seen = new Set<string>();
  for (let seed = 1; seed <= count; seed++) seen.add(await run(seed));
  return [...seen].toSorted((a, b) => (a < b ? -1 : 1));
}

test('what was synced is there, whatever came after it', async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const bytes = await afterPowerLoss(
      seed,
      async (disk) => {
        await write(disk, 'f', 0, Buffer.alloc(1_000, 'a'));
        await sync(disk, 'f');
        await disk.syncDirectory('');
        await write(disk, 'f', 1_000, Buffer.alloc(1_000, 'b'));
      },
      (disk) => contents(disk, 'f'),
    );
    assert.equal(bytes.subarray(0, 1_000).toString(), 'a'.repeat(1_000));
    assert.match(bytes.subarray(1_000).toString(), /^[b\0]*$/);
  }
});

test('an unsynced write stays, goes, or is torn at sector boundaries', async () => {
  const seen = await outcomes(60, async (seed) => {
    const bytes = await afterPowerLoss(
      seed,
      async (disk) => {
        await write(disk, 'f', 0, Buffer.alloc(1_536, '.'));
        await sync(disk, 'f');
        await disk.syncDirectory('');
        await write(disk, 'f', 0, Buffer.alloc(1_536, '#'));
      },
      (disk) => contents(disk, 'f'),
    );
    const sectors = [0, 512, 1_024].map((at) => bytes.subarray(at, at + 512).toString());
    for (const sector of sectors) assert.equal(new Set(sector).size, 1, 'a sector is not torn');
    return sectors.map((sector) => sector[0]).join('');
  });
  assert.deepEqual(seen, ['###', '##.', '#.#', '#..', '.##', '.#.', '..#', '...']);
});

test('a file is there after its directory was synced, and perhaps before', async () => {
  const look = async (disk: Disk): Promise<string> => (await disk.list('')).join(' ') || 'nothing';
  const unsynced = await outcomes(30, (seed) =>
    afterPowerLoss(seed, (disk) => write(disk, 'f', 0, Buffer.from('x')), look),
  );
  assert.deepEqual(unsynced, ['f', 'nothing']);
  const synced = await outcomes(30, (seed) =>
    afterPowerLoss(
      seed,
      async (disk) => {
        await write(disk, 'f', 0, Buffer.from('x'));
        await disk.syncDirectory('');
      },
      look,
    ),
  );
  assert.deepEqual(synced, ['f']);
});

test('a rename is done or not done; syncing both directories settles it', async () => {
  const prepare = async (disk: Disk): Promise<void> => {
    await disk.makeDirectory('a');
    await disk.makeDirectory('b');
    await write(disk, 'a/f', 0, Buffer.from('new'));
    await sync(disk, 'a/f');
    await write(disk, 'b/f', 0, Buffer.from('old'));
    await sync(disk, 'b/f');
    for (const directory of ['a', 'b', '']) await disk.syncDirectory(directory);
    await disk.rename('a/f', 'b/f');
  };
  const look = async (disk: Disk): Promise<string> => {
    const left = (await disk.list('a')).length;
    return `${left} left, target ${(await contents(disk, 'b/f')).toString()}`;
  };
  const one = await outcomes(30, (seed) =>
    afterPowerLoss(
      seed,
      async (disk) => {
        await prepare(disk);
        await disk.syncDirectory('b');
      },
      look,
    ),
  );
  assert.deepEqual(one, ['0 left, target new', '1 left, target old']);
  const both = await outcomes(30, (seed) =>
    afterPowerLoss(
      seed,
      async (disk) => {
        await prepare(disk);
        await disk.syncDirectory('b');
        await disk.syncDirectory('a');
      },
      look,
    ),
  );
  assert.deepEqual(both, ['0 left, target new']);
});

test('a change that builds on another is not there without it', async () => {
  const seen = await outcomes(60, (seed) =>
    afterPowerLoss(
      seed,
      async (disk) => {
        await disk.makeDirectory('d');
        await write(disk, 'd/f', 0, Buffer.from('x'));
        await disk.rename('d/f', 'd/g');
      },
      async (disk) => `${(await disk.list('')).join()}: ${(await disk.list('d')).join()}`,
    ),
  );
  assert.deepEqual(seen, [': ', 'd: ', 'd: f', 'd: g']);
});

test('a sync covers what was written before it was asked for, also when overtaken', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const bytes = await afterPowerLoss(
      seed,
      async (disk) => {
        const file = await disk.open('f', 'create');
        await file.write(0, Buffer.from('A'));
        const first = file.sync();
        await file.write(1, Buffer.from('B'));
        const second = file.sync();
        await file.write(2, Buffer.from('C'));
        await Promise.all([first, second]);
        await disk.syncDirectory('');
      },
      (disk) => contents(disk, 'f'),
    );
    assert.match(bytes.toString(), /^AB[C\0]?$/);
  }
});

test('after a failed sync readers still see what the power failure then takes', async () => {
  const world = new World({ seed: 3 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  await world.settle(write(disk, 'f', 0, Buffer.from('lost')));
  await world.settle(disk.syncDirectory(''));
  machine.disk.rules({ syncErrorRate: 1 });
  await assert.rejects(
    world.settle(sync(disk, 'f')),
    (error) => error instanceof DiskError && error.code === 'io',
  );
  machine.disk.rules({ syncErrorRate: 0 });
  await world.settle(sync(disk, 'f'));
  assert.equal((await world.settle(contents(disk, 'f'))).toString(), 'lost');
  machine.losePower();
  assert.equal((await world.settle(contents(machine.restart().disk, 'f'))).length, 0);
});

test('a full disk refuses what does not fit and takes what does', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  machine.disk.rules({ capacityBytes: 100 });
  await world.settle(write(disk, 'f', 0, Buffer.alloc(90)));
  assert.equal(await world.settle(disk.freeBytes()), 10);
  await assert.rejects(
    world.settle(write(disk, 'g', 0, Buffer.alloc(11))),
    (error) => error instanceof DiskError && error.code === 'noSpace',
  );
  await world.settle(write(disk, 'f', 0, Buffer.alloc(90)));
  await world.settle(disk.remove('f'));
  await world.settle(write(disk, 'g', 0, Buffer.alloc(100)));
});

test('bits flip where they lie and on their way', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  await world.settle(write(disk, 'f', 0, Buffer.alloc(4)));
  machine.disk.flipBit('f', 2, 3);
  assert.deepEqual([...(await world.settle(contents(disk, 'f')))], [0, 0, 8, 0]);
  machine.disk.rules({ bitFlipRate: 1 });
  await world.settle(write(disk, 'g', 0, Buffer.alloc(4)));
  const flipped = await world.settle(contents(disk, 'g'));
  const ones = [...flipped].reduce(
    (sum, byte) => sum + byte.toString(2).replaceAll('0', '').length,
    0,
  );
  assert.equal(ones, 1);
});

test('a slow disk takes its time', async () => {
  const world = new World({ seed: 1 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  const took = async (): Promise<number> => {
    const began = world.nowMs;
    for (let i = 0; i < 20; i++) await world.settle(write(disk, 'f', 0, Buffer.alloc(4)));
    return world.nowMs - began;
  };
  const usual = await took();
  machine.disk.rules({ slowFactor: 100 });
  assert.ok((await took()) > usual * 30);
});

test('a misdirected write is answered, and lands in another block than its own', async () => {
  const world = new World({ seed: 5 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  await world.settle(write(disk, 'f', 0, Buffer.alloc(4_096, '.')));
  machine.disk.failNext('misdirect');
  await world.settle(write(disk, 'f', 2_048, Buffer.alloc(512, '#')));
  const text = (await world.settle(contents(disk, 'f'))).toString();
  assert.equal(text.length, 4_096);
  assert.equal(text.slice(2_048, 2_560), '.'.repeat(512));
  assert.equal(text.indexOf('#') % 512, 0);
  assert.equal(text.replaceAll('.', ''), '#'.repeat(512));
  assert.equal(world.faults.writeMisdirected, 1);
});

test('an ordered fault strikes one call of its kind, and the next one succeeds', async () => {
  const world = new World({ seed: 6 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  await world.settle(write(disk, 'f', 0, Buffer.from('here')));
  for (const [fault, call] of [
    ['readError', () => contents(disk, 'f')],
    ['writeError', () => write(disk, 'f', 0, Buffer.from('gone'))],
    ['syncError', () => sync(disk, 'f')],
  ] as const) {
    machine.disk.failNext(fault);
    assert.ok(machine.disk.isDue(fault));
    await assert.rejects(world.settle<unknown>(call()), DiskError);
    assert.ok(!machine.disk.isDue(fault));
    await world.settle<unknown>(call());
  }
});

test('rot finds only what was written long enough ago, and survives a power failure', async () => {
  const world = new World({ seed: 7 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  await world.settle(write(disk, 'f', 0, Buffer.alloc(64)));
  await world.settle(sync(disk, 'f'));
  await world.settle(disk.syncDirectory(''));
  assert.equal(machine.disk.rot(1_000), undefined);
  await world.runFor(1_001);
  assert.equal(machine.disk.rot(1_000), 'f');
  machine.losePower();
  const bytes = await world.settle(contents(machine.restart().disk, 'f'));
  assert.equal([...bytes].filter((byte) => byte !== 0).length, 1);
});

test('a power failure that keeps nothing leaves what was synced and no more', async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = new World({ seed });
    const machine = world.machine('n1');
    const { disk } = machine.capabilities;
    await world.settle(write(disk, 'f', 0, Buffer.from('old')));
    await world.settle(sync(disk, 'f'));
    await world.settle(disk.syncDirectory(''));
    await world.settle(write(disk, 'f', 0, Buffer.from('new')));
    await world.settle(write(disk, 'g', 0, Buffer.from('new')));
    machine.losePower(true);
    const after = machine.restart().disk;
    assert.equal((await world.settle(contents(after, 'f'))).toString(), 'old');
    assert.deepEqual(await world.settle(after.list('')), ['f']);
  }
});

test('a rename that fails has happened, or it has not', async () => {
  const seen = await outcomes(40, async (seed) => {
    const world = new World({ seed });
    const machine = world.machine('n1');
    const { disk } = machine.capabilities;
    await world.settle(write(disk, 'f', 0, Buffer.from('old')));
    machine.disk.setTrap({ call: 'rename', directory: '', spared: 0, strike: 'fail' });
    const failed = await world.settle(disk.rename('f', 'g').then(undefined, (error) => error));
    assert.ok(failed instanceof DiskError && failed.code === 'io');
    assert.equal(world.faults.nameFailed, 1);
    return (await world.settle(disk.list(''))).join();
  });
  assert.deepEqual(seen, ['f', 'g']);
});

test('a file whose closing fails is closed', async () => {
  const world = new World({ seed: 2 });
  const machine = world.machine('n1');
  const file = await world.settle(machine.capabilities.disk.open('f', 'create'));
  machine.disk.rules({ nameErrorRate: 1 });
  const isIo = (error: unknown): boolean => error instanceof DiskError && error.code === 'io';
  await assert.rejects(world.settle(file.close()), isIo);
  await assert.rejects(
    file.size(),
    (error) => error instanceof DiskError && error.code === 'closed',
  );
});

test('a trap waits for its call in its directory, and strikes before it', async () => {
  const world = new World({ seed: 3 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  const strike = (): void => machine.kill();
  machine.disk.setTrap({ call: 'syncDirectory', directory: 'a', spared: 1, strike });
  await world.settle(disk.makeDirectory('a'));
  await world.settle(disk.syncDirectory(''));
  await world.settle(disk.syncDirectory('a'));
  await world.settle(write(disk, 'a/f', 0, Buffer.from('new')));
  assert.ok(machine.alive);
  void disk.syncDirectory('a');
  await world.runFor(10);
  assert.ok(!machine.alive);
  // The next process finds the name; nobody has made it durable.
  assert.deepEqual(await world.settle(machine.restart().disk.list('a')), ['f']);
  machine.losePower(true);
  assert.deepEqual(await world.settle(machine.restart().disk.list('a')), []);
});

test('a trap ends a process between two syncs, or fails one write', async () => {
  const world = new World({ seed: 3 });
  const machine = world.machine('n1');
  const { disk } = machine.capabilities;
  await world.settle(disk.makeDirectory('a'));
  await world.settle(disk.syncDirectory(''));
  const file = await world.settle(disk.open('a/f', 'create'));
  await world.settle(disk.syncDirectory('a'));
  machine.disk.setTrap({ call: 'write', directory: 'a', spared: 0, strike: 'fail' });
  const failed = await world.settle(file.write(0, Buffer.from('x')).catch((error) => error));
  assert.ok(failed instanceof DiskError && failed.code === 'io');
  const strike = (): void => machine.losePower(true);
  machine.disk.setTrap({ call: 'sync', directory: 'a', spared: 1, strike });
  await world.settle(file.write(0, Buffer.from('one')));
  await world.settle(file.sync());
  await world.settle(file.write(0, Buffer.from('two')));
  assert.ok(machine.alive);
  void file.sync();
  await world.runFor(10);
  assert.ok(!machine.alive);
  const after = machine.restart().disk;
  assert.equal((await world.settle(contents(after, 'a/f'))).toString(), 'one');
});

test('a lock ends with the process that has it, however that ends', async () => {
  const world = new World({ seed: 9 });
  const machine = world.machine('n1');
  for (const end of ['kill', 'losePower', 'exit'] as const) {
    await world.settle(machine.capabilities.disk.lock('lock'));
    await assert.rejects(
      world.settle(machine.capabilities.disk.lock('lock')),
      (error) => error instanceof DiskError && error.code === 'held',
    );
    machine[end]();
    machine.restart();
  }
  assert.deepEqual(await world.settle(machine.capabilities.disk.list('')), []);
});

test('a wiped disk is empty', async () => {
  const world = new World({ seed: 8 });
  const machine = world.machine('n1');
  await world.settle(write(machine.capabilities.disk, 'f', 0, Buffer.from('old')));
  machine.kill();
  machine.disk.wipe();
  assert.deepEqual(await world.settle(machine.restart().disk.list('')), []);
});
