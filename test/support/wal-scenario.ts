// A log under test: small segments on a disk in memory, time that passes on demand, and a model of
// what it must hold.

import { must } from '../../src/base/assert.ts';
import type { Clock, Disk, Timer } from '../../src/base/capabilities.ts';
import { Prng } from '../../src/base/prng.ts';
import { type Entry, MemoryLog, type Snapshot } from '../../src/core/raft/index.ts';
import {
  type ShardChange,
  type ShardId,
  Wal,
  type WalOpened,
  type WalOptions,
  type WalRefusal,
} from '../../src/engine/wal/index.ts';
import { silentLog } from './silent-log.ts';

export const SMALL: WalOptions = {
  directory: 'wal',
  segmentBytes: 8 * 1024,
  batchBytesMax: 2 * 1024,
  cacheBytesMax: 1024 * 1024,
  reserveBytes: 1024,
  roomCheckMs: 1_000,
  markDelayMs: 50,
  onDamage: 'refuse',
  onFailure: () => {},
};

/** Timers fire when the test says so. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { atMs: number; callback: () => void; isCancelled: boolean }[] = [];

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#nowMs;
  }

  afterTurn(callback: () => void): void {
    this.setTimer(0, callback);
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, callback, isCancelled: false };
    this.#timers.push(timer);
    return {
      cancel: () => {
        timer.isCancelled = true;
      },
    };
  }

  /** Timers that are set and would still fire. */
  get waiting(): number {
    return this.#timers.filter(({ isCancelled }) => !isCancelled).length;
  }

  /** Lets `ms` pass, and what became due happen. */
  async pass(ms: number): Promise<void> {
    this.#nowMs += ms;
    const due = this.#timers.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#timers = this.#timers.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { callback, isCancelled } of due) if (!isCancelled) callback();
    await turn();
  }
}

/** Lets everything happen that needs no time. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export function openWal(
  disk: Disk,
  clock: Clock,
  options: Partial<WalOptions> = {},
): Promise<WalOpened | WalRefusal> {
  const random = Prng.from(7, 'wal');
  return Wal.open({ clock, disk, random, log: silentLog }, { ...SMALL, ...options });
}

export async function mustOpen(
  disk: Disk,
  clock: Clock,
  options: Partial<WalOptions> = {},
): Promise<Wal> {
  const opened = await openWal(disk, clock, options);
  if (opened.kind === 'refused') throw new Error(opened.message);
  return opened.wal;
}

export function appendDurably(wal: Wal, changes: readonly ShardChange[]): Promise<void> {
  return new Promise((resolve, reject) => {
    wal.append(changes, (outcome) => {
      if (outcome === 'durable') resolve();
      else reject(new Error(outcome.reason));
    });
  });
}

export function entriesFrom(first: number, term: number, ...payloads: string[]): Entry[] {
  return payloads.map((text, i) => {
    return { term, index: first + i, kind: 'normal', payload: new TextEncoder().encode(text) };
  });
}

export function snapshotAt(index: number, term: number, name = ''): Snapshot {
  const confState = {
    voters: [1, 2, 3],
    votersOutgoing: [],
    learners: [4],
    learnersNext: [],
    autoLeave: false,
  };
  return { index, term, confState, data: new TextEncoder().encode(name) };
}

/** Every entry that a shard keeps, fetched from disk where need be. */
export async function allEntries(wal: Wal, shard: ShardId): Promise<Entry[]> {
  const log = wal.shard(shard);
  const all: Entry[] = [];
  const high = log.lastIndex() + 1;
  for (let next = log.firstIndex(); next < high; ) {
    const found = log.entries(next, high, Number.POSITIVE_INFINITY);
    if (found === 'pending') {
      const outcome = await wal.fetch(shard, { low: next, high, bytesMax: 1e6 });
      if (outcome.kind !== 'fetched') throw new Error(`entry ${next} is ${outcome.kind}`);
    } else {
      if (found === 'compacted') throw new Error('the log begins at its first index');
      all.push(...found);
      next += found.length;
    }
  }
  return all;
}

/** What a shard holds, as a text that two logs share only if they hold the same. */
function describeLog(
  log: Pick<MemoryLog, 'firstIndex' | 'initialState' | 'snapshot' | 'term'>,
  entries: readonly Entry[],
): string {
  const { term, vote, commit } = log.initialState().hardState;
  const snapshot = log.snapshot();
  if (snapshot === 'pending') throw new Error('the snapshot is at hand');
  const first = log.firstIndex();
  const lines = entries.map(({ term: of, kind, payload }) => {
    return `${of}:${kind === 'normal' ? '' : kind}${Buffer.from(payload).toString('latin1')}`;
  });
  const name = Buffer.from(snapshot.data).toString();
  const { voters, learners } = snapshot.confState;
  return (
    `${term}/${vote}/${commit} snapshot ${snapshot.index}/${snapshot.term} ${name} ` +
    `${voters.join()}+${learners.join()} first ${first}/${log.term(first - 1)} ${lines.join(' ')}`
  );
}

/** Shards in memory, and what the log must be equal to. */
export class WalModel {
  readonly shards = new Map<ShardId, MemoryLog>();

  shard(id: ShardId): MemoryLog {
    const known = this.shards.get(id);
    if (known !== undefined) return known;
    const log = new MemoryLog();
    this.shards.set(id, log);
    return log;
  }

  describe(): string {
    const known = [...this.shards].toSorted(([a], [b]) => a - b);
    return known
      .map(([id, log]) => `${id}: ${describeLog(log, modelEntries(log))}`)
      .filter((line) => !isUntouched(line))
      .join('\n');
  }
}

export async function describeWal(wal: Wal): Promise<string> {
  const lines: string[] = [];
  for (const id of wal.shardIds()) {
    lines.push(`${id}: ${describeLog(wal.shard(id), await allEntries(wal, id))}`);
  }
  return lines.filter((line) => !isUntouched(line)).join('\n');
}

export function modelEntries(log: MemoryLog): readonly Entry[] {
  const entries = log.entries(log.firstIndex(), log.lastIndex() + 1, Number.POSITIVE_INFINITY);
  if (typeof entries === 'string') throw new Error(`the model answers ${entries}`);
  return entries;
}

/** A shard of which nothing was said is as good as one that is not there. */
function isUntouched(line: string): boolean {
  return /^\d+: 0\/0\/0 snapshot 0\/0 {2}\+ first 1\/0 $/.test(line);
}

export function lastOf<Item>(items: readonly Item[]): Item {
  return must(items.at(-1), 'there is a last one');
}
