// Hostile entries: commands of all kinds, several to an entry as well, honest, mutated, cut, and
// random bytes. They are carried out by a replica that applies each by itself, by one that applies
// them in batches, and by one that takes the first one's state over now and then. Nothing may
// throw, all give the same results, and their states are equal where their indexes are.
//
//   npm run fuzz -- entries --runs 1000000 --seed 1

import { deepStrictEqual, strictEqual } from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { ReferenceMachine } from '../../../test/support/reference-machine.ts';
import { CrashDisk } from '../../../test/support/wal-crash-disk.ts';
import { Prng } from '../../base/prng.ts';
import type { Entry } from '../../core/raft/index.ts';
import { COMMAND, encodeCommand, encodeShardCommand, stampCommand } from './commands.ts';
import { newestEditions, shardRules } from './editions.ts';
import { packCommands } from './several.ts';
import { copyState, entryOf, openState, utf8, votersOf } from './state.support.ts';
import type { ReplicaState } from './types.ts';

export interface FuzzResult {
  readonly done: number;
  readonly malformed: number;
  readonly states: number;
}

const SESSIONS = { sessionsMax: 6, idleMs: 2_000 };
const machine = new ReferenceMachine();
const EDITIONS = newestEditions(machine, shardRules(SESSIONS));
const [DONE, MALFORMED] = [0, 6];

export async function fuzzEntries(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<FuzzResult> {
  const random = Prng.from(options.seed, 'entries');
  const counts = { done: 0, malformed: 0, states: 0 };
  const one = await newState();
  const batched = await newState();
  let copied = await newState();
  for (let left = options.runs; left > 0; ) {
    const first = one.applied().index + 1;
    const count = Math.min(left, 1 + random.below(12));
    left -= count;
    const entries = Array.from({ length: count }, (_, i) =>
      entryOf(first + i, randomPayload(random, first + i)),
    );
    const told = entries.flatMap((entry) => resultsOf(one, [entry]));
    deepStrictEqual(resultsOf(batched, entries), told);
    deepStrictEqual(resultsOf(copied, entries), told);
    for (const [, , status] of told) {
      if (status === DONE) counts.done += 1;
      if (status === MALFORMED) counts.malformed += 1;
    }
    strictEqual(batched.digest(), one.digest());
    strictEqual(copied.digest(), one.digest());
    counts.states += 1;
    if (random.below(400) === 0) copied = await copyOf(one);
  }
  return counts;
}

async function newState(): Promise<ReplicaState> {
  const { states } = await openState(new CrashDisk(), SESSIONS);
  return states.create(1, machine, { index: 1, term: 1 }, votersOf(1, 2, 3));
}

async function copyOf(from: ReplicaState): Promise<ReplicaState> {
  const { states } = await openState(new CrashDisk(), SESSIONS);
  const into = states.create(1, machine, { index: 0, term: 0 }, votersOf());
  const prepared = await from.prepareSnapshot();
  const { prefix, snapshot, view } = prepared;
  copyState(view, prefix, into, snapshot);
  into.install(snapshot);
  prepared.close();
  return into;
}

/** Index, place, and the bytes of each result. */
function resultsOf(state: ReplicaState, entries: readonly Entry[]): number[][] {
  const told: number[][] = [];
  state.apply(entries, {
    onResult: ({ index }, position, result) => told.push([index, position, ...result]),
  });
  return told;
}

// --- entries ------------------------------------------------------------------------------------

function randomPayload(random: Prng, index: number): Uint8Array {
  const honest = honestPayload(random, index);
  if (random.below(3) > 0) return honest;
  const hostile = mutate(random, honest.slice());
  // [M6] What raises a shard beyond this release stops it, as it should.
  return hostile[0] === COMMAND.raise ? honest : hostile;
}

function honestPayload(random: Prng, index: number): Uint8Array {
  const timeMs = index * 10 + random.below(50);
  switch (random.below(12)) {
    case 0:
      return encodeShardCommand({ kind: 'raise', editions: EDITIONS }, timeMs);
    case 1:
      return encodeShardCommand({ kind: 'evict', keep: random.below(6) }, timeMs);
    case 2:
      return encodeShardCommand({ kind: 'wake' }, timeMs);
    case 3:
      return stamped(encodeCommand({ kind: 'open' }), timeMs);
    case 4:
      return stamped(encodeCommand({ kind: 'close', client: someClient(random, index) }), timeMs);
    case 5:
      return new Uint8Array(0);
    case 6:
    case 7:
      return packable(random, index, timeMs);
    default: {
      const commands = Array.from({ length: 1 + random.below(6) }, () =>
        packable(random, index, timeMs + random.below(3)),
      );
      return packCommands(commands, 0, commands.length);
    }
  }
}

function packable(random: Prng, index: number, timeMs: number): Uint8Array {
  const body = random.below(6) === 0 ? someBytes(random, random.below(40)) : words(random);
  if (random.below(2) === 0) return stamped(encodeCommand({ kind: 'plain', body }), timeMs);
  const [client, sequence] = [someClient(random, index), 1 + random.below(4)];
  return stamped(encodeCommand({ kind: 'session', client, sequence, body }), timeMs);
}

function words(random: Prng): Uint8Array {
  const key = 'abcab'.slice(0, 1 + random.below(4));
  const value = random.below(1_000);
  if (random.below(8) === 0) return utf8(`drop ${key}`);
  return utf8(random.below(2) === 0 ? `put ${key} ${value}` : `put ${key} ${value} ${value}`);
}

/** A session is named by the index of the entry that opened it. */
function someClient(random: Prng, index: number): number {
  return Math.max(0, index - random.below(60));
}

function stamped(command: Uint8Array, timeMs: number): Uint8Array {
  stampCommand(command, timeMs);
  return command;
}

function mutate(random: Prng, bytes: Uint8Array): Uint8Array {
  if (bytes.length === 0 || random.below(8) === 0) return someBytes(random, random.below(60));
  for (let i = random.below(4); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256);
  return random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

function someBytes(random: Prng, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
  const { done, malformed, states } = await fuzzEntries({
    runs: Number(values.runs ?? 100_000),
    seed: Number(values.seed ?? 1),
  });
  process.stdout.write(`${done} done, ${malformed} malformed, ${states} states compared\n`);
}
