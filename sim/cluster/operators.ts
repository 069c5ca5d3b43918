// What operators do: replace members that are lost, change who is a member, hand over leadership,
// upgrade, and restart with other settings.
//
// Membership is a wish: the set of voters that each shard shall have. Again and again the operator
// looks at each shard's config, as its leader tells it, and orders the next step towards the wish.
// A member that a shard was moved away from removes its replica once the config is durable.

import { must } from '../../src/base/assert.ts';
import type { Prng } from '../../src/base/prng.ts';
import type { ConfChange, NodeChange } from '../../src/core/raft/index.ts';
import type { MemberId } from '../../src/engine/transport/index.ts';
import type { ShardId } from '../../src/engine/wal/index.ts';
import type { ShardStatus } from '../../src/replica/types.ts';
import type { Cluster } from './cluster.ts';
import type { FaultClass } from './fault-classes.ts';
import { drawSizes, withTrueLimits } from './scenario.ts';
import type { SimMember } from './sim-member.ts';
import { oneOf } from './strikes.ts';

const LOOK_MS = 250;
/** After this an order that was not answered is given again. */
const ORDER_MS = 4_000;
/** How long a member may wait for its peers to mend its log. */
const PATIENCE_MS = 5_000;
/** Entries that a learner may lack when it becomes a voter. */
const LAG_MAX = 50;

type Step = readonly NodeChange[];

interface Leaving {
  readonly member: SimMember;
  readonly shard: ShardId;
  askedAtMs: number;
}

