// Hundreds of gossip cores in one simulated world, each with a socket and a round timer of its own.

import { type Machine, World } from '../../sim/index.ts';
import { must } from '../../src/base/assert.ts';
import type { DatagramSocket } from '../../src/base/capabilities.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import { Gossip, type GossipId, parseGossipConfig } from '../../src/core/gossip/index.ts';
import { zstdBlocks } from '../../src/engine/codec/index.ts';

export const INTERVAL_MS = 500;
const PORT = 7_000;
/** Keys of the trials: every peer listens for them. */
const PREFIX = 'trial/';

/**
 * Datagrams of a crowd are hundreds of megabytes per round. The network copies each as it is sent,
 * so that the few which one call makes can take turns in the same memory.
 */
const DATAGRAMS_PER_CALL_MAX = 16;
const datagrams = Array.from({ length: DATAGRAMS_PER_CALL_MAX }, () => new Uint8Array(65_536));
let datagramsMade = 0;

function allocate(bytes: number): Uint8Array {
  const memory = must(datagrams[datagramsMade % DATAGRAMS_PER_CALL_MAX], 'they take turns');
  datagramsMade += 1;
  return memory.subarray(0, bytes);
}

export interface CrowdOptions {
  readonly lossRate: number;
  readonly seed: number;
}

/** One member: a gossip core on a socket, and nothing else. */
export class Peer {
  readonly member: Machine;
  readonly gossip: Gossip;
  readonly #seeds: readonly SocketAddress[];
  #socket: DatagramSocket | undefined;

  constructor(member: Machine, seeds: readonly SocketAddress[], onKey: (key: string) => void) {
    this.member = member;
    this.#seeds = seeds;
    const self: GossipId = { nodeId: member.name, generation: 1n, address: member.address(PORT) };
    const parsed = parseGossipConfig({
      self,
      clusterId: 'bench',
      gossipIntervalMs: INTERVAL_MS,
      keyGraceMs: 60_000,
    });
    if (parsed.kind === 'refused') throw new Error(`${parsed.field} ${parsed.why}`);
    const { random } = member.capabilities;
    const ports = { random, blocks: zstdBlocks, allocate };
    this.gossip = new Gossip(parsed.config, ports, 0, [['service', 'dht']]);
    this.gossip.subscribe(PREFIX, ({ key }) => onKey(key));
  }

  get id(): GossipId {
    return this.gossip.config.self;
  }

  /** Opens the socket and begins its rounds, at a random point of the first interval. */
  async start(): Promise<void> {
    const { net, clock, random } = this.member.capabilities;
    this.#socket = await net.openDatagrams(this.id.address, {
      onDatagram: (bytes, from) => {
        const outcome = this.gossip.receive(bytes, from, clock.monotonicMs());
        if (outcome.kind === 'handled' && outcome.reply !== undefined)
          this.#send(outcome.reply, from);
      },
      onTrouble: (reason) => {
        throw new Error(`the simulated network refuses a datagram: ${reason}`);
      },
    });
    clock.setTimer(random.unit() * INTERVAL_MS, () => this.#round());
  }

  #round(): void {
    const { clock } = this.member.capabilities;
    clock.setTimer(INTERVAL_MS, () => this.#round());
    for (const { to, bytes } of this.gossip.round(clock.monotonicMs(), this.#seeds)) {
      this.#send(bytes, to);
    }
  }

  #send(bytes: Uint8Array, to: SocketAddress): void {
    must(this.#socket, 'a peer sends after it started').send(bytes, to);
  }

  setKey(key: string): void {
    const { clock } = this.member.capabilities;
    this.gossip.set(`${PREFIX}${key}`, 'here', clock.monotonicMs());
  }
}

export class Crowd {
  readonly world: World;
  readonly #peers: Peer[] = [];
  /** How many peers know the key of a trial. */
  readonly #reach = new Map<string, number>();

  constructor(options: CrowdOptions) {
    this.world = new World({ seed: options.seed, logLevel: 'error' });
    this.world.network.links.all({ lossRate: options.lossRate, delayMsMin: 0.2, delayMsMean: 1 });
  }

  /** Members that run. */
  get peers(): readonly Peer[] {
    return this.#peers.filter(({ member }) => member.alive);
  }

  /** Starts `count` more members. The very first is everyone's seed. */
  async join(count: number): Promise<readonly Peer[]> {
    const newcomers: Peer[] = [];
    for (let i = 0; i < count; i++) {
      const number = String(this.#peers.length + 1).padStart(4, '0');
      const seeds = this.#peers.slice(0, 1).map(({ id }) => id.address);
      const peer = new Peer(this.world.machine(`node-${number}`), seeds, (key) => {
        this.#reach.set(key, this.reachOf(key) + 1);
      });
      this.#peers.push(peer);
      newcomers.push(peer);
    }
    await this.world.settle(Promise.all(newcomers.map((peer) => peer.start())));
    return newcomers;
  }

  reachOf(key: string): number {
    return this.#reach.get(key) ?? 0;
  }

  /** Live members that some member took for dead, counted once per member that did. */
  falseDeaths(): number {
    return this.peers.reduce((sum, { gossip }) => sum + gossip.metrics().deaths, 0);
  }
}
