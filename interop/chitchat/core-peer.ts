// Parley's gossip core in this process, on a real UDP socket. It can be asked for what the HTTP API
// of a member does not offer, and sees every datagram.

import { must } from '../../src/base/assert.ts';
import type { Clock, DatagramSocket, Net, Timer } from '../../src/base/capabilities.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import {
  type NodeView as CoreNodeView,
  Gossip,
  type GossipConfig,
  type NodeEntry,
  parseGossipConfig,
  type WriteOutcome,
} from '../../src/core/gossip/index.ts';
import { realCapabilities } from '../../src/engine/capabilities.ts';
import { zstdBlocks } from '../../src/engine/codec/index.ts';
import { type Entries, type Peer, type PeerSettings } from './peer.ts';
import { type ClusterView, type EntryView, idText, type NodeView } from './view.ts';

const STATUS = { set: 'Set', deleted: 'Delete', deleteAfterTtl: 'DeleteAfterTtl' } as const;

export class CorePeer implements Peer {
  readonly nodeId: string;
  readonly address: string;
  readonly id: string;
  readonly #clock: Clock;
  readonly #seeds: readonly SocketAddress[];
  readonly #gossip: Gossip;
  readonly #faults: string[] = [];
  readonly #messagesSeen = new Set<string>();
  readonly #blocks = { compressed: 0, decompressed: 0 };
  #catchups = 0;
  #socket: DatagramSocket | undefined;
  #timer: Timer | undefined;
  #frozen = false;

  private constructor(settings: PeerSettings) {
    const { clock, random } = realCapabilities({ level: 'error' });
    this.nodeId = settings.nodeId;
    this.address = settings.address;
    this.id = idText(settings.nodeId, settings.generation, settings.address);
    this.#clock = clock;
    this.#seeds = settings.seeds.map((seed) => seed.address as SocketAddress);
    const config = gossipConfig(settings, () => {
      this.#catchups += 1;
    });
    this.#gossip = new Gossip(config, { random, blocks: this.#countedBlocks() }, this.#nowMs());
  }

  static async start(settings: PeerSettings): Promise<CorePeer> {
    const peer = new CorePeer(settings);
    await peer.#open(realCapabilities({ level: 'error' }).net);
    return peer;
  }

  view(): Promise<ClusterView> {
    const nodes = this.#gossip.nodes().map(viewOf);
    return Promise.resolve({
      clusterId: this.#gossip.config.clusterId,
      live: this.#gossip.liveNodes().map(textOf),
      dead: this.#gossip.deadNodes().map(textOf),
      nodes: new Map(nodes.map((node) => [node.id, node])),
    });
  }

  set(entries: Entries): Promise<void> {
    return this.#writeAll(entries, ([key, value], now) => this.#gossip.set(key, value, now));
  }

  setWithTtl(entries: Entries): Promise<void> {
    return this.#writeAll(entries, ([key, value], now) => this.#gossip.setWithTtl(key, value, now));
  }

  delete(keys: readonly string[]): Promise<void> {
    return this.#writeAll(keys, (key, now) => this.#gossip.delete(key, now));
  }

  deleteAfterTtl(keys: readonly string[]): Promise<void> {
    return this.#writeAll(keys, (key, now) => this.#gossip.deleteAfterTtl(key, now));
  }

  gossipTo(address: string): Promise<void> {
    const { to, bytes } = this.#gossip.gossipTo(address as SocketAddress, this.#nowMs());
    this.#socket?.send(bytes, to);
    return Promise.resolve();
  }

  /** How often a peer's state was replaced as a whole. */
  catchups(): number {
    return this.#catchups;
  }

  /** Kinds of messages received, as `synAck v1`. */
  messagesSeen(): ReadonlySet<string> {
    return this.#messagesSeen;
  }

  blockCounts(): { readonly compressed: number; readonly decompressed: number } {
    return this.#blocks;
  }

  freeze(): void {
    this.#frozen = true;
  }

  thaw(): void {
    this.#frozen = false;
  }

  async kill(): Promise<void> {
    this.#frozen = true;
    this.#timer?.cancel();
    await this.#socket?.close();
    this.#socket = undefined;
  }

