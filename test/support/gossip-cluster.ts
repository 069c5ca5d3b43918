// A cluster of gossip cores in one process, on virtual time, with a network that does what it is
// told. The transcripts of src/core/gossip/testdata drive it; property tests do too.

import { must } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import { Prng } from '../../src/base/prng.ts';
import {
  Gossip,
  type GossipId,
  type GossipSettings,
  type Outgoing,
  parseGossipConfig,
  type ReceiveOutcome,
} from '../../src/core/gossip/index.ts';
import { zstdBlocks } from './zstd-blocks.ts';

export interface Datagram {
  readonly from: string;
  readonly to: string;
  readonly bytes: Uint8Array;
}

export type ClusterSettings = Partial<Omit<GossipSettings, 'self'>> & {
  readonly generation?: bigint;
  readonly initial?: readonly (readonly [string, string])[];
};

export class GossipCluster {
  readonly nodes = new Map<string, Gossip>();
  readonly queue: Datagram[] = [];
  /** Called with every datagram that reaches its node, and what became of it. */
  onDelivered: (datagram: Datagram, outcome: ReceiveOutcome) => void = () => {};
  readonly #names = new Map<SocketAddress, string>();
  readonly #seed: number;
  nowMs = 0;

  constructor(seed = 1) {
    this.#seed = seed;
  }

  /** Adds a node, or restarts the one of this name: same address, new core. */
  start(name: string, settings: ClusterSettings = {}): Gossip {
    const { generation = 1n, initial = [], ...rest } = settings;
    const outcome = parseGossipConfig({
      clusterId: 'testing',
      gossipIntervalMs: 1_000,
      keyGraceMs: 10_000,
      deadNodeGraceMs: 20_000,
      initialIntervalMs: 1_000,
      ...rest,
      self: { nodeId: name, generation, address: this.addressOf(name) },
    });
    if (outcome.kind === 'refused') throw new Error(`${outcome.field} ${outcome.why}`);
    const random = Prng.from(this.#seed, `${name}#${generation}`);
    const node = new Gossip(outcome.config, { random, blocks: zstdBlocks }, this.nowMs, initial);
    this.nodes.set(name, node);
    return node;
  }

  node(name: string): Gossip {
    return must(this.nodes.get(name), `a node named ${name}`);
  }

  addressOf(name: string): SocketAddress {
    for (const [address, known] of this.#names) if (known === name) return address;
    const host = this.#names.size + 1;
    const address = `10.0.${host >> 8}.${host & 255}:7000` as SocketAddress;
    this.#names.set(address, name);
    return address;
  }

  nameOf(id: GossipId): string {
    return id.generation === 1n ? id.nodeId : `${id.nodeId}#${id.generation}`;
  }

  send(from: string, datagrams: readonly Outgoing[]): void {
    for (const { to, bytes } of datagrams) {
      this.queue.push({ from, to: this.#names.get(to) ?? to, bytes });
    }
  }

  round(name: string, seeds: readonly string[] = []): void {
    const addresses = seeds.map((seed) => this.addressOf(seed));
    this.send(name, this.node(name).round(this.nowMs, addresses));
  }

  /** Hands a datagram to its node, if that is running, and queues the answer. */
  deliver(datagram: Datagram): void {
    const node = this.nodes.get(datagram.to);
    if (node === undefined) return;
    const outcome = node.receive(datagram.bytes, this.addressOf(datagram.from), this.nowMs);
    this.onDelivered(datagram, outcome);
    if (outcome.kind === 'handled' && outcome.reply !== undefined) {
      this.queue.push({ from: datagram.to, to: datagram.from, bytes: outcome.reply });
    }
  }

  deliverAll(): void {
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) {
      this.deliver(next);
    }
  }

  /** One whole exchange started by `from`. */
  exchange(from: string, to: string): void {
    this.send(from, [this.node(from).gossipTo(this.addressOf(to), this.nowMs)]);
    this.deliverAll();
  }

  /** Every node does its round, one after the other, and everything arrives. */
  roundOfAll(stepMs: number, seeds: readonly string[] = []): void {
    this.nowMs += stepMs;
    for (const name of this.nodes.keys()) {
      this.round(name, seeds);
      this.deliverAll();
    }
  }
}
