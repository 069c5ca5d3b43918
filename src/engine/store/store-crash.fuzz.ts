// Crash points of the memory store: made-up sequences of calls, and for each of them every moment
// at which the power can fail, with every fate of the write under way. What comes back must be the
// store as it was after some batch, and not before the one that was said to be durable.
//
//   node src/engine/store/store-crash.fuzz.ts --runs 100000 --seed 1
//   node src/engine/store/store-crash.fuzz.ts --kills 10000 --seed 1    killed first, dark later

import { parseArgs } from 'node:util';
import { CrashDisk, type CrashPoint } from '../../../test/support/wal-crash-disk.ts';
import { ManualClock, turn } from '../../../test/support/wal-scenario.ts';
import { assert } from '../../base/assert.ts';
import type { Disk } from '../../base/capabilities.ts';
import { Prng } from '../../base/prng.ts';
import { openMemoryStore, type Store, type StoreView } from './index.ts';

const STEPS = 30;
const SECOND_LIFE_STEPS = 8;
const KEYS = 24;
const FLUSH_DELAY_MS = 20;
/** So small that an image takes several writes. */
const PIECE_BYTES = 900;
/** Of the disks that a crash left, one in so many is crashed again. */
const AGAIN_EVERY = 400;

const decoder = new TextDecoder();

export interface CrashResult {
  readonly sequences: number;
  readonly points: number;
  /** Stores that came back with more than was promised: the image was there already. */
  readonly ahead: number;
  readonly fates: Record<string, number>;
}

export async function enumerateCrashes(options: {
  readonly runs: number;
  readonly seed: number;
  /** What stands between the store and its disk while a sequence is played. */
  readonly throughDisk?: (disk: Disk) => Disk;
}): Promise<CrashResult> {
  const throughDisk = options.throughDisk ?? ((disk: Disk): Disk => disk);
  const fates: Record<string, number> = { drop: 0, keep: 0, tear: 0 };
  const waiting: Sequence[] = [];
  let [sequences, points, ahead] = [0, 0, 0];
  while (points < options.runs) {
    const random = Prng.from(options.seed, `store crash ${sequences}`);
    const sequence = waiting.pop() ?? new Sequence(new CrashDisk(), '');
    await sequence.play(random, throughDisk(sequence.disk));
    for (const point of sequence.disk.crashPoints(0)) {
      if (points >= options.runs) break;
      const { disk, found, isAhead } = await sequence.check(point);
      if (points % AGAIN_EVERY === 0) waiting.push(new Sequence(disk, found));
      if (isAhead) ahead += 1;
      fates[point.fate.kind] = (fates[point.fate.kind] ?? 0) + 1;
      points += 1;
    }
    sequences += 1;
  }
  return { sequences, points, ahead, fates };
}

/**
 * Two lives: the process is killed at any call, and at some time of the next one the power fails.
 * What that one found it took for durable, and what it added is there once it was promised.
 */
export async function enumerateSecondLives(options: {
  readonly kills: number;
  readonly seed: number;
  /** What stands between the second process and the disk. */
  readonly throughDisk?: (disk: Disk) => Disk;
}): Promise<{ readonly points: number }> {
  const throughDisk = options.throughDisk ?? ((disk: Disk): Disk => disk);
  let [kills, points] = [0, 0];
  for (let sequences = 0; kills < options.kills; sequences++) {
    const random = Prng.from(options.seed, `store two lives ${sequences}`);
    const first = new Sequence(new CrashDisk(), '');
    await first.play(random, first.disk);
    for (let calls = 0; calls <= first.disk.calls && kills < options.kills; calls++) {
      const disk = first.disk.killedAfter(calls);
      const where = `killed after ${calls} calls of sequence ${sequences}`;
      const second = await Sequence.goOn(disk, throughDisk(disk), where);
      const opened = disk.calls;
      await second.play(random, throughDisk(disk), SECOND_LIFE_STEPS);
      for (let dark = opened; dark <= disk.calls; dark++) {
        await second.check({ calls: dark, fate: { kind: 'keep' }, keepsUnsynced: false });
        points += 1;
      }
      kills += 1;
    }
  }
  return { points };
}

/** What the store must hold after each batch, and when it was promised. */
class Sequence {
  readonly disk: CrashDisk;
  readonly #clock = new ManualClock();
  readonly #states: string[];
  /** Pairs: calls of the disk so far, batches committed or promised by then. */
  readonly #committed: [number, number][] = [];
  readonly #promised: [number, number][] = [];
  #serial = 0;

