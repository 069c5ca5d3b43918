// Writes keys of gossip on members drawn by lot, and after healing asks for what was promised: a
// write that follows what its member shows wins everywhere, a deletion too, for good.

import type { Prng } from '../../src/base/prng.ts';
import type { Cluster } from './cluster.ts';
import {
  type GossipProcess,
  gossipDisagreement,
  knownOfThePast,
  shownBy,
  wrongView,
} from './gossip-oracle.ts';
import { oneOf } from './strikes.ts';

const KEYS = 12;
const PAUSE_MS_MAX = 300;
const DELETE_SHARE = 3;
/** Of values: what gossip takes, and what it packs to nothing. */
const LARGEST = 15_000;
const BURST_KEYS = 90;
const BURST_PAUSE_MS = 8_000;
/** Rounds in which a write reaches everybody. */
const SPREAD_ROUNDS = 40;
/** Rounds in which members see who lives, whatever they believed before. */
const SETTLE_ROUNDS = 300;
const PROBES = 6;

/** Runs until there is no complaint, or for too long. */
export type MustBecome = (withinMs: number, complaint: () => string | undefined) => Promise<void>;

export class GossipClients {
  readonly #cluster: Cluster;
  readonly #random: Prng;
  #written = 0;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#random = cluster.world.random('gossip clients');
  }

  start(): void {
    if (this.#cluster.scenario.gossip === undefined) return;
    this.#again();
    this.#burstAgain();
  }

  #again(): void {
    this.#cluster.world.after(this.#random.below(PAUSE_MS_MAX), () => {
      if (this.#cluster.isHealing) return;
      const process = oneOf(this.#processes(), this.#random);
      if (process !== undefined) this.#write(process);
      this.#again();
    });
  }

  #write(process: GossipProcess): void {
    const { gossipOracle, note } = this.#cluster;
    const key = `k${this.#random.below(KEYS)}`;
    if (this.#random.below(DELETE_SHARE) === 0) {
      note(process.name, 'ask', `gossip: delete ${key}`);
      gossipOracle.delete(process, key);
      return;
    }
    const value = this.#newValue();
    note(process.name, 'ask', `gossip: set ${key} to ${value.slice(0, 12)} (${value.length})`);
    gossipOracle.set(process, key, value);
  }

  /** More at once than a datagram takes, and less than nothing once it is packed. */
  #burstAgain(): void {
    if (this.#cluster.scenario.gossip?.hasBursts !== true) return;
    this.#cluster.world.after(this.#random.below(2 * BURST_PAUSE_MS), () => {
      const process = oneOf(this.#processes(), this.#random);
      if (this.#cluster.isHealing || process === undefined) return;
      const value = this.#newValue().padEnd(LARGEST, 'x');
      for (let i = 0; i < BURST_KEYS; i++) this.#cluster.gossipOracle.set(process, `b${i}`, value);
      this.#burstAgain();
    });
  }

  /** One that was never written before. */
  #newValue(): string {
    this.#written += 1;
    const name = `v${this.#written}.`;
    const draw = this.#random.below(6);
    if (draw === 0) return name.padEnd(LARGEST, 'x');
    if (draw === 1) return name.padEnd(9_900, '{"name":"value","more":[1,2,3]}');
    if (draw > 2) return name;
    let noise = name;
    while (noise.length < 3_000) noise += this.#random.below(2 ** 31).toString(36);
    return noise;
  }

  #processes(): GossipProcess[] {
    return this.#cluster.gossipProcesses();
  }

  // --- after healing ----------------------------------------------------------------------------

  /** Whatever was believed before, all agree again. */
  async settle(mustBecome: MustBecome): Promise<void> {
    const { gossip } = this.#cluster.scenario;
    if (gossip === undefined) return;
    const withinMs = SETTLE_ROUNDS * gossip.intervalMs + gossip.deadGraceMs;
    await mustBecome(withinMs, () => {
      const processes = this.#processes();
      return gossipDisagreement(processes) ?? wrongView(processes);
    });
  }

  /** Writes, deletions and what is left of them when their tombstones are gone. */
  async probe(mustBecome: MustBecome): Promise<void> {
    const { gossip } = this.#cluster.scenario;
    if (gossip === undefined) return;
    await this.settle(mustBecome);
    if (this.#cluster.failure !== undefined) return;
    const keys = Array.from({ length: PROBES }, (_, i) => `k${i}`);
    const spreadMs = SPREAD_ROUNDS * gossip.intervalMs;
    const written = new Map(keys.map((key) => [key, this.#newValue()]));
    for (const [key, value] of written) this.#at((process) => this.#set(process, key, value));
    await mustBecome(spreadMs, () => this.#missing(written));
    const [kept, ...gone] = keys;
    for (const key of gone) this.#at((process) => this.#delete(process, key));
    await mustBecome(spreadMs, () => this.#left(gone));
    // Values written since must outlive what is left of the deletions.
    const again = new Map(gone.slice(0, 2).map((key) => [key, this.#newValue()]));
    for (const [key, value] of again) this.#at((process) => this.#set(process, key, value));
    await mustBecome(spreadMs, () => this.#missing(again));
    if (kept !== undefined) again.set(kept, written.get(kept) ?? '');
    const endMs = this.#cluster.nowMs + gossip.keyGraceMs + spreadMs;
    await mustBecome(2 * gossip.keyGraceMs + 2 * spreadMs, () => {
      const wrong = this.#missing(again) ?? this.#left(gone.slice(2));
      if (wrong !== undefined) this.#cluster.violate(`after the grace, ${wrong}`);
      return this.#cluster.nowMs < endMs ? 'the grace is not over' : undefined;
    });
    await this.settle(mustBecome);
    // Everybody counts the grace from when it heard of the dead: at worst one after another.
    const forgottenMs = 2 * gossip.deadGraceMs + spreadMs;
    await mustBecome(forgottenMs, () => knownOfThePast(this.#processes()));
  }

  #set(process: GossipProcess, key: string, value: string): void {
    this.#cluster.note(process.name, 'ask', `gossip: set ${key} to ${value.slice(0, 12)}`);
    this.#cluster.gossipOracle.set(process, key, value);
  }

  #delete(process: GossipProcess, key: string): void {
    this.#cluster.note(process.name, 'ask', `gossip: delete ${key}`);
    this.#cluster.gossipOracle.delete(process, key);
  }

  #at(act: (process: GossipProcess) => void): void {
    const process = oneOf(this.#processes(), this.#random);
    if (process !== undefined) act(process);
  }

  #missing(written: ReadonlyMap<string, string>): string | undefined {
    for (const { gossip, name } of this.#processes()) {
      const shown = shownBy(gossip);
      for (const [key, value] of written) {
        if (shown.get(key) !== value) return `${name} does not show ${key} as it was set last`;
      }
    }
    return undefined;
  }

  #left(deleted: readonly string[]): string | undefined {
    for (const { gossip, name } of this.#processes()) {
      const shown = shownBy(gossip);
      const key = deleted.find((each) => shown.has(each));
      if (key !== undefined) return `${name} shows ${key}, which was deleted`;
    }
    return undefined;
  }
}
