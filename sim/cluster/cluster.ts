// A simulated cluster of whole members: who there is, who runs, and who starts again when.

import { must } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { Prng } from '../../src/base/prng.ts';
import type { ShardMachine } from '../../src/core/machine.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { ShardStatus } from '../../src/replica/types.ts';
import { World } from '../world.ts';
import { Atlas } from './atlas.ts';
import { type ClusterCounters, noClusterCounts } from './counters.ts';
import { hear } from './heard.ts';
import { Oracle } from './oracle.ts';
import type { Neighbour, OpenProgram } from './program.ts';
import type { Scenario } from './scenario.ts';
import { Site } from './site.ts';

const PORT = 7_000;
/** How long a wiped member runs among peers that must not listen to it. */
const WIPED_LINGER_MS = 3_000;
const RETRY_MS = 500;
/** The slowest disk is done by then. */
const STOP_MS = 30_000;

/** Who tells what: a member (m1), a client (c1), or nobody in particular (--). */
export type Listener = (who: string, what: string, text: string) => void;

export class Cluster {
  readonly scenario: Scenario;
  readonly world: World;
  readonly counters: ClusterCounters = noClusterCounts();
  readonly oracle: Oracle;
  readonly atlas: Atlas;
  readonly machine: ShardMachine;
  readonly sites = new Map<MemberId, Site>();
  /** Those that clients use first, then the idle ones. */
  readonly shards: readonly ShardId[];
  /** No new trouble, and whoever is down comes back at once. */
  isHealing = false;
  /** The first thing that must never happen, if it did. */
  failure: string | undefined;
  readonly note: Listener;
  readonly #open: OpenProgram;
  readonly #founders: readonly MemberId[];
  readonly #random: Prng;

