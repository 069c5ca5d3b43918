// What the write-ahead log costs on this disk: next to a bare loop that writes and syncs the same
// bytes, and when it is read back.
//
//   npm run bench -- wal [--seconds N] [--log-mib N] [--directory D]
//
// Rounds of the log and of the bare loops alternate, so that what else the machine does meets all.

import { constants } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFlags } from '../scripts/flags.ts';
import { must } from '../src/base/assert.ts';
import { LIMITS } from '../src/base/limits.ts';
import type { Entry } from '../src/core/raft/index.ts';
import { SystemClock } from '../src/engine/clock/index.ts';
import { SystemDisk } from '../src/engine/disk/index.ts';
import { randomFromSystem } from '../src/engine/random/index.ts';
import { Wal, type WalOpened, type WalOptions } from '../src/engine/wal/index.ts';
import { silentLog } from '../test/support/silent-log.ts';

const BATCH = 64;
const PAYLOAD_BYTES = 100;
const ROUNDS = 25;
const SHARDS = 8;
/** The figures to meet. */
const RATIO_MIN = 0.6;
const MS_PER_10K_MAX = 10;
const SECONDS_PER_GIB_MAX = 8;
const INDEX_BYTES_MAX = 40;

const { values } = readFlags('npm run bench lists what each takes', {
  options: {
    seconds: { type: 'string', default: '6' },
    'log-mib': { type: 'string', default: '256' },
    directory: { type: 'string', default: tmpdir() },
  },
});
const roundMs = (Number(values.seconds) * 1_000) / ROUNDS / 2;
const logMiB = Number(values['log-mib']);
const root = await mkdtemp(join(values.directory, 'parley-wal-'));
const missed: string[] = [];

try {
  await throughput(join(root, 'writing'));
  await reopening(join(root, 'reading'));
} finally {
  await rm(root, { recursive: true });
}
for (const figure of missed) console.error(`missed: ${figure}`);
if (missed.length > 0) process.exitCode = 1;

async function openLog(directory: string, options: Partial<WalOptions> = {}): Promise<WalOpened> {
  const disk = new SystemDisk(directory);
  const capabilities = {
    clock: new SystemClock(),
    random: randomFromSystem(),
    disk,
    log: silentLog,
  };
  const opened = await Wal.open(capabilities, {
    directory: 'wal',
    ...LIMITS.wal,
    roomCheckMs: 1_000,
    markDelayMs: 50,
    onDamage: 'refuse',
    onFailure: ({ reason }) => {
      throw new Error(reason);
    },
    ...options,
  });
  if (opened.kind === 'refused') throw new Error(opened.message);
  return opened;
}

function append(wal: Wal, next: Uint32Array, turn: number): Promise<void> {
  const shard = turn % SHARDS;
  const entries: Entry[] = [];
  // As they arrive: views into the frame that brought them.
  const frame = new Uint8Array(BATCH * PAYLOAD_BYTES).fill(turn);
  for (let i = 0; i < BATCH; i++) {
    const index = ((next[shard] as number) += 1);
    const payload = frame.subarray(i * PAYLOAD_BYTES, (i + 1) * PAYLOAD_BYTES);
    entries.push({ term: 1, index, kind: 'normal', payload });
  }
  return new Promise((resolve, reject) => {
    wal.append([{ shard, entries }], (outcome) => {
      if (outcome === 'durable') resolve();
      else reject(new Error(outcome.reason));
    });
  });
}

type Loop = (untilMs: number) => Promise<number>;

/** Batches per second, the median of the rounds. */
async function throughput(directory: string): Promise<void> {
  const { wal } = await openLog(directory);
  const next = new Uint32Array(SHARDS);
  const before = wal.stats().bytesWritten;
  await append(wal, next, 0);
  const batchBytes = wal.stats().bytesWritten - before;
  const bare = await bareLoops(directory, batchBytes);
  const loops: Record<string, Loop> = {
    wal: async (untilMs) => {
      let turn = 0;
      for (; performance.now() < untilMs; turn++) await append(wal, next, turn);
      return turn;
    },
    ...bare.loops,
  };
  const rates = new Map(Object.keys(loops).map((name) => [name, [] as number[]]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [name, loop] of Object.entries(loops)) {
      const started = performance.now();
      const batches = await loop(started + roundMs);
      // The first round warms up.
      if (round > 0) rates.get(name)?.push((batches * 1_000) / (performance.now() - started));
    }
  }
  await wal.close();
  await bare.close();
  report(new Map([...rates].map(([name, list]) => [name, median(list)])), batchBytes);
}

