// The simplest thing that can lose something: a process that writes to a log of its own and says on
// stdout what is durable. It is killed while it writes; the next one says what it finds.
//
//   log-writer.ts --data DIR --cycle N
//
// Lines for what it finds: `base SHARD INDEX`, `run SHARD FROM TO CYCLE`, `wrong SHARD INDEX WHY`.
// Then `ready`, and from there on `durable SHARD INDEX` and, before it lets go of old entries,
// `purge SHARD INDEX`.

import { writeSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { must } from '../../src/base/assert.ts';
import type { ConfState, Entry } from '../../src/core/raft/index.ts';
import { realCapabilities } from '../../src/engine/capabilities.ts';
import { Wal } from '../../src/engine/wal/index.ts';

const SHARDS = 4;
const PAYLOAD_BYTES = 100;
/** Appends under way: enough that a batch always gathers while another one is being synced. */
const APPENDS_MAX = 8;
const ENTRIES_PER_APPEND_MAX = 64;
/** Entries of a shard: purged from the higher count down to the lower one. */
const ENTRIES_KEPT = { atMost: 12_000, atLeast: 6_000 };
const FETCH_BYTES_MAX = 1024 * 1024;
const CONFIG: ConfState = {
  voters: [1],
  votersOutgoing: [],
  learners: [],
  learnersNext: [],
  autoLeave: false,
};

const { values } = parseArgs({
  options: { data: { type: 'string' }, cycle: { type: 'string', default: '1' } },
});
const cycle = Number(values.cycle);
const wal = await openLog(must(values.data, '--data names a directory'));
for (let shard = 1; shard <= SHARDS; shard++) await tellContents(shard);
say('ready');
for (let i = 0; i < APPENDS_MAX; i++) append();

/** Not `process.stdout`: what is said must have left this process before it is killed. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function openLog(dataDirectory: string): Promise<Wal> {
  const opened = await Wal.open(realCapabilities({ dataDirectory, level: 'warn' }), {
    directory: 'log',
    // Small, so that a cycle meets the change from one segment to the next many times.
    segmentBytes: 512 * 1024,
    batchBytesMax: 64 * 1024,
    cacheBytesMax: 4 * 1024 * 1024,
    reserveBytes: 2 * 1024 * 1024,
    roomCheckMs: 1_000,
    markDelayMs: 50,
    onDamage: 'refuse',
    onFailure: ({ reason }) => {
      console.error(`log stopped: ${reason}`);
      process.exit(1);
    },
  });
  if (opened.kind === 'opened') return opened.wal;
  console.error(`log refused: ${opened.message}`);
  process.exit(1);
}

function payloadOf(shard: number, index: number, writtenIn: number): Buffer {
  return Buffer.from(`${writtenIn} wrote ${shard}/${index} `.padEnd(PAYLOAD_BYTES, '.'));
}

async function tellContents(shard: number): Promise<void> {
  const log = wal.shard(shard);
  let from = log.base.index + 1;
  let run = 0;
  say(`base ${shard} ${log.base.index}`);
  for (let next = from; next <= log.lastIndex(); ) {
    const entries = await read(shard, next);
    for (const entry of entries) {
      const expected = payloadOf(shard, entry.index, entry.term);
      if (!expected.equals(entry.payload)) say(`wrong ${shard} ${entry.index} payload`);
      if (entry.term !== run && entry.index > from) {
        say(`run ${shard} ${from} ${entry.index - 1} ${run}`);
        from = entry.index;
      }
      run = entry.term;
    }
    next += entries.length;
  }
  if (from <= log.lastIndex()) say(`run ${shard} ${from} ${log.lastIndex()} ${run}`);
  // The cycle is the term: one that came back older has forgotten its votes.
  const { term } = log.initialState().hardState;
  if (log.lastIndex() > 0 && term < run) say(`wrong ${shard} ${log.lastIndex()} term ${term}`);
}

async function read(shard: number, low: number): Promise<readonly Entry[]> {
  const log = wal.shard(shard);
  const high = log.lastIndex() + 1;
  for (;;) {
    const entries = log.entries(low, high, FETCH_BYTES_MAX);
    if (typeof entries === 'object') return entries;
    const fetched = await wal.fetch(shard, { low, high, bytesMax: FETCH_BYTES_MAX });
    if (fetched.kind !== 'fetched') throw new Error(`entry ${low} of ${shard}: ${fetched.kind}`);
  }
}

function append(): void {
  const shard = 1 + Math.floor(Math.random() * SHARDS);
  const log = wal.shard(shard);
  const first = log.lastIndex() + 1;
  const last = first + Math.floor(Math.random() * ENTRIES_PER_APPEND_MAX);
  const entries: Entry[] = [];
  for (let index = first; index <= last; index++) {
    entries.push({ term: cycle, index, kind: 'normal', payload: payloadOf(shard, index, cycle) });
  }
  const hardState = { term: cycle, vote: 1, commit: first - 1 };
  wal.append([{ shard, hardState, entries }], (outcome) => {
    if (outcome !== 'durable') return;
    say(`durable ${shard} ${last}`);
    // Batches become durable in order, so what is purged here was durable before.
    if (last - log.base.index > ENTRIES_KEPT.atMost) purge(shard, last - ENTRIES_KEPT.atLeast);
    append();
  });
}

function purge(shard: number, index: number): void {
  const term = wal.shard(shard).term(index);
  if (typeof term !== 'number') return;
  say(`purge ${shard} ${index}`);
  const save = { index, term, confState: CONFIG, data: new Uint8Array(0) };
  wal.append([{ shard, save }], (outcome) => {
    if (outcome === 'durable') wal.purge(shard, index);
  });
}