export class Operators {
  readonly #cluster: Cluster;
  readonly #random: Prng;
  readonly #wanted: ReadonlyMap<ShardId, Set<MemberId>>;
  /** Shards on their way to other members. */
  readonly #moving = new Set<ShardId>();
  /** Replicas that shall go, and have not said yet that they are gone. */
  readonly #leaving = new Set<Leaving>();
  /** Who takes whose place. */
  readonly #heirs = new Map<SimMember, SimMember>();
  readonly #orderedAt = new Map<ShardId, number>();
  readonly #waitsSince = new Map<MemberId, number>();
  /** Shards whose leader has said, durably, that its config is as wanted. */
  readonly #confirmed = new Set<ShardId>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#random = cluster.world.random('operators');
    this.#wanted = new Map(
      cluster.shards.map((shard) => [shard, new Set(cluster.founders(shard))]),
    );
    this.#lookAgain();
    this.#schedule('membership', () => this.#swapOne());
    this.#schedule('shardMoves', () => this.#moveOne());
    this.#schedule('address', () => this.#changeAddress());
    this.#schedule('transfer', () => this.#transfer());
    this.#schedule('upgrade', () => this.#upgrade());
    this.#schedule('settings', () => this.#changeSettings());
  }

  readonly wanted = (shard: ShardId): Set<MemberId> =>
    must(this.#wanted.get(shard), 'every shard shall have members');

  /** Every shard has the voters that are wished for, and nobody else. */
  get isDone(): boolean {
    const isSettled = this.#heirs.size === 0 && this.#moving.size === 0 && this.#leaving.size === 0;
    return isSettled && this.#cluster.shards.every((shard) => this.#isAsWanted(shard));
  }

  /** Those that shall stay. */
  #members(): SimMember[] {
    const isStaying = (member: SimMember): boolean =>
      member.state !== 'retired' && !this.#heirs.has(member);
    return [...this.#cluster.members.values()].filter(isStaying);
  }

  #schedule(name: FaultClass, act: () => void): void {
    const { scenario, world } = this.#cluster;
    if (!scenario.faults.has(name)) return;
    const random = world.random(`operators ${name}`);
    const again = (): void =>
      world.after(500 + random.below(2 * scenario.strikeEveryMs), () => {
        if (this.#cluster.isHealing) return;
        act();
        again();
      });
    again();
  }

  // --- membership -------------------------------------------------------------------------------

  #lookAgain(): void {
    this.#cluster.world.after(LOOK_MS, () => {
      this.#replaceTheLost();
      for (const shard of this.#cluster.shards) this.#approach(shard);
      if (this.#heirs.size > 0) this.#maybeRetire();
      for (const shard of this.#moving) this.#maybeLeave(shard);
      for (const leaving of this.#leaving) this.#remove(leaving);
      this.#lookAgain();
    });
  }

  #replaceTheLost(): void {
    for (const member of this.#members()) {
      if (member.isUp && this.#isBeyondRepair(member)) this.#cluster.giveUp(member);
      if (member.state === 'lost') this.#replace(member);
    }
  }

  /**
   * Its log lost entries that its state lacks as well, and the peers have let go of them: nobody
   * can mend that, and it says so for long.
   */
  #isBeyondRepair(member: SimMember): boolean {
    const { nowMs, shards } = this.#cluster;
    const isWaiting =
      member.isHarmed &&
      shards.some((shard) => (this.#cluster.status(member, shard)?.lostEntries ?? 0) > 0);
    const since = this.#waitsSince.get(member.id) ?? nowMs;
    if (isWaiting) this.#waitsSince.set(member.id, since);
    else this.#waitsSince.delete(member.id);
    return isWaiting && nowMs > since + PATIENCE_MS;
  }

  /** A voter in good health gives its place to a new member, if nothing else is under way. */
  #swapOne(): void {
    if (!this.isDone) return;
    const member = oneOf(this.#members(), this.#random);
    if (member !== undefined) this.#replace(member);
  }

  #replace(member: SimMember): void {
    const heir = this.#cluster.addMember();
    this.#cluster.note('--', 'plan', `m${heir.id} shall replace m${member.id}`);
    this.#heirs.set(member, heir);
    this.#confirmed.clear();
    for (const [shard, wanted] of this.#wanted) {
      if (!wanted.delete(member.id)) continue;
      wanted.add(heir.id);
      heir.shards.add(shard);
    }
    this.#cluster.start(heir);
  }

  #approach(shard: ShardId): void {
    const leader = this.#cluster.leaderOf(shard);
    if (leader === undefined || this.#isOrdered(shard)) return;
    const status = this.#cluster.status(leader, shard);
    const step = status === undefined ? undefined : this.#nextStep(shard, status);
    if (step !== undefined) this.#order(shard, leader, step);
    else if (this.#isPending(shard) && this.#isAsWanted(shard)) this.#confirm(shard, leader);
  }

  /** Somebody waits for the config of the shard. */
  #isPending(shard: ShardId): boolean {
    return this.#heirs.size > 0 || this.#moving.has(shard);
  }

  /**
   * What a leader shows may be lost with its power, and whom it removed be needed once more. What
   * it answers is kept: so it is asked for a change that changes nothing.
   */
  #confirm(shard: ShardId, leader: SimMember): void {
    if (this.#confirmed.has(shard)) return;
    this.#order(shard, leader, [{ kind: 'addVoter', node: leader.id }]);
  }

  #nextStep(shard: ShardId, { commit, config }: ShardStatus): Step | undefined {
    const { learners, learnersNext, voters, votersOutgoing } = config;
    if (votersOutgoing.length > 0 || learnersNext.length > 0) return undefined;
    const wanted = this.wanted(shard);
    const extra = [...voters, ...learners].find((node) => !wanted.has(node));
    const removal: Step = extra === undefined ? [] : [{ kind: 'remove', node: extra }];
    for (const node of wanted) {
      if (voters.includes(node)) continue;
      if (!learners.includes(node)) return [{ kind: 'addLearner', node }];
      const applied = this.#cluster.status(this.#cluster.member(node), shard)?.applied.index ?? 0;
      if (applied + LAG_MAX < commit) return undefined;
      const isJoint = this.#cluster.scenario.faults.has('joint');
      return [{ kind: 'addVoter', node }, ...(isJoint ? removal : [])];
    }
    return removal.length === 0 ? undefined : removal;
  }

  #isOrdered(shard: ShardId): boolean {
    const at = this.#orderedAt.get(shard);
    return at !== undefined && this.#cluster.nowMs < at + ORDER_MS;
  }

  #order(shard: ShardId, leader: SimMember, step: Step): void {
    const { note, nowMs } = this.#cluster;
    const change: ConfChange = {
      version: step.length === 1 ? 1 : 2,
      transition: 'auto',
      changes: step,
      context: new Uint8Array(0),
    };
    const text = step.map(({ kind, node }) => `${kind} m${node}`).join(' and ');
    this.#orderedAt.set(shard, nowMs);
    const isAlready = step.every(({ kind, node }) => kind === 'addVoter' && node === leader.id);
    note('--', 'plan', `shard ${shard}: ${text}`);
    leader.program?.host.changeConfig(shard, change, (outcome) => {
      this.#orderedAt.delete(shard);
      const why = outcome.kind === 'applied' ? '' : ` ${outcome.reason}`;
      note('--', 'plan', `shard ${shard}: ${text}: ${outcome.kind}${why}`);
      if (outcome.kind === 'refused' && outcome.reason === 'releaseTooOld') {
        for (const { node } of step) this.#bringUpToDate(this.#cluster.member(node));
      }
      if (outcome.kind !== 'applied') return;
      if (isAlready) {
        if (this.#isAsWanted(shard)) this.#confirmed.add(shard);
        return;
      }
      this.#count(step);
    });
  }

  #count(step: Step): void {
    const { counters } = this.#cluster;
    if (step.length > 1) counters.jointChanges += 1;
    for (const { kind } of step) {
      if (kind === 'addLearner') counters.learnersAdded += 1;
      else if (kind === 'addVoter') counters.learnersPromoted += 1;
      else counters.votersRemoved += 1;
    }
  }

  #isAsWanted(shard: ShardId): boolean {
    const leader = this.#cluster.leaderOf(shard);
    if (leader === undefined) return false;
    const config = this.#cluster.status(leader, shard)?.config;
    if (config === undefined) return false;
    const { learners, voters, votersOutgoing } = config;
    const wanted = this.wanted(shard);
    const isRightSize = voters.length === wanted.size;
    return (
      isRightSize &&
      learners.length === 0 &&
      votersOutgoing.length === 0 &&
      voters.every((id) => wanted.has(id))
    );
  }

  #maybeRetire(): void {
    const isSettled = (shard: ShardId): boolean =>
      this.#confirmed.has(shard) && this.#isAsWanted(shard);
    if (!this.#cluster.shards.every(isSettled)) return;
    for (const [member, heir] of this.#heirs) {
      this.#cluster.faultBudget.succeed(member, heir);
      this.#cluster.retire(member);
      this.#cluster.counters.membersReplaced += 1;
    }
    this.#heirs.clear();
  }

  // --- shards on other members ------------------------------------------------------------------

  /** A shard gets another member, loses one, or has one take the place of another. */
  #moveOne(): void {
    if (!this.isDone) return;
    const { counters, faultBudget, note, shards } = this.#cluster;
    const shard = must(oneOf(shards, this.#random), 'there are shards');
    const wanted = this.wanted(shard);
    const holders = this.#members().filter(({ id }) => wanted.has(id));
    // A frail one would have to be counted among those that are lost while both are voters.
    const others = this.#members().filter(
      (member) =>
        !wanted.has(member.id) && member.isUp && !member.isOld && !faultBudget.mayHarm(member),
    );
    const how = this.#random.below(3);
    const from = how === 0 ? undefined : oneOf(holders, this.#random);
    const to = how === 1 ? undefined : oneOf(others, this.#random);
    const next = [
      ...holders.filter((member) => member !== from),
      ...(to === undefined ? [] : [to]),
    ];
    const isBetter = next.length > 0 && faultBudget.mayForm(next.map(({ id }) => id));
    if (!isBetter || (from === undefined && to === undefined)) return;
    counters.shardsMoved += 1;
    note('--', 'plan', `shard ${shard} moves from m${from?.id ?? 0} to m${to?.id ?? 0}`);
    this.#confirmed.delete(shard);
    this.#moving.add(shard);
    if (from !== undefined) wanted.delete(from.id);
    if (to === undefined) return;
    wanted.add(to.id);
    this.#cluster.join(to, shard);
  }

  #maybeLeave(shard: ShardId): void {
    if (!this.#confirmed.has(shard) || !this.#isAsWanted(shard)) return;
    this.#moving.delete(shard);
    for (const member of this.#members()) {
      if (this.wanted(shard).has(member.id) || !member.shards.delete(shard)) continue;
      member.hasLeft.add(shard);
      this.#leaving.add({ member, shard, askedAtMs: Number.NEGATIVE_INFINITY });
    }
  }

  /** Until the member says that nothing is left. */
  #remove(leaving: Leaving): void {
    const { counters, note, nowMs } = this.#cluster;
    const { member, shard } = leaving;
    if (member.state === 'retired' || member.state === 'lost') this.#leaving.delete(leaving);
    if (!member.isUp || nowMs < leaving.askedAtMs + ORDER_MS) return;
    leaving.askedAtMs = nowMs;
    const { life } = member;
    member.program?.host.removeShard(shard, (outcome) => {
      note(`m${member.id}`, 'plan', `shard ${shard} leaves: ${outcome}`);
      if (member.life !== life || (outcome !== 'removed' && outcome !== 'unknownShard')) return;
      counters.shardsRemoved += 1;
      this.#leaving.delete(leaving);
    });
  }

  /** Comes back where nobody knows it yet. */
  #changeAddress(): void {
    const member = oneOf(this.#cluster.running(), this.#random);
    const isOrderly = this.#random.below(2) === 0;
    if (member === undefined || !this.#cluster.restart(member, isOrderly)) return;
    this.#cluster.counters.addressesChanged += 1;
    // A process that stops in order still says goodbye from the old one.
    member.port += 1;
  }

  // --- the rest ---------------------------------------------------------------------------------

  #transfer(): void {
    const { counters, note, shards } = this.#cluster;
    const shard = oneOf(shards, this.#random);
    if (shard === undefined) return;
    const to = oneOf([...this.wanted(shard)], this.#random);
    if (to === undefined) return;
    const leader = this.#cluster.leaderOf(shard);
    const answer = leader?.program?.host.transferLeader(shard, to);
    if (answer?.kind === 'started') counters.transfers += 1;
    const told = answer?.kind === 'refused' ? answer.reason : (answer?.kind ?? 'nobody leads');
    note('--', 'plan', `shard ${shard}: hand over to m${to}: ${told}`);
  }

  #upgrade(): void {
    const old = this.#cluster.running().filter((member) => member.isOld);
    const member = oneOf(old, this.#random);
    const isOrderly = this.#random.below(2) === 0;
    if (member !== undefined) this.#bringUpToDate(member, isOrderly);
  }

  #bringUpToDate(member: SimMember, isOrderly = true): void {
    if (!member.isOld || !this.#cluster.restart(member, isOrderly)) return;
    member.isOld = false;
    this.#cluster.counters.upgrades += 1;
    this.#cluster.note(`m${member.id}`, 'plan', 'comes back with all features');
  }

  #changeSettings(): void {
    const member = oneOf(this.#cluster.running(), this.#random);
    const isOrderly = this.#random.below(2) === 0;
    if (member === undefined || !this.#cluster.restart(member, isOrderly)) return;
    const sizes = drawSizes(this.#random);
    const { faults } = this.#cluster.scenario;
    member.sizes = faults.has('trueLimits') ? withTrueLimits(sizes) : sizes;
    this.#cluster.counters.settingsChanged += 1;
    this.#cluster.note(`m${member.id}`, 'plan', 'comes back with other limits');
  }
}
