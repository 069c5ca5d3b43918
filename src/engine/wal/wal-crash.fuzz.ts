// Crash points: made-up sequences of changes as Readys make them, and for each of them every moment
// at which the power can fail, with every fate of the write under way. What comes back must be what
// was said to be durable, plus perhaps some steps of what was asked for and not answered: as many
// as the contract of test/contracts/log-crash.ts allows, which the simulation of Raft goes by. And
// whatever the contract says: entries up to the commit index are those that a leader committed.
//
//   node src/engine/wal/wal-crash.fuzz.ts --runs 100000 --seed 1
//   node src/engine/wal/wal-crash.fuzz.ts --kills 10000 --seed 1    kill first, power failure later

import { parseArgs } from 'node:util';
import { changeInSteps } from '../../../test/contracts/log-crash.ts';
import { CrashDisk, type CrashPoint } from '../../../test/support/wal-crash-disk.ts';
import {
  allEntries,
  appendDurably,
  describeWal,
  entriesFrom,
  ManualClock,
  modelEntries,
  openWal,
  snapshotAt,
  turn,
  WalModel,
} from '../../../test/support/wal-scenario.ts';
import { assert, must } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';
import type { Entry, MemoryLog } from '../../core/raft/index.ts';
import { FIRST_BATCH_OFFSET } from './format.ts';
import type { ShardChange, Wal, WalOptions } from './index.ts';

const SHARDS = 3;
const STEPS = 36;
/** So small that segments fill up and go within a sequence, and that changes straddle batches. */
const SEGMENT_BYTES = [FIRST_BATCH_OFFSET + 800, FIRST_BATCH_OFFSET + 1_536];
const BATCH_BYTES = [1, 64, 1_024];
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
  /** Logs that came back with a commit index beyond their last entry. */
  readonly ahead: number;
  readonly fates: Record<string, number>;
}

export async function enumerateCrashes(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<CrashResult> {
  const fates: Record<string, number> = { drop: 0, keep: 0, tear: 0 };
  let [sequences, points, torn, removed, ahead] = [0, 0, 0, 0, 0];
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
    ahead += sequence.ahead;
    sequences += 1;
  }
  return { sequences, points, torn, removed, ahead, fates };
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
      const life = new SecondLife(sequence.disk.killedAfter(calls), sequence.sizes);
      await life.live();
      points += await life.check(`killed after ${calls} calls of sequence ${sequences}`);
      kills += 1;
    }
  }
  return { points };
}

type Sizes = Pick<WalOptions, 'batchBytesMax' | 'segmentBytes'>;

class SecondLife {
  readonly #disk: CrashDisk;
  readonly #sizes: Sizes;
  /** What the killed process left; the new one told peers of it. */
  #found = '';
  /** By entries that were promised: calls of the disk so far. */
  readonly #promised: number[] = [];

  constructor(disk: CrashDisk, sizes: Sizes) {
    this.#disk = disk;
    this.#sizes = sizes;
  }

