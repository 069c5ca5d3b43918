// Made-up bytes for all that a peer may send about snapshots: messages that were right and were
// then cut, lengthened, or changed in places, and streams of such chunks into a living receiver.
// Nothing may throw, and what is not whole must not be handed over.
//
//   node src/replica/snapshots/snapshot-wire.fuzz.ts --runs 100000 --seed 1

import { parseArgs } from 'node:util';
import { assert, must } from '../../base/assert.ts';
import { LIMITS } from '../../base/limits.ts';
import { Prng } from '../../base/prng.ts';
import { draftMessage, type Snapshot } from '../../core/raft/index.ts';
import { NO_PROGRESS } from '../state/index.ts';
import { votersOf } from '../state/state.support.ts';
import {
  decodeChunk,
  digestChunk,
  encodeEnd,
  encodePairs,
  encodeSame,
  pairBytes,
  progressAfter,
} from './chunks.ts';
import { Line, SHARD, Site } from './snapshots.support.ts';
import {
  decodeComparison,
  decodeHeader,
  decodeOffer,
  decodeVerdict,
  encodeComparison,
  encodeHeader,
  encodeOffer,
  encodeVerdict,
} from './wire.ts';

const ONE_IN = 50;

interface FuzzResult {
  readonly inputs: number;
  /** Inputs that were still readable after they were changed. */
  readonly readable: number;
  readonly streams: number;
}

export async function fuzzSnapshotWire(options: {
  readonly runs: number;
  readonly seed: number;
}): Promise<FuzzResult> {
  const random = Prng.from(options.seed, 'snapshot wire');
  let [readable, streams] = [0, 0];
  for (let run = 0; run < options.runs; run++) {
    const [bytes, decode] = must(samples(random)[random.below(7)], 'seven kinds');
    if (decode(spoil(bytes, random)) !== undefined) readable += 1;
    if (run % ONE_IN > 0) continue;
    await streamInto(random);
    streams += 1;
  }
  return { inputs: options.runs, readable, streams };
}

type Sample = readonly [bytes: Uint8Array, decode: (bytes: Uint8Array) => unknown];

function samples(random: Prng): readonly Sample[] {
  const snapshot = snapshotOf(random);
  const message = draftMessage('snapshot', 1, 2, 1 + random.below(9));
  message.snapshot = snapshot;
  const offer = encodeOffer(SHARD, message);
  const chunks = chunksOf(random);
  const [chunk = new Uint8Array(0)] = chunks;
  const digest = digestChunk(chunk);
  const ranges = chunks.map((one, at) => {
    // Some are longer than a key may be.
    const lastKey = randomBytes(random, at === 0 && random.below(8) === 0 ? 1_600 : 9);
    return { bytes: one.length, digest: digestChunk(one), lastKey };
  });
  const verdict = { kind: 'wanted', progress: NO_PROGRESS, compares: true } as const;
  const question = { shard: SHARD, name: snapshot.data, after: randomBytes(random, 4), ranges };
  return [
    [offer, (bytes) => decodeOffer(bytes, 1, 2)],
    [encodeHeader(random.below(3), offer), (bytes) => decodeHeader(bytes, 1, 2)],
    [encodeVerdict(verdict), decodeVerdict],
    [encodeVerdict({ kind: 'stale', term: 1 + random.below(9) }), decodeVerdict],
    [chunk, decodeChunk],
    [encodeSame(chunk.length, digest, randomBytes(random, 9)), decodeChunk],
    [encodeComparison(question), readComparison],
  ];
}

/** [N14] A receiver looks for these keys in its store, and reads a chunk for each range. */
function readComparison(bytes: Uint8Array): unknown {
  const comparison = decodeComparison(bytes);
  if (comparison === undefined) return undefined;
  const { after, ranges } = comparison;
  const keys = [after, ...ranges.map(({ lastKey }) => lastKey)];
  assert(keys.length <= 1 + LIMITS.snapshots.comparedChunksMax, '[N14] few are compared at once');
  assert(
    keys.every((key) => key.length <= 1 + LIMITS.state.keyBytesMax),
    '[N14] what may be a key is as long as one',
  );
  return comparison;
}

/** A receiver that has something gets a stream of which some is wrong. */
async function streamInto(random: Prng): Promise<void> {
  const line = new Line();
  const site = await Site.start(line, 2, { limits: { chunkBytesMax: 500 } });
  site.apply('100 set a 1', '100 set b 2');
  const before = site.data.digest();
  const snapshot = snapshotOf(random);
  const message = draftMessage('snapshot', 1, 2, 3);
  message.snapshot = snapshot;
  const header = encodeHeader(0, encodeOffer(SHARD, message));
  const incoming = must(site.snapshots.onStream(1, header), 'a sound header is accepted');
  let progress = NO_PROGRESS;
  let isSound = true;
  for (const chunk of chunksOf(random)) {
    const sent = random.below(4) === 0 ? spoil(chunk, random) : chunk;
    isSound &&= Buffer.compare(sent, chunk) === 0;
    await incoming.onChunk(sent);
    const decoded = decodeChunk(chunk);
    assert(decoded?.kind === 'pairs', '[N2] what was written can be read');
    progress = progressAfter(progress, chunk, digestChunk(chunk), decoded.pairs);
  }
  const end = encodeEnd(progress);
  const sentEnd = random.below(4) === 0 ? spoil(end, random) : end;
  isSound &&= Buffer.compare(sentEnd, end) === 0;
  await incoming.onChunk(sentEnd);
  if (random.below(8) === 0) {
    incoming.onAbort('the connection is lost');
    isSound = false;
  } else {
    assert((await incoming.onFinish()) === isSound, '[N3] whole or refused');
  }
  assert(site.stepped.length === (isSound ? 1 : 0), '[N8] handed over if and only if it is whole');
  assert(site.data.digest() === before, '[D15] nothing changed before the flip');
}

function snapshotOf(random: Prng): Snapshot {
  const index = 10 + random.below(100);
  return { index, term: 1, confState: votersOf(1, 2, 3), data: randomBytes(random, 16) };
}

/** A state of some chunks: keys of both spaces, in order. */
function chunksOf(random: Prng): Uint8Array[] {
  let serial = 0;
  return Array.from({ length: 1 + random.below(4) }, () => {
    const pairs = Array.from({ length: 1 + random.below(4) }, () => {
      serial += 1;
      const key = Uint8Array.of(serial > 3 ? 1 : 0, serial, ...randomBytes(random, 3));
      return { key, value: randomBytes(random, random.below(50)) };
    });
    const bytes = pairs.reduce((sum, pair) => sum + pairBytes(pair), 0);
    return encodePairs(pairs, bytes);
  });
}

function spoil(bytes: Uint8Array, random: Prng): Uint8Array {
  const what = random.below(5);
  if (what === 0) return bytes.slice(0, random.below(bytes.length + 1));
  if (what === 1) return Uint8Array.of(...bytes, ...randomBytes(random, 1 + random.below(4)));
  if (what === 2) return randomBytes(random, random.below(60));
  const spoilt = bytes.slice();
  for (let i = 0; i <= random.below(3); i++) {
    if (spoilt.length > 0) spoilt[random.below(spoilt.length)] = random.below(256);
  }
  return spoilt;
}

function randomBytes(random: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  const { inputs, readable, streams } = await fuzzSnapshotWire({ runs, seed });
  process.stdout.write(`${inputs} inputs, ${readable} of them readable, ${streams} streams\n`);
  assert(runs < 1_000 || (readable > runs / 50 && readable < runs), 'the run was not vacuous');
}

if (import.meta.main) await main();
