// A replica whose log lost entries that no peer has [H61] does not lead, [H62] takes over the state
// of a leader that has applied them, or [H63] stops if it has no peers.

import { assert } from '../../base/assert.ts';
import type { Clock, Events, Log } from '../../base/capabilities.ts';
import type { ConfState, PeerStatus, Snapshot } from '../../core/raft/index.ts';
import type { Store } from '../../engine/store/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { Wal } from '../../engine/wal/index.ts';
import { describeStop, type StopReason } from './condition.ts';
import type { HostEvent } from './events.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';
import type { Shards } from './shards.ts';
import type { Supervisor } from './supervisor.ts';

/**
 * For so long a replica that knows of no peers listens for a leader: the config that names its
 * peers may stand behind the hole.
 */
const LISTEN_MS = 10_000;

export interface LostEntriesParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly log: Log;
  readonly events: Events<HostEvent> | undefined;
  readonly store: Pick<Store, 'flush'>;
}

/** The case of one replica, from the first hole until its log is whole. */
export class LostEntries {
  readonly #parts: LostEntriesParts;
  readonly #settings: HostSettings;
  readonly #supervisor: Pick<Supervisor, 'watch'>;
  readonly #shards: Pick<Shards, 'retire'>;
  readonly #replica: Replica;
  readonly #sinceMs: number;
  #isTold = false;
  /** As leader: until then a transfer may succeed. */
  #transferUntilMs: number | undefined;

  constructor(
    parts: LostEntriesParts,
    settings: HostSettings,
    supervisor: Pick<Supervisor, 'watch'>,
    shards: Pick<Shards, 'retire'>,
    replica: Replica,
  ) {
    this.#parts = parts;
    this.#settings = settings;
    this.#supervisor = supervisor;
    this.#shards = shards;
    this.#replica = replica;
    this.#sinceMs = parts.clock.monotonicMs();
  }

  /** From time to time. `isUnrepairable`: everyone who is there was asked in vain. */
  look(isAskedInVain: boolean, others: readonly MemberId[]): void {
    const replica = this.#replica;
    const { condition } = replica;
    const applied = replica.data.applied().index;
    const missing = [...replica.log.wal.holes.keys()].filter((index) => index > applied);
    if (isAskedInVain && missing.length > 0) condition.becomeUnrepairable();
    else condition.becomeRepairing();
    if (!replica.isLeader) this.#transferUntilMs = undefined;
    if (missing.length === 0) {
      // The state has all of it, and need only be written down.
      if (isAskedInVain || others.length === 0) {
        this.#supervisor.watch('flush', this.#parts.store.flush());
      }
    } else if (others.length === 0) {
      this.#maybeStop(missing);
    } else if (isAskedInVain) {
      this.#tell(missing);
      if (replica.isLeader) this.#stepAside(Math.max(...missing));
    }
  }

  /** [H63] Nobody will ever send it. */
  #maybeStop(missing: readonly number[]): void {
    assert(missing.length > 0, '[H63] a shard stops for entries that it lacks');
    const { clock, events, log } = this.#parts;
    if (clock.monotonicMs() - this.#sinceMs < LISTEN_MS) return;
    const { shard } = this.#replica;
    const reason: StopReason = { kind: 'lostEntries', first: Math.min(...missing) };
    log.error('shard stopped', { shard, reason: describeStop(reason) });
    events?.tell({ kind: 'shardStopped', shard, reason, stack: undefined });
    this.#shards.retire(this.#replica, reason);
  }

  #tell(missing: readonly number[]): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#parts.log.error('log entries are lost, no peer that answers has them', {
      shard: this.#replica.shard,
      entries: missing.length,
      first: Math.min(...missing),
      last: Math.max(...missing),
    });
  }

  /**
   * [H61] Its heartbeats keep others from leading, and it can neither send nor apply what lies
   * behind the hole. Leadership goes to a voter that is past the hole; else to whoever is elected
   * when nothing is heard from here any more: the hole is an entry that only this log has, and the
   * next leader's takes its place. Our vote is not to be had by a shorter log, so that the others
   * must be enough without it; until they are it is better to lead on, and to answer reads.
   */
  #stepAside(lastMissing: number): void {
    const replica = this.#replica;
    assert(replica.isLeader, '[H61] only a leader steps aside');
    const { config, id, peers } = replica.core.status();
    const active = peers.filter((peer) => peer.id !== id && peer.isRecentlyActive);
    const successor = active.find((peer) => !peer.isLearner && peer.match >= lastMissing);
    if (successor === undefined && !isQuorum(config, active)) return;
    replica.wake();
    const nowMs = this.#parts.clock.monotonicMs();
    if (this.#transferUntilMs === undefined) {
      const transferMs = this.#settings.electionTicks * this.#settings.tickMs;
      this.#transferUntilMs = successor === undefined ? nowMs : nowMs + transferMs;
      if (successor !== undefined) replica.leave(successor.id);
    }
    if (nowMs >= this.#transferUntilMs) replica.condition.becomeMuted('lostEntries');
    replica.mark();
  }
}

function isQuorum(config: ConfState, peers: readonly PeerStatus[]): boolean {
  const ids = new Set(peers.map(({ id }) => id));
  return [config.voters, config.votersOutgoing].every(
    (half) => half.length === 0 || half.filter((id) => ids.has(id)).length * 2 > half.length,
  );
}

export interface TakeStateParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly wal: Pick<Wal, 'append'>;
}

/**
 * [H62] The state of `snapshot`, which is staged, in place of lost entries. False if it is not what
 * is needed here.
 *
 * The log agrees with the snapshot, so that the core has no use for it [R34]; nor may it drop its
 * log for it [R35], because the entries behind the snapshot were acknowledged. So the state alone
 * is replaced, and the replica begins anew from log and state, as after a restart. By then all that
 * its core asked for is durable. What it promised for that is lost, as any message may be.
 */
export function takeState(
  { clock, wal }: TakeStateParts,
  supervisor: Pick<Supervisor, 'isClosed'>,
  shards: Pick<Shards, 'mayReopen' | 'reopen' | 'retire'>,
  replica: Replica,
  snapshot: Snapshot,
): boolean {
  const { data, log, shard } = replica;
  const { index, term } = snapshot;
  if (replica.isLeader) return false;
  // [H65] Its core may know a commit index of entries that nobody has handed to the log.
  replica.work(clock.monotonicMs());
  if (!replica.isRunning || replica.core.hasReady()) return false;
  const applied = data.applied().index;
  const isNeeded = [...log.wal.holes.keys()].some((hole) => hole > applied && hole <= index);
  // The log's newest snapshot is beyond the state only while the core installs one.
  const isInstalling = log.wal.snapshot().index > applied;
  if (!isNeeded || isInstalling || replica.isLeader || log.term(index) !== term) return false;
  const { commit, term: current, vote } = replica.core.basicStatus();
  const hardState = { term: current, vote, commit };
  shards.retire(replica, { kind: 'replacingState' });
  // With the commit index: most of the time only memory has the newest one, and it never falls.
  wal.append([{ shard, hardState, save: snapshot }], (outcome) => {
    if (outcome !== 'durable' || supervisor.isClosed) return;
    // The shard may have been removed meanwhile, and its state with it.
    if (!shards.mayReopen(replica)) return;
    assert(data.install(snapshot), '[H52] what is taken over was staged before');
    shards.reopen(replica);
  });
  return true;
}
