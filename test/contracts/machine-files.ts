// What a shard and a machine with files owe each other: rules M14 to M17 of src/core/SPEC.md. The
// power fails at every call of the disk, with every fate of the write under way.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Prng } from '../../src/base/prng.ts';
import { type FileMachine, firstEdition, type MachineCommand } from '../../src/core/machine.ts';
import type { FileAnswer, FileSnapshot } from '../support/file-keeper.ts';
import { CrashDisk } from '../support/wal-crash-disk.ts';

/** The shard's part: see `FileKeeper` for what each of them must do. */
export interface FileShard {
  readonly applied: number;
  readonly durable: number;
  apply(commands: readonly MachineCommand[]): Uint8Array[];
  flush(): Promise<void>;
  /** Of every file on the disk: its size there, and what the state counts. */
  sizes(): Promise<readonly { readonly size: number; readonly length: number | undefined }[]>;
  /** Asks the machine, and holds the extents of its answer. */
  ask(body: Uint8Array): FileAnswer;
  snapshot(): Promise<FileSnapshot>;
  restore(snapshot: FileSnapshot): Promise<void>;
}

export interface FilesSubject {
  readonly machine: FileMachine;
  open(disk: CrashDisk): Promise<FileShard>;
  /** A command, by the number of its place in a run. */
  command(random: Prng, place: number): Uint8Array;
  /** A question whose answer is all that the machine keeps in files. */
  readonly all: Uint8Array;
}

const COMMANDS = 14;
const RUNS = 6;

class Run {
  readonly commands: MachineCommand[];
  /** All that the files hold after each index, as a shard without a crash says. */
  readonly expected: string[] = [''];
  readonly #subject: FilesSubject;

  constructor(subject: FilesSubject, random: Prng) {
    this.#subject = subject;
    const edition = firstEdition(subject.machine);
    this.commands = Array.from({ length: COMMANDS }, (_, i) => {
      return { index: i + 1, ordinal: i + 1, timeMs: i, edition, body: subject.command(random, i) };
    });
  }

  async look(shard: FileShard): Promise<string> {
    return Buffer.from(await shard.ask(this.#subject.all).read()).toString('latin1');
  }

  /** Tells what is there after each command. */
  async play(): Promise<void> {
    const shard = await this.#subject.open(new CrashDisk());
    this.expected[0] = await this.look(shard);
    for (const command of this.commands) {
      shard.apply([command]);
      this.expected.push(await this.look(shard));
    }
  }
}

/** Plays all of a run, and says how far it was promised to be durable after how many calls. */
async function playOn(disk: CrashDisk, subject: FilesSubject, run: Run, random: Prng) {
  const promises = [{ calls: 0, durable: 0 }];
  const shard = await subject.open(disk);
  for (let at = shard.applied; at < run.commands.length; ) {
    const to = Math.min(run.commands.length, at + 1 + random.below(3));
    shard.apply(run.commands.slice(at, to));
    at = to;
    if (random.below(3) === 0) await shard.flush();
    promises.push({ calls: disk.calls, durable: shard.durable });
  }
  await shard.flush();
  promises.push({ calls: disk.calls, durable: shard.durable });
  return { promises, shard };
}

export function fileMachineContract(name: string, subject: FilesSubject): void {
  crashRules(name, subject);
  holdRules(name, subject);
}

function crashRules(name: string, subject: FilesSubject): void {
  test(`${name}: [M15] store and files agree after a power failure at any moment`, async () => {
    const ahead = { store: 0, points: 0 };
    for (let seed = 1; seed <= RUNS; seed++) {
      const random = Prng.from(seed, 'files');
      const run = new Run(subject, random);
      await run.play();
      const disk = new CrashDisk();
      const { promises } = await playOn(disk, subject, run, random);
      for (const point of disk.crashPoints(0)) {
        ahead.points += 1;
        const promised = promises.findLast(({ calls }) => calls <= point.calls)?.durable ?? 0;
        const left = disk.after(point);
        const shard = await subject.open(left);
        const where = `seed ${seed} ${JSON.stringify(point)}`;
        assert.ok(shard.applied >= promised, `${where}: ${promised} was durable`);
        if (shard.applied > promised) ahead.store += 1;
        for (const { length, size } of await shard.sizes()) assert.equal(size, length, where);
        assert.equal(await run.look(shard), run.expected[shard.applied], where);
        shard.apply(run.commands.slice(shard.applied));
        await shard.flush();
        assert.equal(await run.look(shard), run.expected[COMMANDS], `${where}, replayed`);
        const again = await subject.open(new CrashDisk(left.files()));
        assert.equal(await run.look(again), run.expected[COMMANDS], `${where}, reopened`);
      }
    }
    assert.ok(ahead.points > 500 && ahead.store > 0, JSON.stringify(ahead));
  });
}

function holdRules(name: string, subject: FilesSubject): void {
  test(`${name}: [M16] an answer is what it was when the machine gave it`, async () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const run = new Run(subject, Prng.from(seed, 'files'));
      await run.play();
      const shard = await subject.open(new CrashDisk());
      const answers: FileAnswer[] = [shard.ask(subject.all)];
      for (const command of run.commands) {
        shard.apply([command]);
        answers.push(shard.ask(subject.all));
        if (command.index % 3 === 0) await shard.flush();
      }
      await shard.flush();
      for (const [index, answer] of answers.entries()) {
        const text = Buffer.from(await answer.read()).toString('latin1');
        assert.equal(text, run.expected[index], `seed ${seed}, after ${index}`);
      }
    }
  });

  test(`${name}: [M17] a snapshot is of one batch, whatever goes on meanwhile`, async () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const run = new Run(subject, Prng.from(seed, 'files'));
      await run.play();
      const shard = await subject.open(new CrashDisk());
      const snapshots: FileSnapshot[] = [];
      for (const command of run.commands) {
        shard.apply([command]);
        if (command.index % 2 === 0) snapshots.push(await shard.snapshot());
        if (command.index % 3 === 0) await shard.flush();
      }
      await shard.flush();
      for (const snapshot of snapshots) {
        const other = await subject.open(new CrashDisk());
        await other.restore(snapshot);
        snapshot.close();
        assert.equal(other.applied, snapshot.index);
        assert.equal(await run.look(other), run.expected[snapshot.index], `seed ${seed}`);
        other.apply(run.commands.slice(snapshot.index));
        assert.equal(await run.look(other), run.expected[COMMANDS], `seed ${seed}, gone on`);
      }
    }
  });
}
