// Hostile requests and answers: honest ones that were mutated and cut, and random bytes. Nothing
// may throw, and what is taken must come back the same when it is written again.
//
//   npm run fuzz -- requests --runs 1000000 --seed 1

import { deepStrictEqual } from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { assert } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';
import { encodeCommand } from '../state/index.ts';
import type { ReadAnswer, WriteOutcome } from '../types.ts';
import {
  decodeProposeAnswer,
  decodeReadReply,
  encodeProposeAnswer,
  encodeReadReply,
} from './answers.ts';
import { decodePropose, decodeRead, encodePropose, encodeRead } from './bodies.ts';

export interface FuzzResult {
  readonly taken: number;
  readonly refused: number;
}

interface Codec<T> {
  readonly honest: (random: Prng) => T;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T | undefined;
}

const codecs = [
  codec({ honest: honestPropose, encode: encodePropose, decode: decodePropose }),
  codec({ honest: honestRead, encode: encodeRead, decode: decodeRead }),
  codec({ honest: honestAnswer, encode: encodeProposeAnswer, decode: decodeProposeAnswer }),
  codec({ honest: honestReply, encode: encodeReadReply, decode: decodeReadReply }),
];

export function fuzzRequests(options: {
  readonly runs: number;
  readonly seed: number;
}): FuzzResult {
  const random = Prng.from(options.seed, 'requests');
  let [taken, refused] = [0, 0];
  for (let run = 0; run < options.runs; run++) {
    const attack = codecs[random.below(codecs.length)];
    assert(attack !== undefined, 'there are codecs');
    if (attack(random)) taken += 1;
    else refused += 1;
  }
  return { taken, refused };
}

/** One input for this codec; true if it was taken. */
function codec<T>({ honest, encode, decode }: Codec<T>): (random: Prng) => boolean {
  return (random) => {
    const bytes = mutate(random, new Uint8Array(encode(honest(random))));
    const value = decode(bytes);
    if (value === undefined) return false;
    deepStrictEqual(decode(new Uint8Array(encode(value))), value);
    return true;
  };
}

function mutate(random: Prng, bytes: Uint8Array): Uint8Array {
  if (random.below(8) === 0) return someBytes(random, random.below(40));
  for (let i = random.below(4); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256);
  return random.below(4) === 0 ? bytes.subarray(0, random.below(bytes.length)) : bytes;
}

function honestPropose(random: Prng) {
  const commands = Array.from({ length: 1 + random.below(4) }, () =>
    encodeCommand({ kind: 'plain', body: someBytes(random, 20) }),
  );
  return { shard: random.below(300), isForwarded: random.below(2) === 1, commands };
}

function honestRead(random: Prng) {
  const level = (['strong', 'lease', 'local'] as const)[random.below(3)] ?? 'strong';
  const question = someBytes(random, 10);
  return { shard: random.below(300), isForwarded: random.below(2) === 1, level, question };
}

function honestAnswer(random: Prng) {
  const outcomes = Array.from({ length: random.below(5) }, (): WriteOutcome => {
    switch (random.below(3)) {
      case 0:
        return { kind: 'applied', index: 1 + random.below(9_999), result: someBytes(random, 9) };
      case 1:
        return { kind: 'refused', reason: 'notLeader', leader: random.below(4) };
      default:
        return { kind: 'unknown', reason: 'timeout' };
    }
  });
  return { leader: random.below(4), outcomes };
}

function honestReply(random: Prng) {
  const result = someBytes(random, 9);
  const answer: ReadAnswer =
    random.below(2) === 0
      ? { kind: 'answered', index: random.below(9_999), level: 'lease', result }
      : { kind: 'refused', reason: 'noLeader', leader: random.below(4) };
  return { leader: random.below(4), answer };
}

function someBytes(random: Prng, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(256));
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { runs: { type: 'string' }, seed: { type: 'string' } } });
  const { taken, refused } = fuzzRequests({
    runs: Number(values.runs ?? 100_000),
    seed: Number(values.seed ?? 1),
  });
  process.stdout.write(`${taken} taken, ${refused} refused\n`);
}
