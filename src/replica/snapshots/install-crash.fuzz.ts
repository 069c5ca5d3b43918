// Crash points of an installation: a replica applies, takes over another's state, goes on. For made
// up sequences, every moment at which the power can fail, with every fate of the write under way.
// The state that comes back is wholly the old one or wholly the new one, and the log goes on from
// there.
//
//   node src/replica/snapshots/install-crash.fuzz.ts --runs 100000 --seed 1

import { parseArgs } from 'node:util';
import { CrashDisk, type CrashPoint } from '../../../test/support/wal-crash-disk.ts';
import {
  allEntries,
  ManualClock,
  mustOpen,
  openWal,
  turn,
} from '../../../test/support/wal-scenario.ts';
import { assert, must } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import { Prng } from '../../base/prng.ts';
import type { ConfState, Entry } from '../../core/raft/index.ts';
import type { Store } from '../../engine/store/index.ts';
import type { ShardChange, Wal } from '../../engine/wal/index.ts';
import type { StoredIncomingState } from '../state/incoming-state.ts';
import { endOfPrefix, type PreparedSnapshot } from '../state/index.ts';
import { generationPrefix } from '../state/layout.ts';
import {
  type OpenState,
  openState,
  openStateOf,
  openTestStore,
  payloadOf,
  votersOf,
  wordMachine,
} from '../state/state.support.ts';
import type { ReplicaState } from '../state/types.ts';
import { BatchHistory, countAt } from './batch-history.support.ts';

const SHARD = 7;
const FIRST = { index: 1, term: 1 };
const CONFIG = votersOf(1, 2, 3);
/** Small enough that segments of the log fill up and go. */
const WAL_OPTIONS = { segmentBytes: 4_096 + 3_072, batchBytesMax: 1_024 };

interface CrashResult {
  readonly sequences: number;
  readonly points: number;
  readonly fates: Record<string, number>;
  /** What became of the installation when the member came back. */
  readonly outcomes: Record<string, number>;
}