  /** `found` is what the disk holds. */
  constructor(disk: CrashDisk, found: string) {
    this.disk = disk;
    this.#states = [found];
  }

  /** What a process finds that comes after one that was killed. */
  static async goOn(disk: CrashDisk, through: Disk, where: string): Promise<Sequence> {
    const store = await openOn(through, new ManualClock(), () => {}, where);
    const found = describe(store);
    await store.close();
    return new Sequence(disk, found);
  }

  async play(random: Prng, through: Disk, steps: number = STEPS): Promise<void> {
    let store = await this.#open(through);
    for (let step = 0; step < steps; step++) {
      const what = random.below(12);
      if (what === 0) {
        await store.close();
        store = await this.#open(through);
      } else if (what === 1) await this.#clock.pass(FLUSH_DELAY_MS);
      else if (what === 2) void store.flush();
      else this.#change(store, random, what === 3);
      // Otherwise the next step happens in the midst of a flush.
      if (random.below(2) > 0) await turn();
      else for (let i = random.below(8); i > 0; i--) await Promise.resolve();
    }
    await store.close();
  }

  async check(point: CrashPoint): Promise<{ disk: CrashDisk; found: string; isAhead: boolean }> {
    const disk = this.disk.after(point);
    const where = JSON.stringify(point);
    const store = await openOn(disk, new ManualClock(), () => {}, where);
    const found = describe(store);
    await store.close();
    const from = countAt(this.#promised, point.calls);
    const to = countAt(this.#committed, point.calls);
    const at = this.#states.indexOf(found, from);
    assert(
      at >= from && at <= to,
      `[S7] after ${where} the store is as after one of the batches ${from} to ${to}, not ${found}`,
    );
    return { disk: new CrashDisk(disk.files()), found, isAhead: at > from };
  }

  async #open(through: Disk): Promise<Store> {
    const before = this.#states.length - 1;
    return openOn(
      through,
      this.#clock,
      (batch) => this.#promised.push([this.disk.calls, before + batch]),
      'closing',
    );
  }

  #change(store: Store, random: Prng, takesBack: boolean): void {
    for (let i = random.below(5); i >= 0; i--) {
      const key = Buffer.from(`key ${random.below(KEYS)}`);
      if (random.below(3) === 0) store.delete(key);
      else {
        const size = random.below(4) === 0 ? 700 : random.below(80);
        store.put(key, Buffer.from(`${++this.#serial}${'.'.repeat(size)}`));
      }
    }
    if (takesBack) {
      store.rollback();
      return;
    }
    store.commit();
    this.#states.push(describe(store));
    this.#committed.push([this.disk.calls, this.#states.length - 1]);
  }
}

async function openOn(
  disk: Disk,
  clock: ManualClock,
  onDurable: (batch: number) => void,
  where: string,
): Promise<Store> {
  const opening = await openMemoryStore(
    { disk, clock, directory: 'store', flushDelayMs: FLUSH_DELAY_MS, pieceBytes: PIECE_BYTES },
    { onDurable, onFailure: (reason) => assert(false, `the disk is sound: ${reason}`) },
  );
  const why = opening.kind === 'refused' ? opening.message : '';
  assert(opening.kind === 'opened', `[S8] a crash is no damage: ${where} ${why}`);
  return opening.store;
}

function describe(view: StoreView): string {
  const all = [...view.range(new Uint8Array(0), undefined)];
  return all.map(({ key, value }) => `${decoder.decode(key)}=${decoder.decode(value)}`).join('\n');
}

/** The highest count noted by the time of `calls`. */
function countAt(notes: readonly [number, number][], calls: number): number {
  let count = 0;
  for (const [at, batches] of notes) if (at <= calls) count = Math.max(count, batches);
  return count;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      kills: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [runs, kills, seed] = [Number(values.runs), Number(values.kills), Number(values.seed)];
  if (kills > 0) {
    const { points } = await enumerateSecondLives({ kills, seed });
    process.stdout.write(`${kills} kills, ${points} power failures after them\n`);
    return;
  }
  const { sequences, points, ahead, fates } = await enumerateCrashes({ runs, seed });
  process.stdout.write(
    `${sequences} sequences, ${points} crashes (${fates['drop']} dropped, ${fates['keep']} kept, ` +
      `${fates['tear']} torn writes), ${ahead} stores ahead of their promise\n`,
  );
  assert(runs < 1_000 || ahead > runs / 100, 'the run was not vacuous');
}

if (import.meta.main) await main();
