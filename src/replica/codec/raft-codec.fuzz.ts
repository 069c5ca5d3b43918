// Hostile frames: honest messages that were mutated, cut, glued and lengthened, and random bytes.
// Nothing may throw, and what is taken for a message must have plausible numbers and come back the
// same when it is written again.
//
//   npm run fuzz -- raft-codec --runs 1000000 --seed 1

import { deepStrictEqual } from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { assert } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';
import { draftMessage, type Entry, type Message } from '../../core/raft/index.ts';
import { decodeMessage, encodeMessage, readRaftFrame } from './index.ts';

export interface FuzzResult {
  readonly taken: number;
  readonly refused: number;
}

export function fuzzCodec(options: { readonly runs: number; readonly seed: number }): FuzzResult {
  const random = Prng.from(options.seed, 'raft-codec');
  let [taken, refused] = [0, 0];
  for (let run = 0; run < options.runs; run++) {
    const bytes = hostileFrame(random);
    const found: Message[] = [];
    const whole = readRaftFrame(bytes, 2, 1, (shard, message) => {
      assert(shard >= 0 && shard < 2 ** 32, '[B4] a shard is a u32');
      check(message);
      found.push(message);
    });
    if (whole) taken += 1;
    else refused += 1;
    const last = found.at(-1);
    // Comparing deeply is slow: now and then is enough.
    if (last === undefined || random.below(16) > 0) continue;
    deepStrictEqual(decodeMessage(encodeMessage(7, last), 2, 1), { shard: 7, message: last });
  }
  return { taken, refused };
}

function check(message: Message): void {
  assert(message.from === 2 && message.to === 1, '[B1] the ids are those of the connection');
  for (const value of Object.values(message) as unknown[]) {
    if (typeof value !== 'number') continue;
    assert(Number.isSafeInteger(value) && value >= 0, '[B4] numbers are counters');
  }
  assert(message.entries.length === 0 || message.kind === 'append', '[B3] entries in appends');
  assert((message.snapshot !== undefined) === (message.kind === 'snapshot'), '[B3] snapshots');
}

function hostileFrame(random: Prng): Uint8Array {
  if (random.below(8) === 0) return randomBytes(random, random.below(64));
  const parts: Uint8Array[] = [];
  for (let i = random.below(3); i >= 0; i--)
    parts.push(encodeMessage(random.u32(), honest(random)));
  const bytes = Buffer.concat(parts);
  for (let i = random.below(4); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256);
  if (random.below(4) === 0) return bytes.subarray(0, random.below(bytes.length));
  return bytes;
}

function honest(random: Prng): Message {
  const index = random.below(10_000);
  switch (random.below(3)) {
    case 0:
      return {
        ...draftMessage('append', 2, 1, 9),
        index,
        logTerm: 8,
        entries: some(random, index),
      };
    case 1: {
      const confState = {
        voters: [1, 2, 3],
        votersOutgoing: [],
        learners: [4],
        learnersNext: [],
        autoLeave: false,
      };
      const data = randomBytes(random, 8);
      return {
        ...draftMessage('snapshot', 2, 1, 9),
        snapshot: { index, term: 8, confState, data },
      };
    }
    default:
      return { ...draftMessage('vote', 2, 1, 9), index, logTerm: 8, commit: index, forced: true };
  }
}

function some(random: Prng, index: number): readonly Entry[] {
  return Array.from({ length: random.below(5) }, (_, i) => ({
    term: 8 + (i >> 1),
    index: index + 1 + i,
    kind: 'normal',
    payload: randomBytes(random, random.below(30)),
  }));
}

function randomBytes(random: Prng, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
  const { taken, refused } = fuzzCodec({
    runs: Number(values.runs ?? 100_000),
    seed: Number(values.seed ?? 1),
  });
  process.stdout.write(`${taken} frames taken, ${refused} refused\n`);
}