export async function crashInstallations(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<CrashResult> {
  const fates: Record<string, number> = { drop: 0, keep: 0, tear: 0 };
  const outcomes: Record<string, number> = {};
  let [sequences, points] = [0, 0];
  while (points < options.runs) {
    const sequence = new Sequence(Prng.from(options.seed, `install ${sequences}`));
    await sequence.play();
    for (const point of sequence.disk.crashPoints(0)) {
      if (points >= options.runs) break;
      const outcome = await sequence.check(point);
      outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      fates[point.fate.kind] = (fates[point.fate.kind] ?? 0) + 1;
      points += 1;
    }
    sequences += 1;
  }
  return { sequences, points, fates, outcomes };
}

/** What a replica that never crashes holds after each index. */
class Oracle {
  readonly digests = new Map<number, string>();
  readonly configs = new Map<number, ConfState>();
  readonly #data: ReplicaState;

  static async start(): Promise<Oracle> {
    const { states } = await openState(new CrashDisk(), {}, 2);
    return new Oracle(states.create(SHARD, wordMachine, FIRST, CONFIG));
  }

  private constructor(data: ReplicaState) {
    this.#data = data;
    this.#note();
  }

  get last(): number {
    return this.#data.applied().index;
  }

  apply(entries: readonly Entry[]): void {
    for (const entry of entries) {
      applyTo(this.#data, [entry]);
      this.#note();
    }
  }

  prepare(): Promise<PreparedSnapshot> {
    return this.#data.prepareSnapshot();
  }

  #note(): void {
    this.digests.set(this.last, this.#data.digest());
    this.configs.set(this.last, this.#data.confState());
  }
}

class Sequence {
  readonly disk = new CrashDisk();
  readonly #random: Prng;
  readonly #clock = new ManualClock();
  readonly #history = new BatchHistory();
  #oracle: Oracle | undefined;
  /** Pairs: calls of the disk so far, index up to which the log promised to remember. */
  readonly #promised: [number, number][] = [];
  #term = 1;

  constructor(random: Prng) {
    this.#random = random;
  }

  async play(): Promise<void> {
    this.#oracle = await Oracle.start();
    const wal = await mustOpen(this.disk, this.#clock, WAL_OPTIONS);
    const install = { ...FIRST, confState: CONFIG, data: new Uint8Array(0) };
    const hardState = { ...FIRST, vote: 0, commit: 1 };
    await this.#write(wal, { shard: SHARD, install, hardState });
    const plain = await openTestStore(this.disk, this.#clock);
    const store = this.#history.watch(plain, this.disk);
    const { states } = openStateOf(store, this.disk, this.#clock);
    const data = states.create(SHARD, wordMachine, FIRST, CONFIG);
    await this.#goOn(wal, store, data);
    for (let round = 0; round < 2; round++) {
      await this.#takeOver(wal, store, data);
      await this.#goOn(wal, store, data);
    }
    await store.flush();
    states.close();
    await wal.close();
  }

  // --- what happens -----------------------------------------------------------------------------

  /** A few commands: into the log, then applied; the store is flushed now and then. */
  async #goOn(wal: Wal, store: Store, data: ReplicaState): Promise<void> {
    for (let i = 0; i < 2; i++) {
      const entries = this.#makeEntries(1 + this.#random.below(4));
      this.#model.apply(entries);
      await this.#write(wal, { shard: SHARD, entries });
      applyTo(data, entries);
      await this.#maybeFlush(store);
      this.#maybePurge(wal, data);
    }
    await this.#clock.pass(5);
  }

  /** The leader went on without this member: its state comes, then the log's record, the flip. */
  async #takeOver(wal: Wal, store: Store, data: ReplicaState): Promise<void> {
    if (this.#random.below(2) === 0) this.#term += 1;
    this.#model.apply(this.#makeEntries(1 + this.#random.below(6)));
    const prepared = await this.#model.prepare();
    const { snapshot } = prepared;
    if (this.#random.below(3) === 0) {
      // A transfer that came to nothing.
      await this.#stage(store, data, prepared, 1 + this.#random.below(2));
    }
    await this.#stage(store, data, prepared, Number.POSITIVE_INFINITY);
    must(data.staging, 'it is staged').complete();
    assert(await store.flush(), 'the store takes it');
    const hardState = { term: this.#term, vote: 0, commit: snapshot.index };
    await this.#write(wal, { shard: SHARD, install: snapshot, hardState });
    await this.#maybeFlush(store);
    assert(data.install(snapshot), '[D16] what was staged is installed');
    await this.#maybeFlush(store);
    prepared.close();
  }

  async #stage(
    store: Store,
    data: ReplicaState,
    { view, prefix, snapshot }: PreparedSnapshot,
    chunksMax: number,
  ): Promise<void> {
    const staging = data.stage(snapshot);
    let chunks = 0;
    for (const { key, value } of view.range(prefix, endOfPrefix(prefix))) {
      const pair = { key: key.subarray(prefix.length), value };
      chunks += 1;
      if (chunks > chunksMax) return;
      staging.add([pair], { ...staging.progress, chunks, lastKey: pair.key });
      await this.#maybeFlush(store);
      if (this.#random.below(4) === 0) await this.#clock.pass(5);
    }
  }

  get #model(): Oracle {
    return must(this.#oracle, 'the sequence plays');
  }

  #makeEntries(count: number): Entry[] {
    const first = this.#model.last + 1;
    return Array.from({ length: count }, (_, i) => this.#makeEntry(first + i));
  }

  #makeEntry(index: number): Entry {
    const term = this.#term;
    const what = this.#random.below(8);
    if (what === 0) return { index, term, kind: 'confChange', payload: Uint8Array.of(index % 4) };
    const key = 'abcd'[this.#random.below(4)];
    const lines = [
      `${index} set ${key} ${'v'.repeat(this.#random.below(60))}${index}`,
      `${index} add n ${index}`,
      `${index} del ${key}`,
      `${index} open`,
      `${index} ${1 + this.#random.below(index)}/${index} add n 1`,
    ];
    const line = must(lines[what % lines.length], 'there are as many');
    return { index, term, kind: 'normal', payload: payloadOf(line) };
  }

  async #write(wal: Wal, change: ShardChange): Promise<void> {
    const last = change.entries?.at(-1)?.index ?? change.install?.index ?? 0;
    await new Promise<void>((resolve) => {
      wal.append([change], (outcome) => {
        if (outcome === 'durable') this.#promised.push([this.disk.calls, last]);
        resolve();
      });
    });
  }

  /** Waited for, or only begun, so that it is under way while other things happen. */
  async #maybeFlush(store: Store): Promise<void> {
    const what = this.#random.below(6);
    if (what === 0) await store.flush();
    else if (what === 1) void store.flush();
    else if (what === 2) await turn();
  }

  #maybePurge(wal: Wal, data: ReplicaState): void {
    const index = data.durableApplied();
    const log = wal.shard(SHARD);
    const term = log.term(index);
    if (this.#random.below(2) === 0 || typeof term !== 'number') return;
    if (index <= log.snapshot().index) return;
    const confState = must(this.#model.configs.get(index), 'an index that was applied');
    wal.append(
      [{ shard: SHARD, save: { index, term, confState, data: new Uint8Array(0) } }],
      () => {
        wal.purge(SHARD, index);
      },
    );
  }

  // --- what must come back ----------------------------------------------------------------------

  /** The log and the store of one disk, then the same log with any store that there may be. */
  async check(point: CrashPoint): Promise<string> {
    const left = this.disk.after(point);
    const where = JSON.stringify(point);
    const outcome = await this.#comeBack(left, await openState(left), point.calls, where);
    const random = Prng.from(point.calls, where);
    const other = await this.#history.leftAfter(point.calls, random);
    await this.#comeBack(this.disk.after(point), other, point.calls, where);
    return outcome;
  }

  async #comeBack(disk: CrashDisk, open: OpenState, calls: number, where: string): Promise<string> {
    const opened = await openWal(disk, new ManualClock(), WAL_OPTIONS);
    assert(opened.kind === 'opened', `the log comes back: ${where}`);
    const { wal } = opened;
    const log = wal.shard(SHARD);
    const { store, states, clock } = open;
    const known = states.open(SHARD, wordMachine);
    let outcome = 'notFounded';
    if (log.lastIndex() > 0) {
      const data = known ?? states.create(SHARD, wordMachine, log.base, CONFIG);
      checkStaged(store, data, where);
      outcome = data.finishInstall(log.snapshot());
      this.#checkState(data, wal, where);
      const entries = (await allEntries(wal, SHARD)).filter((entry) => {
        return entry.index > data.applied().index;
      });
      applyTo(data, entries);
      this.#checkState(data, wal, where);
      assert(data.applied().index === log.lastIndex(), `[D3] the log has no gap: ${where}`);
      const promised = countAt(this.#promised, calls);
      assert(log.lastIndex() >= promised, `[N8] what was promised is there: ${where}`);
    } else assert(known === undefined, `[D1] the store never runs ahead of the log: ${where}`);
    for (let i = 0; i < 6; i++) await clock.pass(5);
    checkOwners(store, known?.staging !== undefined, where);
    states.close();
    await wal.close();
    return outcome;
  }

  #checkState(data: ReplicaState, wal: Wal, where: string): void {
    const { index, term } = data.applied();
    const log = wal.shard(SHARD);
    assert(index >= log.base.index && index <= log.lastIndex(), `[D17] ${index}: ${where}`);
    assert(log.term(index) === term, `[D15] the log has the same entry: ${where}`);
    const digest = this.#model.digests.get(index);
    assert(data.digest() === digest, `[D4, D15] the state is that of ${index}: ${where}`);
    const config = JSON.stringify(this.#model.configs.get(index));
    assert(JSON.stringify(data.confState()) === config, `[D4, D15] so is the config: ${where}`);
  }
}

/** Config changes of the made up log are none of the core: their payload says all. */
function applyTo(data: ReplicaState, entries: readonly Entry[]): void {
  for (const entry of entries) {
    if (entry.kind === 'normal') data.apply([entry], undefined);
    else data.setConfState(votersOf(1, 2, 3, 4 + (entry.payload[0] as number)), entry);
  }
}

/** [D18] What the staging record says is there: a pair per chunk, in these sequences. */
function checkStaged(store: Store, { staging }: ReplicaState, where: string): void {
  if (staging === undefined) return;
  const { chunks, lastKey } = staging.progress;
  const prefix = generationPrefix(SHARD, (staging as StoredIncomingState).generation);
  const keys = [...store.range(prefix, endOfPrefix(prefix))].map(({ key }) => key);
  assert(keys.length === chunks, `[D18] ${keys.length} of ${chunks} pairs: ${where}`);
  const last = keys.at(-1)?.subarray(prefix.length) ?? new Uint8Array(0);
  assert(equalBytes(last, lastKey), `[D18] the last key is there: ${where}`);
}

/** [D19] Once the garbage is gone there is one generation, or two while one is staged. */
function checkOwners(store: Store, isStaging: boolean, where: string): void {
  const generations = new Set<string>();
  for (const { key } of store.range(Uint8Array.of(4), undefined)) {
    generations.add(Buffer.from(key.subarray(0, 9)).toString('hex'));
  }
  assert(generations.size <= (isStaging ? 2 : 1), `[D19] ${[...generations].join()}: ${where}`);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  const { sequences, points, fates, outcomes } = await crashInstallations({ runs, seed });
  const told = Object.entries(outcomes).map(([kind, count]) => `${count} ${kind}`);
  process.stdout.write(
    `${sequences} sequences, ${points} crashes (${fates['drop']} dropped, ${fates['keep']} kept, ` +
      `${fates['tear']} torn writes), starts: ${told.join(', ')}\n`,
  );
  const finished = outcomes['finished'] ?? 0;
  assert(runs < 1_000 || finished > 10, 'some starts finish an installation');
}

if (import.meta.main) await main();
