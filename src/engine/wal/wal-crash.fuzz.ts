// Crash points: made-up sequences of calls, and for each of them every moment at which the power
// can fail, with every fate of the write under way. What comes back must be what was said to be
// durable, plus perhaps something that was asked for and not answered.
//
//   node src/engine/wal/wal-crash.fuzz.ts --runs 100000 --seed 1
//   node src/engine/wal/wal-crash.fuzz.ts --kills 10000 --seed 1    kill first, power failure later

import { parseArgs } from 'node:util';
import { CrashDisk, type CrashPoint } from '../../../test/support/wal-crash-disk.ts';
import {
  appendDurably,
  describeWal,
  entriesFrom,
  ManualClock,
  openWal,
  snapshotAt,
  turn,
  WalModel,
} from '../../../test/support/wal-scenario.ts';
import { assert, must } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';
import type { Entry } from '../../core/raft/index.ts';
import { FIRST_BATCH_OFFSET } from './format.ts';
import type { ShardChange, Wal } from './index.ts';

const SHARDS = 3;
const STEPS = 36;
/** So small that segments fill up and go within a sequence. */
const TINY = { segmentBytes: FIRST_BATCH_OFFSET + 1_536, batchBytesMax: 1_024 };
/** The payload that a recovered log must still be able to take. */
const AFTERWARDS = 99;
/** More than two segments take. */
const SECOND_LIFE_ENTRIES = 7;

export interface CrashResult {
  readonly sequences: number;
  readonly points: number;
  readonly torn: number;
  /** Segments that were removed in the sequences. */
  readonly removed: number;
  readonly fates: Record<string, number>;
}

