// A simulated cluster of whole members: who there is, who runs, and who starts again when.

import { must } from '../../src/base/assert.ts';
import type { SocketAddress } from '../../src/base/ids.ts';
import type { Prng } from '../../src/base/prng.ts';
import type { MemberEvent } from '../../src/cluster/index.ts';
import type { ShardMachine } from '../../src/core/machine.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { ShardStatus } from '../../src/replica/types.ts';
import { World } from '../world.ts';
import { type ClusterCounters, noClusterCounts } from './counters.ts';
import { judgeEvent } from './events.ts';
import { FaultBudget } from './fault-budget.ts';
import { GossipOracle, type GossipProcess } from './gossip-oracle.ts';
import { Oracle } from './oracle.ts';
import type { Neighbour, OpenProgram } from './program.ts';
import { isRaised, laterRelease } from './releases.ts';
import type { Scenario } from './scenario.ts';
import { SimMember } from './sim-member.ts';

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
  readonly gossipOracle: GossipOracle;
  readonly faultBudget: FaultBudget;
  readonly stateMachine: ShardMachine;
  readonly members = new Map<MemberId, SimMember>();
  /** Those that clients use first, then the idle ones. */
  readonly shards: readonly ShardId[];
  /** Shards of an edition that old members do not know. */
  readonly raised = new Set<ShardId>();
  /** No new trouble, and whoever is down comes back at once. */
  isHealing = false;
  /** The first thing that must never happen, if it did. */
  failure: string | undefined;
  readonly note: Listener;
  readonly #open: OpenProgram;
  readonly #random: Prng;
  readonly #violated = (what: string): void => this.violate(what);

  constructor(scenario: Scenario, open: OpenProgram, machine: ShardMachine, listener?: Listener) {
    this.scenario = scenario;
    this.world = new World({ seed: scenario.seed, logLevel: 'info' });
    this.stateMachine = machine;
    this.note = listener ?? (() => {});
    this.#open = open;
    this.#random = this.world.random('restarts');
    this.oracle = new Oracle(this.counters, (what) => this.violate(what));
    this.gossipOracle = new GossipOracle(this.counters, (what) => this.violate(what));
    const founders = Array.from({ length: scenario.members }, (_, i) => i + 1);
    this.faultBudget = new FaultBudget(
      founders,
      this.world.random('fault budget'),
      scenario.founders,
    );
    const shardCount = scenario.shards + scenario.idleShards;
    this.shards = Array.from({ length: shardCount }, (_, i) => i + 1);
    for (const id of founders) {
      const member = this.addMember();
      for (const shard of this.shards)
        if (this.founders(shard).includes(id)) member.shards.add(shard);
    }
  }

  get nowMs(): number {
    return this.world.nowMs;
  }

  founders(shard: ShardId): readonly MemberId[] {
    return must(this.scenario.founders[shard - 1], 'every shard has founders');
  }

  violate(what: string): void {
    this.note('--', 'WRONG', what);
    this.failure ??= what;
  }

  /** A machine with an empty disk and an id that nobody had before. It does not run yet. */
  addMember(): SimMember {
    const id = this.members.size + 1;
    const machine = this.world.machine(`m${id}`);
    machine.disk.rules({ syncMs: this.scenario.syncMs });
    machine.setEventCost(this.scenario.eventCostMs);
    const member = new SimMember(id, machine, this.scenario, {
      onUp: (up) => this.#cameUp(up),
      onRefused: (refused, reason) => this.#notStarted(refused, reason),
      onFatal: (stopped, reason) => this.#stopped(stopped, reason),
    });
    this.members.set(id, member);
    for (const other of this.running()) other.program?.setPeer(this.#neighbour(member));
    return member;
  }

  /** Who came or went while it was starting, it has not heard of. */
  #cameUp(member: SimMember): void {
    this.note(`m${member.id}`, 'up', `life ${member.life} at ${this.#addressOf(member)}`);
    for (const other of this.running()) {
      if (other !== member) other.program?.setPeer(this.#neighbour(member));
    }
    for (const other of this.members.values()) {
      if (other === member) continue;
      if (other.state === 'retired') member.program?.dropPeer(other.id);
      else member.program?.setPeer(this.#neighbour(other));
    }
  }

  running(): SimMember[] {
    return [...this.members.values()].filter((member) => member.isUp);
  }

  gossipProcesses(): GossipProcess[] {
    return this.running().flatMap(({ id, program }) =>
      program?.gossip === undefined ? [] : [{ name: `m${id}`, gossip: program.gossip }],
    );
  }

  member(id: MemberId): SimMember {
    return must(this.members.get(id), 'a member that was there once');
  }

  status(member: SimMember, shard: ShardId): ShardStatus | undefined {
    return member.program?.host.status(shard);
  }

  /** Of those who believe to lead, the one with the newest term. */
  leaderOf(shard: ShardId): SimMember | undefined {
    let leader: SimMember | undefined;
    let newest = 0;
    for (const member of this.running()) {
      const status = this.status(member, shard);
      if (status?.role !== 'leader' || status.term <= newest) continue;
      leader = member;
      newest = status.term;
    }
    return leader;
  }

  // --- starting and stopping --------------------------------------------------------------------

  start(member: SimMember): void {
    if (member.state !== 'down') return;
    this.counters.starts += 1;
    const { scenario } = this;
    member.start(this.#open, {
      member: member.id,
      listen: this.#addressOf(member),
      peers: this.#current().map((other) => this.#neighbour(other)),
      shards: [...member.shards].map((shard) => this.#planOf(member, shard)),
      isOld: member.isOld,
      timing: scenario.timing,
      sizes: member.sizes,
      sessions: scenario.sessions,
      gossip: scenario.gossip,
      scrubs: scenario.faults.has('scrub'),
      seeds: this.#current().map((other) => this.#addressOf(other)),
      events: { tell: (event) => this.#judge(member, event) },
      machineOf: (shard) => this.#watch(member, shard),
    });
  }

  #judge({ id }: SimMember, event: MemberEvent): void {
    judgeEvent(id, event, this.counters, this.#violated);
    if (event.kind !== 'snapshotReceived') return;
    if (this.oracle.reference(event.shard).hasSeveral) this.counters.snapshotsBehindSeveral += 1;
  }

  /** What a member that was upgraded runs: it can carry out a later edition. */
  #releaseOf(member: SimMember): ShardMachine {
    if (member.isOld || !this.scenario.beginsOld) return this.stateMachine;
    return laterRelease(this.stateMachine);
  }

  #watch(member: SimMember, shard: ShardId): ShardMachine {
    return this.oracle.watch(this.#releaseOf(member), shard, (command) => {
      if (!this.raised.has(shard) && isRaised(this.stateMachine, command)) {
        this.#noteRaised(member, shard);
      }
    });
  }

  /** Of those who take part no one may be unable to. */
  #noteRaised(member: SimMember, shard: ShardId): void {
    this.raised.add(shard);
    this.counters.shardsRaised += 1;
    this.note(`m${member.id}`, 'plan', `shard ${shard} is raised`);
    const { learners = [], voters = [] } = this.status(member, shard)?.config ?? {};
    const old = [...voters, ...learners].find((id) => this.member(id).isOld);
    if (old !== undefined) this.violate(`shard ${shard} is raised, and m${old} is old`);
  }

  /** The member holds the shard from now on: it begins without entries and without a vote. */
  join(member: SimMember, shard: ShardId): void {
    member.shards.add(shard);
    this.oracle.forgetShard(member.id, shard);
    const machine = this.#watch(member, shard);
    member.program?.host.openShard({ ...this.#planOf(member, shard), machine });
  }

  /** No shard is founded twice: a member that had left one before is a newcomer to it. */
  #planOf(member: SimMember, shard: ShardId): { shard: ShardId; founders: readonly MemberId[] } {
    return { shard, founders: member.hasLeft.has(shard) ? [] : this.founders(shard) };
  }

  startAfter(member: SimMember, delayMs: number): void {
    this.world.after(delayMs, () => this.start(member));
  }

  /** Ends the process; it comes back after a while. False when it must not end just now. */
  crash(member: SimMember, how: 'kill' | 'powerLoss' | 'blackout'): boolean {
    if (!member.machine.alive || member.state === 'down') return false;
    if (!this.faultBudget.mayCrash(member, this.nowMs)) return false;
    this.note(`m${member.id}`, 'fault', how);
    if (how === 'kill') member.kill();
    else member.losePower(how === 'blackout');
    this.startAfter(member, this.isHealing ? 0 : this.#downMs());
    return true;
  }

  /** A restart as operators do it: in good order or not. It must not take long. */
  restart(member: SimMember, isOrderly: boolean): boolean {
    if (!isOrderly) return this.crash(member, 'kill');
    if (!member.isUp || !this.faultBudget.mayCrash(member, this.nowMs)) return false;
    this.note(`m${member.id}`, 'plan', 'stops in good order');
    this.#stopInOrder(member);
    return true;
  }

  #stopInOrder(member: SimMember): void {
    this.counters.stops += 1;
    const { life } = member;
    member.stop(() => this.startAfter(member, this.#downMs()));
    this.world.after(STOP_MS, () => {
      if (member.life === life && member.state === 'stopping')
        this.violate(`m${member.id} never stops`);
    });
  }

  /** The member left the cluster: its process ends and never starts again. */
  retire(member: SimMember): void {
    if (member.machine.alive && member.state !== 'down' && member.state !== 'lost') member.kill();
    member.state = 'retired';
    for (const other of this.running()) other.program?.dropPeer(member.id);
    this.note(`m${member.id}`, 'plan', 'retired');
  }

  /** Nobody can mend what its disk lost: it is switched off, to be replaced. */
  giveUp(member: SimMember): void {
    member.kill();
    this.#lose(member);
  }

  /** An empty disk takes the place of the old one, and the member comes back under its old name. */
  wipe(member: SimMember): boolean {
    if (!member.isUp || !this.faultBudget.mayHarm(member)) return false;
    this.note(`m${member.id}`, 'fault', 'disk wiped');
    member.kill();
    member.machine.disk.wipe();
    member.isHarmed = true;
    member.isWiped = true;
    this.oracle.forget(member.id);
    this.start(member);
    this.world.after(WIPED_LINGER_MS, () => {
      if (member.state === 'up' || member.state === 'starting') member.kill();
      this.#lose(member);
    });
    return true;
  }

  #notStarted(member: SimMember, reason: string): void {
    this.note(`m${member.id}`, 'refused', reason);
    if (!member.hasDiskTrouble) this.violate(`m${member.id} refuses a sound disk: ${reason}`);
    if (member.isHarmed && !member.isWiped) this.#lose(member);
    else this.startAfter(member, RETRY_MS);
  }

  #stopped(member: SimMember, reason: string): void {
    this.note(`m${member.id}`, 'stopped', reason);
    if (!member.hasDiskTrouble) this.violate(`m${member.id} stopped for no reason: ${reason}`);
    // Some processes just end; others close what they have open, and live on meanwhile.
    const isOrderly = this.scenario.faults.has('nameError');
    if (isOrderly && member.state === 'stopping') return;
    if (isOrderly && member.isUp) {
      this.#stopInOrder(member);
      return;
    }
    member.exit();
    this.startAfter(member, this.#downMs());
  }

  #lose(member: SimMember): void {
    if (member.state === 'retired' || member.state === 'lost') return;
    member.state = 'lost';
    this.counters.membersLost += 1;
    this.note(`m${member.id}`, 'plan', 'lost, to be replaced');
  }

  #downMs(): number {
    return 50 + this.#random.below(2_500);
  }

  /** Whom clients may ask. */
  directory(): ReadonlyMap<MemberId, SocketAddress> {
    return new Map(this.#current().map((member) => [member.id, this.#addressOf(member)]));
  }

  /** Members that belong to the cluster, or are about to. */
  #current(): SimMember[] {
    return [...this.members.values()].filter(({ state }) => state !== 'retired');
  }

  #neighbour(member: SimMember): Neighbour {
    return { member: member.id, address: this.#addressOf(member) };
  }

  #addressOf(member: SimMember): SocketAddress {
    return member.machine.address(member.port);
  }
}
