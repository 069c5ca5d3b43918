// [H93] The condition of a replica: one value, changed by name only. SPEC.md draws the states. The
// changes assert what leads where; `assertSound` is called once per turn.

import { assert, implies, unreachable } from '../../base/assert.ts';
import { NO_NODE, type Role } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';

/** Reasons for which nothing that a leader says may leave. */
export type MuteReason =
  /** [H71] Its disk does not answer. */
  | 'slowDisk'
  /** [H61] Its log lacks entries, and others need its office more than its answers. */
  | 'lostEntries';

/** The present occupation of a replica that runs. Those but the first two are of leaders only. */
export type Activity =
  | { readonly kind: 'awake' }
  /** [H80] Does not tick. `sinceMs`: the last tick. */
  | { readonly kind: 'hibernating'; readonly sinceMs: number }
  /** [H80] Asks its peers whether they agree to hibernate. `index`: the end of its log. */
  | { readonly kind: 'asking'; readonly agreed: Set<MemberId>; readonly index: number }
  /** [H70] [H72] Leadership is on its way to another member, until then at the latest. */
  | { readonly kind: 'leaving'; readonly untilMs: number }
  /** Leads, and nothing of it leaves. At least one reason. */
  | { readonly kind: 'muted'; readonly reasons: readonly MuteReason[] };

/**
 * [H60] Whether the log has all entries that it must have. Independent of the activity: rot is
 * found in the log of a leader and of a replica that hibernates as well.
 */
export type LogHealth =
  | 'whole'
  /** Lost entries are being fetched: it follows and votes, but does not campaign. */
  | 'repairing'
  /** [H61] No peer that is there has them. */
  | 'unrepairable';

export type StopReason =
  /** [H90] An assertion failed in its core or its machine. */
  | { readonly kind: 'bug'; readonly message: string }
  /** [M6] The shard agreed on more than this release can carry out. */
  | { readonly kind: 'unsupported'; readonly message: string }
  /** [H63] The first of the entries that no other member can give back. */
  | { readonly kind: 'lostEntries'; readonly first: number }
  /** [H62] Begins anew when the state that takes the place of lost entries is installed. */
  | { readonly kind: 'replacingState' }
  /** [H94] Closed at run time, or on its way out of this member. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'memberStops' };

export type Condition =
  | {
      readonly kind: 'running';
      /** As of the last Ready. */
      readonly role: Role;
      readonly leader: MemberId;
      readonly activity: Activity;
      readonly log: LogHealth;
    }
  | { readonly kind: 'stopped'; readonly reason: StopReason };

type Running = Extract<Condition, { kind: 'running' }>;

const AWAKE: Activity = { kind: 'awake' };

export class ReplicaCondition {
  #value: Condition;
  // Plain fields, because they are asked for every message and proposal. All of them follow from
  // the value, and change with it alone.
  isRunning = true;
  isLeader = false;
  /** The leader that it follows, itself included; nobody when it is stopped. */
  leader: MemberId = NO_NODE;
  activity: Activity = AWAKE;
  isHibernating = false;
  isMuted = false;
  /** [H60] The log lacks entries that it must have. */
  lacksEntries = false;

  constructor(log: 'whole' | 'repairing') {
    const role = 'follower';
    this.#value = { kind: 'running', role, leader: NO_NODE, activity: AWAKE, log };
    this.#set(this.#value);
  }

  get value(): Condition {
    return this.#value;
  }

