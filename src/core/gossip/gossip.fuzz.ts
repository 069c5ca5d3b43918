// Hostile datagrams against living cores: random bytes, mutated honest datagrams, and well-formed
// messages with absurd contents. Nothing may throw, no pair may go back, no memory grow.
//
//   node src/core/gossip/gossip.fuzz.ts --runs 1000000 --seed 1

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { GossipCluster } from '../../../test/support/gossip-cluster.ts';
import {
  encodeWire,
  type WireEntry,
  type WireOperation,
} from '../../../test/support/gossip-wire.ts';
import { assert, must } from '../../base/assert.ts';
import type { SocketAddress } from '../../base/ids.ts';
import { Prng } from '../../base/prng.ts';
import type { Gossip, GossipId } from './index.ts';

/** A fresh cluster from time to time, or all would be poisoned and dull. */
const RUNS_PER_CLUSTER = 2_000;
const STRANGER = '10.9.9.9:9' as SocketAddress;
const EDGES = [0n, 1n, 2n, 5n, 2n ** 32n, 2n ** 48n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n];
const TEXTS = ['', 'k', 'role', 'parley.leaving', 'é', 'aé', '\u{10ffff}', 'x'.repeat(70_000)];

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
  readonly #samples: Uint8Array[] = [];

  constructor(random: Prng) {
    this.#random = random;
    this.#core = this.#cluster.start('a', { initial: [['role', 'db']] });
    this.#cluster.start('b', { initial: [['text', 'ü'.repeat(300)]], protocolVersion: 1 });
    this.#cluster.onDelivered = ({ bytes }) => this.#samples.push(bytes);
    for (let round = 0; round < 4; round++) this.#cluster.roundOfAll(1_000, ['a']);
    this.#cluster.onDelivered = () => {};
  }

  /** One datagram into the core; true if it was taken for a message. */
  attack(): boolean {
    const core = this.#core;
    this.#cluster.nowMs += this.#random.below(300);
    const { nowMs } = this.#cluster;
    const before = core.nodes().map((view) => [view, view.lastGcVersion, view.maxVersion] as const);
    const outcome = core.receive(this.#invent(), STRANGER, nowMs);
    for (const [view, gc, max] of before) {
      const forward =
        view.lastGcVersion > gc || (view.lastGcVersion === gc && view.maxVersion >= max);
      assert(forward, '[G12] a pair never goes back');
    }
    assert(core.get('role') === 'db', '[G19] nobody else changes what this node wrote');
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

  #invent(): Uint8Array {
    const kind = this.#random.below(10);
    if (kind === 0) return this.#noise(this.#random.below(400));
    if (kind < 6) return this.#mutate(must(this.#pick(this.#samples), 'there are samples'));
    const absurd = this.#absurd();
    return kind < 8 ? absurd : this.#mutate(absurd);
  }

  #pick<Item>(items: readonly Item[]): Item | undefined {
    return items[this.#random.below(items.length)];
  }

  #noise(length: number): Uint8Array {
    const bytes = Uint8Array.from({ length }, () => this.#random.below(256));
    const [version, type] = [this.#random.below(2), this.#random.below(4)];
    if (this.#random.below(4) > 0) bytes.set([0x53, 0xb0, version, type].slice(0, length));
    return bytes;
  }

  #mutate(sample: Uint8Array): Uint8Array {
    const bytes = sample.slice();
    for (let left = this.#random.below(4); left >= 0 && bytes.length > 0; left--) {
      bytes[this.#random.below(bytes.length)] = this.#random.below(256);
    }
    return this.#random.below(4) === 0
      ? bytes.slice(0, this.#random.below(bytes.length + 1))
      : bytes;
  }

  #absurd(): Uint8Array {
    const version = this.#random.below(2);
    const type = must(this.#pick(['syn', 'synAck', 'ack'] as const), 'a type');
    const digest = Array.from({ length: this.#random.below(5) }, () => this.#entry());
    const delta = Array.from({ length: this.#random.below(6) }, () => this.#operation());
    if (type === 'syn') return encodeWire({ version, type, digest, clusterId: 'testing' });
    return encodeWire({ version, type, ...(type === 'ack' ? {} : { digest }), delta });
  }

  #entry(): WireEntry {
    return {
      id: this.#id(),
      heartbeat: this.#number(),
      lastGc: this.#number(),
      max: this.#number(),
    };
  }

  #operation(): WireOperation {
    const kind = this.#random.below(5);
    if (kind === 0) return { op: 'setMax', max: this.#number() };
    if (kind < 3) {
      return { op: 'node', id: this.#id(), lastGc: this.#number(), fromExcluded: this.#number() };
    }
    return {
      op: 'keyValue',
      key: this.#text(),
      value: this.#text(),
      version: this.#number(),
      status: this.#random.below(4),
    };
  }

  #id(): GossipId {
    const known = this.#core.nodes().map(({ id }) => id);
    const invented: GossipId = {
      nodeId: this.#text(),
      generation: this.#number(),
      address: STRANGER,
    };
    return this.#random.below(3) === 0 ? invented : must(this.#pick(known), 'at least itself');
  }

  #text(): string {
    const text = must(this.#pick(TEXTS), 'a text');
    return text.length > 65_535 && this.#random.below(20) > 0 ? 'rare' : text.slice(0, 65_535);
  }

  #number(): bigint {
    return this.#random.below(2) === 0
      ? must(this.#pick(EDGES), 'a number')
      : BigInt(this.#random.below(40));
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
