import assert from 'node:assert/strict';
import { type Disk, DiskError, type DiskErrorCode } from '../../src/base/capabilities.ts';
import { type MakeBench, rulesFor } from './contract.ts';

function failsWith(code: DiskErrorCode): (error: unknown) => boolean {
  return (error) => error instanceof DiskError && error.code === code;
}

export function diskContract(name: string, make: MakeBench<Disk>): void {
  const rule = rulesFor(name, make);

  rule('what is written can be read, also across its end', async ({ subject: disk, settle }) => {
    const file = await settle(disk.open('a.log', 'create'));
    await settle(file.write(0, Buffer.from('hello world')));
    await settle(file.write(6, Buffer.from('there')));
    assert.equal(await settle(file.size()), 11);
    const into = Buffer.alloc(20, '.');
    assert.equal(await settle(file.read(0, into)), 11);
    assert.equal(into.toString(), 'hello there.........');
    assert.equal(await settle(file.read(8, into.subarray(0, 3))), 3);
    assert.equal(into.subarray(0, 3).toString(), 'ere');
    assert.equal(await settle(file.read(11, into)), 0);
    await settle(file.close());
  });

  rule('a durable write, where there is one, is a write like others', async (bench) => {
    const { subject: disk, settle } = bench;
    const file = await settle(disk.open('durable', 'create'));
    await settle(file.write(0, Buffer.from('hello world')));
    if (file.writeDurably !== undefined) {
      await settle(file.writeDurably(6, Buffer.from('there')));
      const into = Buffer.alloc(11);
      assert.equal(await settle(file.read(0, into)), 11);
      assert.equal(into.toString(), 'hello there');
    }
    await settle(file.close());
    const late = file.writeDurably?.(0, Buffer.from('x'));
    if (late !== undefined) await assert.rejects(settle(late), failsWith('closed'));
  });

  rule('a gap reads as zeros', async ({ subject: disk, settle }) => {
    const file = await settle(disk.open('gap', 'create'));
    await settle(file.write(3, Buffer.from('x')));
    const into = Buffer.alloc(4, 1);
    assert.equal(await settle(file.read(0, into)), 4);
    assert.deepEqual([...into], [0, 0, 0, 120]);
    await settle(file.close());
  });

  rule('truncate cuts and extends, and what was cut does not come back', async (bench) => {
    const { subject: disk, settle } = bench;
    const file = await settle(disk.open('cut', 'create'));
    await settle(file.write(0, Buffer.from('abcdef')));
    await settle(file.truncate(2));
    await settle(file.truncate(4));
    const into = Buffer.alloc(6, '?');
    assert.equal(await settle(file.read(0, into)), 4);
    assert.deepEqual([...into.subarray(0, 4)], [97, 98, 0, 0]);
    await settle(file.sync());
    await settle(file.close());
  });

  rule('opening twice shows one file', async ({ subject: disk, settle }) => {
    const writer = await settle(disk.open('shared', 'create'));
    const reader = await settle(disk.open('shared', 'read'));
    await settle(writer.write(0, Buffer.from('now')));
    assert.equal(await settle(reader.size()), 3);
    const again = await settle(disk.open('shared', 'create'));
    assert.equal(await settle(again.size()), 3, 'create does not empty a file');
    for (const file of [writer, reader, again]) await settle(file.close());
  });

  rule('a missing file or directory is notFound', async ({ subject: disk, settle }) => {
    await assert.rejects(settle(disk.open('none', 'read')), failsWith('notFound'));
    await assert.rejects(settle(disk.open('none', 'readWrite')), failsWith('notFound'));
    await assert.rejects(settle(disk.open('no/dir', 'create')), failsWith('notFound'));
    await assert.rejects(settle(disk.remove('none')), failsWith('notFound'));
    await assert.rejects(settle(disk.rename('none', 'other')), failsWith('notFound'));
    await assert.rejects(settle(disk.syncDirectory('none')), failsWith('notFound'));
    assert.deepEqual(await settle(disk.list('none')), []);
  });

  rule('directories nest and list their entries in order', async ({ subject: disk, settle }) => {
    await settle(disk.makeDirectory('shards/7/wal'));
    await settle(disk.makeDirectory('shards/7'));
    for (const file of ['shards/7/b', 'shards/7/a', 'shards/7/wal/1']) {
      await settle((await settle(disk.open(file, 'create'))).close());
    }
    assert.deepEqual(await settle(disk.list('shards/7')), ['a', 'b', 'wal']);
    assert.deepEqual(await settle(disk.list('')), ['shards']);
    await settle(disk.syncDirectory('shards/7'));
    await settle(disk.syncDirectory(''));
  });

  rule('rename moves and replaces', async ({ subject: disk, settle }) => {
    for (const path of ['old', 'new']) {
      const file = await settle(disk.open(path, 'create'));
      await settle(file.write(0, Buffer.from(path)));
      await settle(file.close());
    }
    await settle(disk.rename('old', 'new'));
    assert.deepEqual(await settle(disk.list('')), ['new']);
    const file = await settle(disk.open('new', 'read'));
    const into = Buffer.alloc(3);
    await settle(file.read(0, into));
    assert.equal(into.toString(), 'old');
    await settle(file.close());
  });

  rule('remove takes files and empty directories only', async ({ subject: disk, settle }) => {
    await settle(disk.makeDirectory('d'));
    await settle((await settle(disk.open('d/f', 'create'))).close());
    await assert.rejects(settle(disk.remove('d')), failsWith('io'));
    await assert.rejects(settle(disk.remove('')), failsWith('badPath'));
    await settle(disk.remove('d/f'));
    await settle(disk.remove('d'));
    assert.deepEqual(await settle(disk.list('')), []);
  });

  rule('a path that leads outside is refused', async ({ subject: disk, settle }) => {
    const inside = await settle(disk.open('inside', 'create'));
    await settle(inside.close());
    for (const path of ['/etc/passwd', '../x', 'a/../../x', 'a//b', './a', 'a/', 'a\\b', 'a\0b']) {
      await assert.rejects(settle(disk.open(path, 'create')), failsWith('badPath'), path);
      await assert.rejects(settle(disk.rename('inside', path)), failsWith('badPath'), path);
      await assert.rejects(settle(disk.list(path)), failsWith('badPath'), path);
      await assert.rejects(settle(disk.makeDirectory(path)), failsWith('badPath'), path);
      await assert.rejects(settle(disk.lock(path)), failsWith('badPath'), path);
    }
  });

  rule('a closed file does nothing any more', async ({ subject: disk, settle }) => {
    const file = await settle(disk.open('closed', 'create'));
    await settle(file.close());
    await settle(file.close());
    await assert.rejects(settle(file.write(0, Buffer.from('x'))), failsWith('closed'));
    await assert.rejects(settle(file.sync()), failsWith('closed'));
    await assert.rejects(settle(file.size()), failsWith('closed'));
  });

  rule('a lock has one holder, until that one lets go of it', async ({ subject: disk, settle }) => {
    await settle(disk.makeDirectory('d'));
    const first = await settle(disk.lock('d/lock'));
    const other = await settle(disk.lock('d/other'));
    for (let i = 0; i < 2; i++) {
      await assert.rejects(settle(disk.lock('d/lock')), failsWith('held'), 'asking frees nothing');
    }
    await settle(first.release());
    const second = await settle(disk.lock('d/lock'));
    await settle(first.release());
    await assert.rejects(settle(disk.lock('d/lock')), failsWith('held'), 'it is not the first one');
    for (const lock of [second, other]) await settle(lock.release());
  });

  rule('of those who ask for a lock at once one gets it', async ({ subject: disk, settle }) => {
    const asked = Array.from({ length: 5 }, () => disk.lock('lock'));
    const answers = await settle(Promise.allSettled(asked));
    const got = answers.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
    assert.equal(got.length, 1);
    for (const lock of got) await settle(lock.release());
  });

  rule('there is room, and it is a number of bytes', async ({ subject: disk, settle }) => {
    const free = await settle(disk.freeBytes());
    assert.ok(Number.isFinite(free) && free > 1024);
  });
}