  #set(value: Condition): void {
    const isRunning = value.kind === 'running';
    this.#value = value;
    this.isRunning = isRunning;
    this.isLeader = isRunning && value.role === 'leader';
    this.leader = isRunning ? value.leader : NO_NODE;
    this.activity = isRunning ? value.activity : AWAKE;
    this.isHibernating = this.activity.kind === 'hibernating';
    this.isMuted = this.activity.kind === 'muted';
    this.lacksEntries = isRunning && value.log !== 'whole';
  }

  isMutedFor(reason: MuteReason): boolean {
    const { activity } = this;
    return activity.kind === 'muted' && activity.reasons.includes(reason);
  }

  get isUnrepairable(): boolean {
    const value = this.#value;
    return value.kind === 'running' && value.log === 'unrepairable';
  }

  #running(): Running {
    const value = this.#value;
    assert(value.kind === 'running', '[H90] a replica that is stopped changes no more');
    return value;
  }

  #become(change: Partial<Omit<Running, 'kind'>>): void {
    this.#set({ ...this.#running(), ...change });
  }

  // --- office -----------------------------------------------------------------------------------

  becomeRole(role: Role, leader: MemberId): void {
    const { activity } = this.#running();
    assert(activity.kind !== 'hibernating', '[H83] a replica wakes before its role changes');
    implies(role === 'leader', leader !== NO_NODE, 'a leader knows that it leads');
    implies(role === 'candidate', leader === NO_NODE, 'a candidate follows nobody');
    // Asking, leaving and being muted end with the office.
    this.#become({ role, leader, activity: role === 'leader' ? activity : AWAKE });
  }

  // --- activity ---------------------------------------------------------------------------------

  becomeAsking(index: number): void {
    const { activity, log, role } = this.#running();
    assert(role === 'leader', '[H80] the leader asks');
    assert(log === 'whole', '[H80] only a whole log is put to rest');
    const isFree = activity.kind === 'awake' || activity.kind === 'asking';
    assert(isFree, '[H80] a leader that is leaving or muted does not ask');
    this.#become({ activity: { kind: 'asking', agreed: new Set(), index } });
  }

  becomeHibernating(nowMs: number): void {
    const { activity, leader, log, role } = this.#running();
    assert(log === 'whole', '[H80] only a whole log is put to rest');
    assert(leader !== NO_NODE, '[H80] a shard without a leader stays awake');
    const expected = role === 'leader' ? 'asking' : 'awake';
    assert(activity.kind === expected, '[H81] leaders hibernate after asking, others at once');
    this.#become({ activity: { kind: 'hibernating', sinceMs: nowMs } });
  }

  becomeAwake(): void {
    const { activity } = this.#running();
    assert(activity.kind !== 'muted', '[H71] a mute ends with its reasons');
    if (activity.kind !== 'awake') this.#become({ activity: AWAKE });
  }

  /** A leader that is muted already stays so. */
  becomeLeaving(untilMs: number): void {
    const { activity, role } = this.#running();
    assert(role === 'leader', '[H70] only a leader hands over');
    assert(activity.kind !== 'hibernating', '[H83] a leader wakes before it hands over');
    if (activity.kind !== 'muted') this.#become({ activity: { kind: 'leaving', untilMs } });
  }

  becomeMuted(reason: MuteReason): void {
    const { activity, log, role } = this.#running();
    assert(role === 'leader', '[H71] only a leader is muted');
    assert(activity.kind !== 'hibernating', '[H83] a leader wakes before it is muted');
    implies(reason === 'lostEntries', log === 'unrepairable', '[H61] peers are asked first');
    const before = activity.kind === 'muted' ? activity.reasons : [];
    if (before.includes(reason)) return;
    this.#become({ activity: { kind: 'muted', reasons: [...before, reason] } });
  }

  /** `reason` holds no more; it need not have held. */
  unmute(reason: MuteReason): void {
    const { activity } = this;
    if (activity.kind !== 'muted') return;
    const reasons = activity.reasons.filter((other) => other !== reason);
    this.#become({ activity: reasons.length === 0 ? AWAKE : { kind: 'muted', reasons } });
  }

  // --- the log ----------------------------------------------------------------------------------

  becomeRepairing(): void {
    const { log } = this.#running();
    if (log !== 'repairing') this.#become({ log: 'repairing' });
  }

  becomeUnrepairable(): void {
    const { log } = this.#running();
    assert(log !== 'whole', '[H61] a whole log needs no repair');
    if (log !== 'unrepairable') this.#become({ log: 'unrepairable' });
  }

  becomeWhole(): void {
    assert(this.#running().log !== 'whole', '[H60] a repair ends once');
    this.unmute('lostEntries');
    this.#become({ log: 'whole' });
  }

  // --- the end ----------------------------------------------------------------------------------

  becomeStopped(reason: StopReason): void {
    assert(this.isRunning, 'a replica stops once');
    this.#set({ kind: 'stopped', reason });
  }

  /** Asserts what holds in every state. Cheap: called once per turn. */
  assertSound(): void {
    const value = this.#value;
    if (value.kind === 'stopped') return;
    const { activity, leader, log, role } = value;
    switch (activity.kind) {
      case 'awake':
        return;
      case 'hibernating':
        assert(leader !== NO_NODE, '[H80] a replica that hibernates knows its leader');
        return;
      case 'asking':
      case 'leaving':
        assert(role === 'leader', '[H80] [H70] only a leader asks or leaves');
        return;
      case 'muted':
        assert(role === 'leader', '[H71] only a leader is muted');
        assert(activity.reasons.length > 0, '[H71] a leader is muted for a reason');
        implies(
          activity.reasons.includes('lostEntries'),
          log !== 'whole',
          '[H61] a mute for lost entries ends with the repair',
        );
        return;
      default:
        unreachable(activity);
    }
  }
}

/** For people. */
export function describeStop(reason: StopReason): string {
  switch (reason.kind) {
    case 'bug':
      return `a bug: ${reason.message}`;
    case 'unsupported':
      return reason.message;
    case 'lostEntries':
      return (
        `entry ${reason.first} of its log is lost, and no other member has the shard: ` +
        'put a copy of the data directory in its place, or give the shard up'
      );
    case 'replacingState':
      return 'its state is being replaced';
    case 'closed':
      return 'the shard is closed';
    case 'memberStops':
      return 'the member stops';
    default:
      return unreachable(reason);
  }
}