export async function enumerateCrashes(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<CrashResult> {
  const fates: Record<string, number> = { drop: 0, keep: 0, tear: 0 };
  let [sequences, points, torn, removed] = [0, 0, 0, 0];
  while (points < options.runs) {
    const sequence = new Sequence(Prng.from(options.seed, `crash ${sequences}`));
    removed += await sequence.play();
    for (const point of sequence.disk.crashPoints(0)) {
      if (points >= options.runs) break;
      const tornBytes = await sequence.check(point, points % 5 === 0);
      if (tornBytes > 0) torn += 1;
      fates[point.fate.kind] = (fates[point.fate.kind] ?? 0) + 1;
      points += 1;
    }
    sequences += 1;
  }
  return { sequences, points, torn, removed, fates };
}

/**
 * Two lives: the process is killed at any call, the next one takes entries, and at some answer of
 * its own the power fails. It must have made durable whatever it found and built upon.
 */
export async function enumerateSecondLives(options: {
  readonly kills: number;
  readonly seed: number;
}): Promise<{ readonly points: number }> {
  let [kills, points] = [0, 0];
  for (let sequences = 0; kills < options.kills; sequences++) {
    const sequence = new Sequence(Prng.from(options.seed, `two lives ${sequences}`));
    await sequence.play();
    for (let calls = 0; calls <= sequence.disk.calls && kills < options.kills; calls++) {
      const life = new SecondLife(sequence.disk.killedAfter(calls));
      await life.live();
      points += await life.check(`killed after ${calls} calls of sequence ${sequences}`);
      kills += 1;
    }
  }
  return { points };
}

class SecondLife {
  readonly #disk: CrashDisk;
  /** What the killed process left; the new one told peers of it. */
  #found = '';
  /** By entries that were promised: calls of the disk so far. */
  readonly #promised: number[] = [];

  constructor(disk: CrashDisk) {
    this.#disk = disk;
  }

  async live(): Promise<void> {
    const opened = await openWal(this.#disk, new ManualClock(), TINY);
    assert(opened.kind === 'opened', `[W6] a kill is no damage: ${text(opened)}`);
    const { wal } = opened;
    this.#found = await describeWal(wal);
    this.#promised.push(this.#disk.calls);
    const { segments } = wal.stats();
    for (let index = 1; index <= SECOND_LIFE_ENTRIES; index++) {
      const entries = entriesFrom(index, 9, `again${'.'.repeat(350)}`);
      await appendDurably(wal, [{ shard: AFTERWARDS, entries }]);
      this.#promised.push(this.#disk.calls);
    }
    assert(wal.stats().segments > segments, 'it goes on into what the first life prepared');
    await wal.close();
  }

  /** The number of points at which the power failed. */
  async check(where: string): Promise<number> {
    for (const [entries, calls] of this.#promised.entries()) {
      const point = { calls, fate: { kind: 'keep' }, keepsUnsynced: false } as const;
      const opened = await openWal(this.#disk.after(point), new ManualClock(), TINY);
      assert(opened.kind === 'opened', `[W6] ${where}, then dark at ${calls}: ${text(opened)}`);
      const seen = await describeWal(opened.wal);
      const isThere = opened.wal.shard(AFTERWARDS).lastIndex() >= entries;
      const why = `[W7] ${where}, then dark at ${calls}: ${entries} entries promised`;
      assert(isThere && seen.startsWith(this.#found), `${why} after\n${this.#found}\nnot\n${seen}`);
      await opened.wal.close();
    }
    return this.#promised.length;
  }
}

/** What the log must hold after each record, and when it was promised. */
class Sequence {
  readonly disk = new CrashDisk();
  readonly #random: Prng;
  readonly #clock = new ManualClock();
  readonly #model = new WalModel();
  /** The model after each record, the empty one first. */
  readonly #states = [''];
  /** Pairs: calls of the disk so far, states asked for or promised by then. */
  readonly #asked: [number, number][] = [];
  readonly #promised: [number, number][] = [];
  #serial = 0;

  constructor(random: Prng) {
    this.#random = random;
  }

  /** Answers how many segments were removed meanwhile. */
  async play(): Promise<number> {
    let wal = await this.#open();
    for (let step = 0; step < STEPS; step++) {
      const what = this.#random.below(16);
      if (what === 0) await this.#clock.pass(60);
      else if (what === 1) await wal.rewrite(this.#random.below(SHARDS));
      else if (what === 2) {
        await wal.close();
        wal = await this.#open();
      } else this.#change(wal, what);
      // Otherwise the next step gathers while this one is written.
      if (this.#random.below(3) > 0) await turn();
    }
    await turn();
    await wal.close();
    const oldest = [...this.disk.files().keys()].toSorted()[0] ?? '';
    return Number(/(\d+)\.wal/.exec(oldest)?.[1] ?? 1) - 1;
  }

  /** Bytes of the batch that the crash cut off. */
  async check(point: CrashPoint, goesOn: boolean): Promise<number> {
    const disk = this.disk.after(point);
    const opened = await openWal(disk, new ManualClock(), TINY);
    const where = JSON.stringify(point);
    assert(opened.kind === 'opened', `[W6] a crash is no damage: ${where} ${text(opened)}`);
    const found = await describeWal(opened.wal);
    const from = countAt(this.#promised, point.calls);
    const to = Math.max(from, countAt(this.#asked, point.calls));
    const allowed = this.#states.slice(from, to + 1);
    assert(
      allowed.includes(found),
      `[W4] after ${where} the log is one of\n${allowed.join('\n--\n')}\nand not\n${found}`,
    );
    if (goesOn) await this.#goOn(opened.wal, disk, found);
    await opened.wal.close();
    return opened.report.tornBytes;
  }

  /** A log that came back takes entries, and has them after the next start. */
  async #goOn(wal: Wal, disk: CrashDisk, found: string): Promise<void> {
    const log = wal.shard(AFTERWARDS);
    const entries = entriesFrom(log.lastIndex() + 1, 9, 'again');
    await appendDurably(wal, [{ shard: AFTERWARDS, entries }]);
    const again = await openWal(new CrashDisk(disk.files()), new ManualClock(), TINY);
    assert(again.kind === 'opened', `a log that went on opens: ${text(again)}`);
    const seen = await describeWal(again.wal);
    assert(seen.startsWith(found) && seen.endsWith('9:again'), `went on from ${found} to ${seen}`);
    await again.wal.close();
  }

  async #open(): Promise<Wal> {
    const opened = await openWal(this.disk, this.#clock, TINY);
    assert(opened.kind === 'opened', `a log that was closed opens: ${text(opened)}`);
    return opened.wal;
  }

  #change(wal: Wal, what: number): void {
    const shard = this.#random.below(SHARDS);
    this.#asked.push([this.disk.calls, this.#states.length - 1]);
    if (what < 9) this.#append(wal, shard);
    else if (what < 11) this.#vote(wal, shard);
    else if (what === 11) this.#install(wal, shard);
    else if (what < 15) this.#purge(wal, shard);
    else if (this.#random.below(3) > 0) this.#save(wal, shard);
    else this.#forget(wal, shard);
    const states = this.#states.length - 1;
    this.#asked.push([this.disk.calls + 1, states]);
    wal.append([], (outcome) => {
      if (outcome === 'durable') this.#promised.push([this.disk.calls, states]);
    });
  }

  #append(wal: Wal, shard: number): void {
    const log = this.#model.shard(shard);
    const overwrites = this.#random.below(4) === 0;
    // A little below the first index as well: late appends overlap a snapshot.
    const low = Math.max(1, log.firstIndex() - 2);
    const first = overwrites
      ? low + this.#random.below(log.lastIndex() - low + 2)
      : log.lastIndex() + 1;
    const entries: Entry[] = [];
    for (let i = 0; i <= this.#random.below(4); i++) {
      const size = this.#random.below(8) === 0 ? 600 : this.#random.below(60);
      const payload = `${++this.#serial}${'.'.repeat(size)}`;
      entries.push(must(entriesFrom(first + i, this.#term(shard), payload)[0], 'one'));
    }
    this.#send(wal, { shard, entries });
  }

  #vote(wal: Wal, shard: number): void {
    const { term } = this.#model.shard(shard).initialState().hardState;
    const vote = this.#random.below(4);
    const hardState = { term: term + this.#random.below(2), vote, commit: this.#serial };
    this.#send(wal, { shard, hardState });
  }

  #install(wal: Wal, shard: number): void {
    const index = this.#model.shard(shard).lastIndex() + this.#random.below(3);
    this.#send(wal, { shard, install: snapshotAt(index, this.#term(shard), `i${index}`) });
  }

  #save(wal: Wal, shard: number): number {
    const log = this.#model.shard(shard);
    const index = log.firstIndex() - 1 + this.#random.below(log.lastIndex() - log.firstIndex() + 2);
    const term = log.term(index);
    assert(typeof term === 'number', 'an index of the log has a term');
    this.#send(wal, { shard, save: snapshotAt(index, term, `s${index}`) });
    return index;
  }

  #purge(wal: Wal, shard: number): void {
    const log = this.#model.shard(shard);
    if (log.lastIndex() === 0) return;
    const index = this.#save(wal, shard);
    wal.purge(shard, index);
    log.compact(index);
    this.#note();
  }

  #forget(wal: Wal, shard: number): void {
    wal.forget(shard);
    this.#model.shards.delete(shard);
    this.#note();
  }

  /** To the log as one change, to the model record by record. */
  #send(wal: Wal, change: ShardChange): void {
    wal.append([change], () => {});
    const log = this.#model.shard(change.shard);
    if (change.install !== undefined) log.applySnapshot(change.install);
    if (change.save !== undefined) log.saveSnapshot(change.save);
    if (change.hardState !== undefined) log.setHardState(change.hardState);
    if (change.entries === undefined) this.#note();
    for (const entry of change.entries ?? []) {
      log.append([entry]);
      this.#note();
    }
  }

  #term(shard: number): number {
    const log = this.#model.shard(shard);
    return Math.max(1, Number(log.term(log.lastIndex()))) + (this.#random.below(5) === 0 ? 1 : 0);
  }

  #note(): void {
    this.#states.push(this.#model.describe());
  }
}

/** The highest count noted by the time of `calls`. */
function countAt(notes: readonly [number, number][], calls: number): number {
  let count = 0;
  for (const [at, states] of notes) if (at <= calls) count = Math.max(count, states);
  return count;
}

function text(value: unknown): string {
  return typeof value === 'object' && value !== null && 'message' in value
    ? String(value.message)
    : '';
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
  const { sequences, points, torn, removed, fates } = await enumerateCrashes({ runs, seed });
  process.stdout.write(
    `${sequences} sequences, ${points} crashes (${fates['drop']} dropped, ${fates['keep']} kept, ` +
      `${fates['tear']} torn writes), ${torn} logs with a torn tail, ` +
      `${removed} segments removed\n`,
  );
  assert(runs < 1_000 || torn > runs / 100, 'the run was not vacuous');
}

if (import.meta.main) await main();
