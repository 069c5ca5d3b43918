// Hostile datagrams against living cores: random bytes, mutated honest datagrams, and well-formed
// messages with absurd contents. Nothing may throw, no pair may go back, no memory grow.
//
//   node src/core/gossip/gossip.fuzz.ts --runs 1000000 --seed 1

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import { HostileDatagrams, STRANGER } from '../../../test/support/hostile-datagrams.ts';
import { assert } from '../../base/assert.ts';
import { Prng } from '../../base/prng.ts';
import type { Gossip } from './index.ts';

/** A fresh cluster from time to time, or all would be poisoned and dull. */
const RUNS_PER_CLUSTER = 2_000;

export interface FuzzResult {
  readonly handled: number;
  readonly refused: number;
}

export function fuzzGossip(options: { readonly runs: number; readonly seed: number }): FuzzResult {
  const random = Prng.from(options.seed, 'fuzz');
  let handled = 0;
  let refused = 0;
  let target = new Target(random);
  for (let run = 0; run < options.runs; run++) {
    if (run % RUNS_PER_CLUSTER === 0) target = new Target(random);
    if (target.attack()) handled += 1;
    else refused += 1;
  }
  return { handled, refused };
}

class Target {
  readonly #random: Prng;
  readonly #cluster = new GossipCluster();
  readonly #core: Gossip;
  readonly #hostile: HostileDatagrams;

  constructor(random: Prng) {
    this.#random = random;
    this.#core = this.#cluster.start('a', { initial: [['role', 'db']] });
    this.#cluster.start('b', { initial: [['text', 'ü'.repeat(300)]], protocolVersion: 1 });
    const samples: Uint8Array[] = [];
    this.#cluster.onDelivered = ({ bytes }) => samples.push(bytes);
    for (let round = 0; round < 4; round++) this.#cluster.roundOfAll(1_000, ['a']);
    this.#cluster.onDelivered = () => {};
    const core = this.#core;
    this.#hostile = new HostileDatagrams(random, samples, () => core.nodes().map(({ id }) => id));
  }

  /** One datagram into the core; true if it was taken for a message. */
  attack(): boolean {
    const core = this.#core;
    this.#cluster.nowMs += this.#random.below(300);
    const { nowMs } = this.#cluster;
    const before = core.nodes().map((view) => [view, view.lastGcVersion, view.maxVersion] as const);
    const forgotten = core.metrics().statesForgotten;
    const outcome = core.receive(this.#hostile.next(), STRANGER, nowMs);
    for (const [view, gc, max] of before) {
      const forward =
        view.lastGcVersion > gc || (view.lastGcVersion === gc && view.maxVersion >= max);
      const wasForgotten = core.metrics().statesForgotten > forgotten;
      assert(forward || wasForgotten, '[G12] a pair never goes back');
    }
    // A deletion that a stranger invents is followed if its supposed maker is not there to deny it.
    const role = core.get('role') ?? 'db';
    assert(role === 'db', '[G19] nobody else changes what this node wrote');
    if (outcome.kind === 'handled' && outcome.reply !== undefined) {
      assert(outcome.reply.length <= 65_507, '[G10] an answer fits a datagram');
    }
    if (this.#random.below(50) === 0) {
      core.round(nowMs, []);
      core.set('count', String(nowMs), nowMs);
      core.winners();
    }
    return outcome.kind === 'handled';
  }
}

/** What is in use once everything that can be collected is. */
async function heldBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // The memory behind typed arrays is given back only while this program pauses, bit by bit.
  for (let pause = 0; pause < 5; pause++) {
    collect();
    await setTimeout(100);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string', default: '100000' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [runs, seed] = [Number(values.runs), Number(values.seed)];
  fuzzGossip({ runs: Math.min(runs, 20_000), seed });
  const before = await heldBytes();
  const { handled, refused } = fuzzGossip({ runs, seed });
  const grownMiB = Math.round(((await heldBytes()) - before) / 2 ** 20);
  process.stdout.write(`${handled} taken, ${refused} refused, ${grownMiB} MiB more than before\n`);
  assert(grownMiB < 32, 'memory does not grow with hostile input [G27]');
  assert(runs < 1_000 || (handled > runs / 10 && refused > runs / 10), 'the run was not vacuous');
}

if (import.meta.main) await main();
