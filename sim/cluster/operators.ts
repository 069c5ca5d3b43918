// What operators do: replace members that are lost, change who is a member, hand over leadership,
// upgrade, and restart with other settings.
//
// Membership is a wish: the set of voters that all shards shall have. Again and again the operator
// looks at each shard's config, as its leader tells it, and orders the next step towards the wish.

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

export class Operators {
  readonly #cluster: Cluster;
  readonly #random: Prng;
  readonly #wanted: Set<MemberId>;
  /** Who takes whose place. */
  readonly #heirs = new Map<SimMember, SimMember>();
  readonly #orderedAt = new Map<ShardId, number>();
  readonly #waitsSince = new Map<MemberId, number>();
  /** Shards whose leader has said, durably, that its config is as wanted. */
  readonly #confirmed = new Set<ShardId>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
    this.#random = cluster.world.random('operators');
    this.#wanted = new Set(cluster.members.keys());
    this.#lookAgain();
    this.#schedule('membership', () => this.#swapOne());
    this.#schedule('transfer', () => this.#transfer());
    this.#schedule('upgrade', () => this.#upgrade());
    this.#schedule('settings', () => this.#changeSettings());
  }

  get wanted(): ReadonlySet<MemberId> {
    return this.#wanted;
  }

  /** Every shard has the voters that are wished for, and nobody else. */
  get isDone(): boolean {
    return this.#heirs.size === 0 && this.#cluster.shards.every((shard) => this.#isAsWanted(shard));
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
      this.#lookAgain();
    });
  }

  #replaceTheLost(): void {
    for (const id of Array.from(this.#wanted)) {
      const member = this.#cluster.member(id);
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
    const id = oneOf([...this.#wanted], this.#random);
    if (id !== undefined) this.#replace(this.#cluster.member(id));
  }

  #replace(member: SimMember): void {
    const heir = this.#cluster.addMember();
    this.#cluster.note('--', 'plan', `m${heir.id} shall replace m${member.id}`);
    this.#heirs.set(member, heir);
    this.#confirmed.clear();
    this.#wanted.delete(member.id);
    this.#wanted.add(heir.id);
    this.#cluster.start(heir);
  }

  #approach(shard: ShardId): void {
    const leader = this.#cluster.leaderOf(shard);
    if (leader === undefined || this.#isOrdered(shard)) return;
    const status = this.#cluster.status(leader, shard);
    const step = status === undefined ? undefined : this.#nextStep(shard, status);
    if (step !== undefined) this.#order(shard, leader, step);
    else if (this.#heirs.size > 0 && this.#isAsWanted(shard)) this.#confirm(shard, leader);
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
    const extra = [...voters, ...learners].find((node) => !this.#wanted.has(node));
    const removal: Step = extra === undefined ? [] : [{ kind: 'remove', node: extra }];
    for (const node of this.#wanted) {
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
    const isRightSize = voters.length === this.#wanted.size;
    return (
      isRightSize &&
      learners.length === 0 &&
      votersOutgoing.length === 0 &&
      voters.every((id) => this.#wanted.has(id))
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

  // --- the rest ---------------------------------------------------------------------------------

  #transfer(): void {
    const { counters, note, shards } = this.#cluster;
    const shard = oneOf(shards, this.#random);
    const to = oneOf([...this.#wanted], this.#random);
    if (shard === undefined || to === undefined) return;
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