function report(rates: ReadonlyMap<string, number>, batchBytes: number): void {
  console.log(`${BATCH} entries of ${PAYLOAD_BYTES} bytes a batch, ${batchBytes} bytes on disk`);
  const wal = must(rates.get('wal'), 'the log was measured');
  for (const [name, rate] of rates) {
    const batches = Math.round(rate).toLocaleString('en').padStart(8);
    const entries = Math.round(rate * BATCH)
      .toLocaleString('en')
      .padStart(10);
    const ratio = `${((wal / rate) * 100).toFixed(0)} %`.padStart(6);
    console.log(`${name.padEnd(22)} ${batches} batches/s ${entries} entries/s  wal is ${ratio}`);
  }
  const bare = must(rates.get('write+fdatasync'), 'the bare loop was measured');
  if (wal / bare < RATIO_MIN) missed.push(`${RATIO_MIN * 100} % of write+fdatasync`);
}

/** The same bytes into a file whose blocks are there, again and again. */
async function bareLoops(
  directory: string,
  batchBytes: number,
): Promise<{ loops: Record<string, Loop>; close: () => Promise<unknown> }> {
  const size = 16 * 1024 * 1024;
  const { O_CREAT, O_RDWR, O_DSYNC } = constants;
  const file = await open(join(directory, 'bare'), O_CREAT | O_RDWR);
  await file.write(new Uint8Array(size));
  await file.sync();
  const durable = await open(join(directory, 'bare'), O_RDWR | O_DSYNC);
  const bytes = new Uint8Array(batchBytes).fill(7);
  let at = 0;
  const step = (): number => {
    at = at + batchBytes * 2 > size ? 0 : at + batchBytes;
    return at;
  };
  const loops: Record<string, Loop> = {
    'write+fdatasync': async (untilMs) => {
      let turn = 0;
      for (; performance.now() < untilMs; turn++) {
        await file.write(bytes, 0, batchBytes, step());
        await file.datasync();
      }
      return turn;
    },
    'durable write': async (untilMs) => {
      let turn = 0;
      for (; performance.now() < untilMs; turn++) await durable.write(bytes, 0, batchBytes, step());
      return turn;
    },
  };
  return { loops, close: () => Promise.all([file.close(), durable.close()]) };
}

function median(list: readonly number[]): number {
  return must(list.toSorted((a, b) => a - b)[list.length >> 1], 'there were rounds');
}

/** Writes a log of `logMiB` and opens it again. */
async function reopening(directory: string): Promise<void> {
  const { wal } = await openLog(directory, { batchBytesMax: 1024 * 1024 });
  const next = new Uint32Array(SHARDS);
  for (let turn = 0; wal.stats().bytesWritten < logMiB * 2 ** 20; ) {
    const many: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) many.push(append(wal, next, turn++));
    await Promise.all(many);
  }
  await wal.close();
  const started = performance.now();
  const opened = await openLog(directory);
  const ms = performance.now() - started;
  const { entries, indexBytes } = opened.wal.stats();
  await opened.wal.close();
  const { bytes } = opened.report;
  const per10k = (ms * 10_000) / entries;
  const perGiB = ((ms / 1_000) * 2 ** 30) / bytes;
  const perEntry = indexBytes / entries;
  console.log(
    `reopened ${entries.toLocaleString('en')} entries, ${Math.round(bytes / 2 ** 20)} MiB ` +
      `in ${ms.toFixed(0)} ms: ${per10k.toFixed(2)} ms per 10,000, ${perGiB.toFixed(2)} s per GiB`,
  );
  console.log(`index: ${perEntry.toFixed(1)} bytes per entry`);
  if (per10k > MS_PER_10K_MAX) missed.push(`${MS_PER_10K_MAX} ms per 10,000 entries`);
  if (perGiB > SECONDS_PER_GIB_MAX) missed.push(`${SECONDS_PER_GIB_MAX} s per GiB`);
  if (perEntry > INDEX_BYTES_MAX) missed.push(`${INDEX_BYTES_MAX} bytes per entry`);
}