  constructor(scenario: Scenario, open: OpenProgram, machine: ShardMachine, listener?: Listener) {
    this.scenario = scenario;
    this.world = new World({ seed: scenario.seed, logLevel: 'info' });
    this.machine = machine;
    this.note = listener ?? (() => {});
    this.#open = open;
    this.#random = this.world.random('restarts');
    this.oracle = new Oracle(this.counters, (what) => this.violate(what));
    this.#founders = Array.from({ length: scenario.members }, (_, i) => i + 1);
    this.atlas = new Atlas(this.#founders, this.world.random('atlas'));
    const shardCount = scenario.shards + scenario.idleShards;
    this.shards = Array.from({ length: shardCount }, (_, i) => i + 1);
    this.world.journal.onNote = (note) => hear(note, this.counters, (what) => this.violate(what));
    for (const _ of this.#founders) this.addSite();
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  violate(what: string): void {
    this.note('--', 'WRONG', what);
    this.failure ??= what;
  }

  /** A machine with an empty disk and an id that nobody had before. It does not run yet. */
  addSite(): Site {
    const id = this.sites.size + 1;
    const machine = this.world.machine(`m${id}`);
    const site = new Site(id, machine, this.scenario, {
      onUp: (up) => this.#cameUp(up),
      onRefused: (refused, reason) => this.#notStarted(refused, reason),
      onFatal: (stopped, reason) => this.#stopped(stopped, reason),
    });
    this.sites.set(id, site);
    for (const other of this.running()) other.program?.setPeer(this.#neighbour(site));
    return site;
  }

  /** Who came or went while it was starting, it has not heard of. */
  #cameUp(site: Site): void {
    this.note(`m${site.id}`, 'up', `life ${site.life}`);
    for (const other of this.sites.values()) {
      if (other === site) continue;
      if (other.state === 'retired') site.program?.dropPeer(other.id);
      else site.program?.setPeer(this.#neighbour(other));
    }
  }

  running(): Site[] {
    return [...this.sites.values()].filter((site) => site.isUp);
  }

  site(id: MemberId): Site {
    return must(this.sites.get(id), 'a member that was there once');
  }

  status(site: Site, shard: ShardId): ShardStatus | undefined {
    return site.program?.host.status(shard);
  }

  /** Of those who believe to lead, the one with the newest term. */
  leaderOf(shard: ShardId): Site | undefined {
    let leader: Site | undefined;
    let newest = 0;
    for (const site of this.running()) {
      const status = this.status(site, shard);
      if (status?.role !== 'leader' || status.term <= newest) continue;
      leader = site;
      newest = status.term;
    }
    return leader;
  }

  // --- starting and stopping --------------------------------------------------------------------

  start(site: Site): void {
    if (site.state !== 'down') return;
    this.counters.starts += 1;
    const { scenario } = this;
    site.start(this.#open, {
      member: site.id,
      listen: this.#addressOf(site),
      peers: this.#current().map((other) => this.#neighbour(other)),
      shards: this.shards.map((shard) => ({ shard, founders: this.#founders })),
      isOld: site.isOld,
      timing: scenario.timing,
      sizes: site.sizes,
      gossips: scenario.gossips,
      scrubs: scenario.faults.has('scrub'),
      seeds: this.#founders.map((id) => this.#addressOf(this.site(id))),
      machineOf: (shard) => this.oracle.watch(this.machine, shard),
    });
  }

  startAfter(site: Site, delayMs: number): void {
    this.world.after(delayMs, () => this.start(site));
  }

  /** Ends the process; it comes back after a while. False when it must not end just now. */
  crash(site: Site, how: 'kill' | 'powerLoss' | 'blackout'): boolean {
    if (!site.machine.alive || site.state === 'down') return false;
    if (!this.atlas.mayCrash(site, this.nowMs)) return false;
    this.note(`m${site.id}`, 'fault', how);
    if (how === 'kill') site.kill();
    else site.losePower(how === 'blackout');
    this.startAfter(site, this.isHealing ? 0 : this.#downMs());
    return true;
  }

  /** A restart as operators do it: in good order or not. It must not take long. */
  restart(site: Site, isOrderly: boolean): boolean {
    if (!isOrderly) return this.crash(site, 'kill');
    if (!site.isUp || !this.atlas.mayCrash(site, this.nowMs)) return false;
    this.note(`m${site.id}`, 'plan', 'stops in good order');
    this.#stopInOrder(site);
    return true;
  }

  #stopInOrder(site: Site): void {
    this.counters.stops += 1;
    const { life } = site;
    site.stop(() => this.startAfter(site, this.#downMs()));
    this.world.after(STOP_MS, () => {
      if (site.life === life && site.state === 'stopping') this.violate(`m${site.id} never stops`);
    });
  }

  /** The member left the cluster: its process ends and never starts again. */
  retire(site: Site): void {
    if (site.machine.alive && site.state !== 'down' && site.state !== 'lost') site.kill();
    site.state = 'retired';
    for (const other of this.running()) other.program?.dropPeer(site.id);
    this.note(`m${site.id}`, 'plan', 'retired');
  }

  /** Nobody can mend what its disk lost: it is switched off, to be replaced. */
  giveUp(site: Site): void {
    site.kill();
    this.#lose(site);
  }

  /** An empty disk takes the place of the old one, and the member comes back under its old name. */
  wipe(site: Site): boolean {
    if (!site.isUp || !this.atlas.mayHarm(site)) return false;
    this.note(`m${site.id}`, 'fault', 'disk wiped');
    site.kill();
    site.machine.disk.wipe();
    site.isHarmed = true;
    site.isWiped = true;
    this.oracle.forget(site.id);
    this.start(site);
    this.world.after(WIPED_LINGER_MS, () => {
      if (site.state === 'up' || site.state === 'starting') site.kill();
      this.#lose(site);
    });
    return true;
  }

  #notStarted(site: Site, reason: string): void {
    this.note(`m${site.id}`, 'refused', reason);
    if (!site.hasDiskTrouble) this.violate(`m${site.id} refuses a sound disk: ${reason}`);
    if (site.isHarmed && !site.isWiped) this.#lose(site);
    else this.startAfter(site, RETRY_MS);
  }

  #stopped(site: Site, reason: string): void {
    this.note(`m${site.id}`, 'stopped', reason);
    if (!site.hasDiskTrouble) this.violate(`m${site.id} stopped for no reason: ${reason}`);
    // Some processes just end; others close what they have open, and live on meanwhile.
    const isOrderly = this.scenario.faults.has('nameError');
    if (isOrderly && site.state === 'stopping') return;
    if (isOrderly && site.isUp) {
      this.#stopInOrder(site);
      return;
    }
    site.exit();
    this.startAfter(site, this.#downMs());
  }

  #lose(site: Site): void {
    if (site.state === 'retired' || site.state === 'lost') return;
    site.state = 'lost';
    this.counters.membersLost += 1;
    this.note(`m${site.id}`, 'plan', 'lost, to be replaced');
  }

  #downMs(): number {
    return 50 + this.#random.below(2_500);
  }

  /** Whom clients may ask. */
  directory(): ReadonlyMap<MemberId, SocketAddress> {
    return new Map(this.#current().map((site) => [site.id, this.#addressOf(site)]));
  }

  /** Members that belong to the cluster, or are about to. */
  #current(): Site[] {
    return [...this.sites.values()].filter(({ state }) => state !== 'retired');
  }

  #neighbour(site: Site): Neighbour {
    return { member: site.id, address: this.#addressOf(site) };
  }

  #addressOf(site: Site): SocketAddress {
    return site.machine.address(PORT);
  }
}