  /** A real peer never sends what the core refuses or leaves out. */
  faults(): readonly string[] {
    const metrics = this.#gossip.metrics();
    const unwelcome = {
      trailingBytes: metrics.trailingBytes,
      nodesRefused: metrics.nodesRefused,
      keysRefused: metrics.keysRefused,
      keysOverLimit: metrics.keysOverLimit,
      sectionsImplausible: metrics.sectionsImplausible,
      heartbeatsImplausible: metrics.heartbeatsImplausible,
      selfLifts: metrics.selfLifts,
      statesForgotten: metrics.statesForgotten,
    };
    const counted = Object.entries(unwelcome)
      .filter(([, count]) => count > 0)
      .map(([name, count]) => `${this.nodeId}: ${name} is ${count}`);
    return [...this.#faults, ...counted];
  }

  async #open(net: Net): Promise<void> {
    this.#socket = await net.openDatagrams(this.address as SocketAddress, {
      onDatagram: (bytes, from) => this.#receive(bytes, from),
      // ICMP answers of peers that were just killed.
      onTrouble: () => {},
    });
    this.#round();
  }

  #round(): void {
    const { gossipIntervalMs } = this.#gossip.config;
    this.#timer = this.#clock.setTimer(gossipIntervalMs, () => this.#round());
    if (this.#frozen) return;
    for (const { to, bytes } of this.#gossip.round(this.#nowMs(), this.#seeds)) {
      this.#socket?.send(bytes, to);
    }
  }

  #receive(bytes: Uint8Array, from: SocketAddress): void {
    if (this.#frozen) return;
    const outcome = this.#gossip.receive(bytes, from, this.#nowMs());
    if (outcome.kind === 'refused') {
      const hex = Buffer.from(bytes.subarray(0, 64)).toString('hex');
      this.#faults.push(`${this.nodeId}: refused ${outcome.reason} from ${from}: ${hex}`);
      return;
    }
    this.#messagesSeen.add(`${outcome.type} v${bytes[2]}`);
    if (outcome.reply !== undefined) this.#socket?.send(outcome.reply, from);
  }

  #writeAll<Item>(
    items: readonly Item[],
    write: (item: Item, nowMs: number) => WriteOutcome,
  ): Promise<void> {
    for (const item of items) {
      const outcome = write(item, this.#nowMs());
      if (outcome.kind === 'refused') throw new Error(`${this.nodeId} refused ${outcome.reason}`);
    }
    return Promise.resolve();
  }

  #countedBlocks(): typeof zstdBlocks {
    return {
      compress: (raw) => {
        const frame = zstdBlocks.compress(raw);
        if (frame !== undefined) this.#blocks.compressed += 1;
        return frame;
      },
      decompress: (frame, sizeExact) => {
        this.#blocks.decompressed += 1;
        return zstdBlocks.decompress(frame, sizeExact);
      },
    };
  }

  #nowMs(): number {
    return this.#clock.monotonicMs();
  }
}

function gossipConfig(settings: PeerSettings, onCatchUp: () => void): GossipConfig {
  const { nodeId, generation } = settings;
  const outcome = parseGossipConfig({
    self: { nodeId, generation, address: settings.address as SocketAddress },
    clusterId: settings.clusterId,
    gossipIntervalMs: settings.intervalMs,
    initialIntervalMs: settings.initialIntervalMs,
    keyGraceMs: settings.keyGraceMs,
    deadNodeGraceMs: settings.deadGraceMs,
    protocolVersion: settings.protocolVersion,
    onCatchUp,
  });
  return must(outcome.kind === 'config' ? outcome.config : undefined, 'the settings are in range');
}

function textOf(id: CoreNodeView['id']): string {
  return idText(id.nodeId, id.generation, id.address);
}

function viewOf(node: CoreNodeView): NodeView {
  return {
    id: textOf(node.id),
    heartbeat: node.heartbeat,
    maxVersion: node.maxVersion,
    lastGcVersion: node.lastGcVersion,
    entries: new Map(node.entries().map((entry) => [entry.key, entryOf(entry)])),
  };
}

function entryOf({ value, version, status }: NodeEntry): EntryView {
  return { value, version, status: STATUS[status] };
}
