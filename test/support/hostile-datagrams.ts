// Datagrams that no honest node would send: noise, honest ones with bytes changed or cut off, and
// well-formed messages with absurd contents. For the fuzzers of the gossip core and of the member.

import { must } from '../../src/base/assert.ts';
import type { Random } from '../../src/base/capabilities.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { GossipId } from '../../src/core/gossip/index.ts';
import { encodeWire, type WireEntry, type WireOperation } from './gossip-wire.ts';

const EDGES = [0n, 1n, 2n, 5n, 2n ** 32n, 2n ** 48n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 64n - 1n];
const TEXTS = ['', 'k', 'role', 'parley.leaving', 'é', 'aé', '\u{10ffff}', 'x'.repeat(70_000)];

/** Nobody has this address. */
export const STRANGER = '10.9.9.9:9' as SocketAddress;

export class HostileDatagrams {
  readonly #random: Random;
  readonly #samples: readonly Uint8Array[];
  readonly #knownIds: () => readonly GossipId[];

  /** `samples` are honest datagrams of the cluster, `knownIds` the ids worth lying about. */
  constructor(random: Random, samples: readonly Uint8Array[], knownIds: () => readonly GossipId[]) {
    this.#random = random;
    this.#samples = samples;
    this.#knownIds = knownIds;
  }

  next(): Uint8Array {
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
    const invented: GossipId = {
      nodeId: this.#text(),
      generation: this.#number(),
      address: STRANGER,
    };
    return this.#random.below(3) === 0
      ? invented
      : must(this.#pick(this.#knownIds()), 'at least the target');
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
