// Damaged logs: bits that flip, sectors that vanish or move. Opening one never throws, an entry
// that it hands out is the one that was written, and one flipped bit never loses an entry unseen.
//
//   node src/engine/wal/wal-damage.fuzz.ts --runs 100000 --seed 1

import { parseArgs } from 'node:util';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import {
  appendDurably,
  entriesFrom,
  ManualClock,
  mustOpen,
  openWal,
  snapshotAt,
} from '../../../test/support/wal-scenario.ts';
import { assert } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';
import type { Wal } from './index.ts';

const SHARDS = 3;
const ENTRIES = 40;
const SECTOR_BYTES = 512;

type Files = ReadonlyMap<string, Uint8Array>;

export interface DamageResult {
  readonly refused: number;
  readonly opened: number;
  readonly holes: number;
}

export async function fuzzDamage(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<DamageResult> {
  const random = Prng.from(options.seed, 'damage');
  const files = await soundLog();
  let [refused, opened, holes] = [0, 0, 0];
  for (let run = 0; run < options.runs; run++) {
    const onDamage = random.below(2) === 0 ? 'refuse' : 'markHoles';
    const isOneBit = random.below(2) === 0;
    const damaged = isOneBit ? flipped(files, random) : ruined(files, random);
    const outcome = await openWal(new CrashDisk(damaged), new ManualClock(), { onDamage });
    if (outcome.kind === 'refused') {
      refused += 1;
      continue;
    }
    opened += 1;
    holes += outcome.report.holes;
    for (let shard = 0; shard < SHARDS; shard++) await check(outcome.wal, shard, isOneBit);
    await outcome.wal.close();
  }
  return { refused, opened, holes };
}

/** A log that was closed, so that all of it is known to be durable. */
async function soundLog(): Promise<Files> {
  const disk = new CrashDisk();
  const wal = await mustOpen(disk, new ManualClock());
  for (let index = 1; index <= ENTRIES; index++) {
    for (let shard = 0; shard < SHARDS; shard++) {
      const entries = entriesFrom(index, 1, payloadOf(shard, index));
      const hardState = { term: 1, vote: shard, commit: index - 1 };
      await appendDurably(wal, [{ shard, entries, hardState }]);
    }
  }
  await appendDurably(wal, [{ shard: 0, save: snapshotAt(5, 1, 'five') }]);
  wal.purge(0, 5);
  await wal.close();
  return disk.files();
}

function payloadOf(shard: number, index: number): string {
  return `${shard}/${index}`.padEnd(20 + ((shard + index) % 50), '.');
}

async function check(wal: Wal, shard: number, isOneBit: boolean): Promise<void> {
  const log = wal.shard(shard);
  if (isOneBit)
    assert(log.lastIndex() === ENTRIES, '[W6] one flipped bit loses nothing in silence');
  for (let index = log.firstIndex(); index <= log.lastIndex(); index++) {
    if (log.holes.has(index)) continue;
    const outcome = await wal.fetch(shard, { low: index, high: index + 1, bytesMax: 1 });
    assert(outcome.kind === 'fetched', `what recovery took can be read: ${outcome.kind}`);
    const [entry] = log.entries(index, index + 1, 1);
    assert(typeof entry === 'object', 'what was fetched is there');
    const text = Buffer.from(entry.payload).toString();
    assert(text === payloadOf(shard, index), `[W4] an entry is what was written, not ${text}`);
  }
}

function flipped(files: Files, random: Prng): Files {
  return changed(files, random, (bytes) => {
    const at = random.below(bytes.length);
    bytes[at] = (bytes[at] as number) ^ (1 << random.below(8));
  });
}

/** A sector zeroed, filled with noise, copied to another place, or the rest of the file cut off. */
function ruined(files: Files, random: Prng): Files {
  return changed(files, random, (bytes) => {
    const sectors = bytes.length / SECTOR_BYTES;
    const at = random.below(sectors) * SECTOR_BYTES;
    const kind = random.below(4);
    if (kind === 0) bytes.fill(0, at, at + SECTOR_BYTES);
    else if (kind === 1) for (let i = 0; i < SECTOR_BYTES; i++) bytes[at + i] = random.below(256);
    else if (kind === 2)
      bytes.copyWithin(random.below(sectors) * SECTOR_BYTES, at, at + SECTOR_BYTES);
    else return bytes.slice(0, random.below(bytes.length));
    return bytes;
  });
}

function changed(
  files: Files,
  random: Prng,
  change: (bytes: Uint8Array) => Uint8Array | void,
): Files {
  const copy = new Map(files);
  const paths = [...files.keys()];
  const path = paths[random.below(paths.length)] as string;
  const bytes = (files.get(path) as Uint8Array).slice();
  copy.set(path, change(bytes) ?? bytes);
  return copy;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  const { refused, opened, holes } = await fuzzDamage({ runs, seed });
  process.stdout.write(`${refused} refused, ${opened} opened, ${holes} holes\n`);
  assert(runs < 1_000 || (refused > runs / 10 && opened > runs / 10), 'the run was not vacuous');
}

if (import.meta.main) await main();