  async live(): Promise<void> {
    const opened = await openWal(this.#disk, new ManualClock(), this.#sizes);
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
      const opened = await openWal(this.#disk.after(point), new ManualClock(), this.#sizes);
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

/** What the log must hold after each step, and when it was promised. */
class Sequence {
  readonly disk = new CrashDisk();
  readonly sizes: Sizes;
  ahead = 0;
  readonly #random: Prng;
  readonly #clock = new ManualClock();
  readonly #model = new WalModel();
  /** By shard and index, what was committed there; a shard that left may begin once more. */
  readonly #committed = new Map<string, Set<string>>();
  /** The model after each step, the empty one first. */
  readonly #states = [''];
  /** Pairs: calls of the disk so far, states asked for or promised by then. */
  readonly #asked: [number, number][] = [];
  readonly #promised: [number, number][] = [];
  #serial = 0;

  constructor(random: Prng) {
    this.#random = random;
    this.sizes = {
      segmentBytes: this.#oneOf(SEGMENT_BYTES),
      batchBytesMax: this.#oneOf(BATCH_BYTES),
    };
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
    const opened = await openWal(disk, new ManualClock(), this.sizes);
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
    await this.#checkCommitted(opened.wal, where);
    if (goesOn) await this.#goOn(opened.wal, disk, found);
    await opened.wal.close();
    return opened.report.tornBytes;
  }

  /** Nothing that a replica would apply at its start was ever replaced by a leader. */
  async #checkCommitted(wal: Wal, where: string): Promise<void> {
    for (const shard of wal.shardIds()) {
      const log = wal.shard(shard);
      const { commit } = log.initialState().hardState;
      if (commit > log.lastIndex()) this.ahead += 1;
      for (const entry of await allEntries(wal, shard)) {
        if (entry.index > commit) break;
        const isCommitted = this.#committed.get(`${shard}/${entry.index}`)?.has(nameOf(entry));
        const why = `after ${where} entry ${entry.index} of shard ${shard} was never committed`;
        assert(isCommitted === true, `[W21] ${why}: ${nameOf(entry)}, commit index ${commit}`);
      }
    }
  }

  /** A log that came back takes entries, and has them after the next start. */
  async #goOn(wal: Wal, disk: CrashDisk, found: string): Promise<void> {
    const log = wal.shard(AFTERWARDS);
    const entries = entriesFrom(log.lastIndex() + 1, 9, 'again');
    await appendDurably(wal, [{ shard: AFTERWARDS, entries }]);
    const again = await openWal(new CrashDisk(disk.files()), new ManualClock(), this.sizes);
    assert(again.kind === 'opened', `a log that went on opens: ${text(again)}`);
    const seen = await describeWal(again.wal);
    assert(seen.startsWith(found) && seen.endsWith('9:again'), `went on from ${found} to ${seen}`);
    await again.wal.close();
  }

  async #open(): Promise<Wal> {
    const opened = await openWal(this.disk, this.#clock, this.sizes);
    assert(opened.kind === 'opened', `a log that was closed opens: ${text(opened)}`);
    return opened.wal;
  }

  #change(wal: Wal, what: number): void {
    const shard = this.#random.below(SHARDS);
    this.#asked.push([this.disk.calls, this.#states.length - 1]);
    if (what < 9) this.#readys(wal);
    else if (what < 11) this.#send(wal, [this.#vote(shard)]);
    else if (what === 11) this.#send(wal, [this.#install(shard)]);
    else if (what < 15) this.#purge(wal, shard);
    else if (this.#chance(2 / 3)) this.#save(wal, shard);
    else this.#forget(wal, shard);
    const states = this.#states.length - 1;
    this.#asked.push([this.disk.calls + 1, states]);
    wal.append([], (outcome) => {
      if (outcome === 'durable') this.#promised.push([this.disk.calls, states]);
    });
  }

  /** What one turn wants durable: of one shard or more, of a shard once or more often. */
  #readys(wal: Wal): void {
    const changes: ShardChange[] = [];
    do {
      const change = this.#ready(this.#random.below(SHARDS));
      changes.push(change);
      this.#perform(change);
    } while (this.#chance(1 / 4));
    wal.append(changes, () => {});
  }

  /** Entries behind the log, or of a new leader in place of some that are not committed. */
  #ready(shard: number): ShardChange {
    const log = this.#model.shard(shard);
    const { commit, term, vote } = log.initialState().hardState;
    const last = log.lastIndex();
    const isReplacing = last > commit && this.#chance(0.5);
    const first = isReplacing ? commit + 1 + this.#random.below(last - commit) : last + 1;
    const isNewTerm = isReplacing || term === 0 || this.#chance(0.2);
    const current = isNewTerm ? term + 1 : term;
    const entries = this.#repeated(log, first);
    for (let count = 1 + this.#random.below(4), i = 0; i < count; i++) {
      const size = this.#chance(1 / 8) ? 600 : this.#random.below(60);
      const payload = `${++this.#serial}${'.'.repeat(size)}`;
      entries.push(must(entriesFrom(first + i, current, payload)[0], 'one'));
    }
    const end = must(entries.at(-1), 'some').index;
    const known = this.#chance(2 / 3) ? commit + this.#random.below(end - commit + 1) : commit;
    if (!isNewTerm && known === commit) return { shard, entries };
    const hardState = { term: current, vote: isNewTerm ? 0 : vote, commit: known };
    return { shard, hardState, entries };
  }

  /** A few entries before `first` that the log has: late appends overlap it, or a snapshot. */
  #repeated(log: MemoryLog, first: number): Entry[] {
    const low = Math.max(1, first - this.#random.below(4), log.firstIndex() - 2);
    if (low >= first || this.#chance(0.5)) return [];
    const from = Math.max(low, log.firstIndex());
    const present = from < first ? log.entries(from, first, Number.POSITIVE_INFINITY) : [];
    assert(typeof present === 'object', 'the model has its entries');
    const baseTerm = Number(log.term(log.firstIndex() - 1));
    const covered = Array.from({ length: from - low }, () => 'covered');
    return [...entriesFrom(low, baseTerm, ...covered), ...present];
  }

  #vote(shard: number): ShardChange {
    const { commit, term } = this.#model.shard(shard).initialState().hardState;
    return { shard, hardState: { term: term + 1, vote: this.#random.below(4), commit } };
  }

  #install(shard: number): ShardChange {
    const log = this.#model.shard(shard);
    const { term } = log.initialState().hardState;
    const index = log.lastIndex() + this.#random.below(3);
    const current = Math.max(1, term + this.#random.below(2));
    const install = snapshotAt(index, current, `i${index}`);
    if (index <= snapshotIndex(log)) return { shard, install };
    const payloads = this.#chance(0.5) ? [`${++this.#serial}`, `${++this.#serial}`] : [];
    const entries = entriesFrom(index + 1, current, ...payloads);
    const vote = current > term ? 0 : log.initialState().hardState.vote;
    const commit = index + this.#random.below(entries.length + 1);
    return { shard, install, hardState: { term: current, vote, commit }, entries };
  }

  #save(wal: Wal, shard: number): number {
    const log = this.#model.shard(shard);
    const { commit } = log.initialState().hardState;
    const base = log.firstIndex() - 1;
    const index = base + this.#random.below(Math.max(0, commit - base) + 1);
    const term = log.term(index);
    assert(typeof term === 'number', 'an index of the log has a term');
    this.#send(wal, [{ shard, save: snapshotAt(index, term, `s${index}`) }]);
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

  #send(wal: Wal, changes: readonly ShardChange[]): void {
    for (const change of changes) this.#perform(change);
    wal.append(changes, () => {});
  }

  /** On the model, step by step. */
  #perform(change: ShardChange): void {
    const { shard } = change;
    const log = this.#model.shard(shard);
    for (const _ of changeInSteps(log, change)) this.#note();
    const { commit } = log.initialState().hardState;
    for (const entry of modelEntries(log)) {
      if (entry.index > commit) break;
      const key = `${shard}/${entry.index}`;
      const names = this.#committed.get(key) ?? new Set();
      this.#committed.set(key, names.add(nameOf(entry)));
    }
  }

  #chance(probability: number): boolean {
    return this.#random.unit() < probability;
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)] as Item;
  }

  #note(): void {
    this.#states.push(this.#model.describe());
  }
}

function nameOf({ payload, term }: Entry): string {
  return `${term}:${Buffer.from(payload).toString('latin1')}`;
}

function snapshotIndex(log: MemoryLog): number {
  const snapshot = log.snapshot();
  assert(snapshot !== 'pending', 'the model has its snapshot');
  return snapshot.index;
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
  const { ahead, fates, points, removed, sequences, torn } = await enumerateCrashes({ runs, seed });
  process.stdout.write(
    `${sequences} sequences, ${points} crashes (${fates['drop']} dropped, ${fates['keep']} kept, ` +
      `${fates['tear']} torn writes), ${torn} logs with a torn tail, ` +
      `${ahead} commit indexes beyond the log, ${removed} segments removed\n`,
  );
  assert(runs < 1_000 || torn > runs / 100, 'the run was not vacuous');
}

if (import.meta.main) await main();
