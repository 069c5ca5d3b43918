// [H60] Fills holes in a shard's log: entries whose bytes are lost here and whose ids are known.
// Peers are asked one after the other; lost-entries.ts has what follows when none has an entry.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import { type LogFetch, NO_NODE } from '../../core/raft/index.ts';
import type { MemberId, Peers, RequestOutcome } from '../../engine/transport/index.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { LostEntries, type LostEntriesParts } from './lost-entries.ts';
import { decodeEntries, encodeEntryRequest } from './repair-codec.ts';
import type { Replica } from './replica.ts';
import { cachedEntry } from './requested-entries.ts';
import type { HostSettings } from './settings.ts';
import type { Shards } from './shards.ts';
import type { Supervisor } from './supervisor.ts';

/** So often every peer is asked before nobody is believed to have an entry. */
const ROUNDS = 2;

export interface RepairParts extends LostEntriesParts {
  readonly clock: Clock;
  readonly member: MemberId;
  readonly peers: Pick<Peers, 'isUp' | 'request'>;
  readonly wal: Pick<Wal, 'refill'>;
}

/** The work that a repair leaves to others. */
export interface RepairActions {
  /** Lets go of entries that the durable state covers, holes and all. */
  cut(replica: Replica, index: number): void;
  /** The log is whole: what waited for it goes on. */
  fetch(replica: Replica, fetch: LogFetch): void;
}

interface RepairJob {
  readonly replica: Replica;
  readonly fetches: LogFetch[];
  /** How often each peer was asked in vain since the last hole was filled. */
  readonly asked: Map<MemberId, number>;
  readonly lostEntries: LostEntries;
}

export class Repair {
  readonly #parts: RepairParts;
  readonly #settings: HostSettings;
  readonly #supervisor: Pick<Supervisor, 'isClosed' | 'watch'>;
  readonly #shards: Pick<Shards, 'retire'>;
  readonly #actions: RepairActions;
  readonly #jobs = new Map<ShardId, RepairJob>();

  constructor(
    parts: RepairParts,
    settings: HostSettings,
    supervisor: Pick<Supervisor, 'isClosed' | 'watch'>,
    shards: Pick<Shards, 'retire'>,
    actions: RepairActions,
  ) {
    this.#parts = parts;
    this.#settings = settings;
    this.#supervisor = supervisor;
    this.#shards = shards;
    this.#actions = actions;
  }

  /** [H60] The log of `replica` was read, which may have shown that entries of it are lost. */
  noteRead(replica: Replica): void {
    if (!replica.isRunning || replica.log.wal.isWhole()) return;
    if (!replica.condition.lacksEntries) this.begin(replica, undefined);
  }

  /** `fetch` was in vain and is answered when the log is whole. */
  begin(replica: Replica, fetch: LogFetch | undefined): void {
    assert(replica.isRunning, '[H90] a replica that is stopped changes no more');
    if (!replica.condition.lacksEntries) replica.condition.becomeRepairing();
    const known = this.#jobs.get(replica.shard);
    if (known !== undefined) {
      assert(known.replica === replica, '[H62] a repair ends with its replica');
      if (fetch !== undefined) known.fetches.push(fetch);
      return;
    }
    const fetches = fetch === undefined ? [] : [fetch];
    const lostEntries = new LostEntries(
      this.#parts,
      this.#settings,
      this.#supervisor,
      this.#shards,
      replica,
    );
    const job: RepairJob = { replica, fetches, asked: new Map(), lostEntries };
    this.#jobs.set(replica.shard, job);
    const { holes } = replica.log.wal;
    this.#parts.log.warn('log has holes', { shard: replica.shard, entries: holes.size });
    this.#parts.events?.tell({ kind: 'holesFound', shard: replica.shard });
    this.#goOn(job);
  }

  /** It has stopped: what is asked of peers for it is asked no more. */
  forget(replica: Replica): void {
    if (this.#jobs.get(replica.shard)?.replica === replica) this.#jobs.delete(replica.shard);
  }

  #isOver({ replica }: RepairJob): boolean {
    return this.#supervisor.isClosed || !replica.isRunning;
  }

  #goOn(job: RepairJob): void {
    if (this.#isOver(job)) return;
    const { replica } = job;
    this.#mendHere(replica);
    if (replica.log.wal.isWhole()) {
      this.#finish(job);
      return;
    }
    job.lostEntries.look(this.#isAskedInVain(job), othersOf(replica, this.#parts.member));
    if (this.#isOver(job)) return;
    const peer = this.#nextPeer(job);
    if (peer === undefined) this.#goOnLater(job);
    else this.#ask(job, peer);
  }

  #goOnLater(job: RepairJob): void {
    this.#parts.clock.setTimer(this.#settings.repairRetryMs, () => this.#goOn(job));
  }

  /** Cuts off holes that the durable state covers, and writes what is still in memory once more. */
  #mendHere(replica: Replica): void {
    const { data, log, shard } = replica;
    let covered = 0;
    for (const index of log.wal.holes.keys()) {
      const entry = cachedEntry(log.wal, index);
      if (entry !== undefined) this.#parts.wal.refill(shard, entry);
      else if (index <= data.durableApplied()) covered = Math.max(covered, index);
    }
    if (covered > 0) this.#actions.cut(replica, covered);
  }

  // --- asking -----------------------------------------------------------------------------------

  #ask(job: RepairJob, peer: MemberId): void {
    const { replica } = job;
    const ids: { index: number; term: number }[] = [];
    for (const [index, term] of replica.log.wal.holes) {
      if (ids.length < LIMITS.replica.repairEntriesMax) ids.push({ index, term });
    }
    assert(ids.length > 0, '[H60] a peer is asked for something');
    const wantsState = replica.condition.isUnrepairable && !replica.isLeader;
    const body = encodeEntryRequest({ shard: replica.shard, wantsState, ids });
    const timeoutMs = this.#settings.repairRetryMs * 10;
    this.#parts.peers.request(peer, REQUEST_KIND.fetchEntries, body, timeoutMs, (outcome) => {
      this.#onAnswer(job, peer, outcome);
    });
  }

  /** Of those that are there the one that was asked least. */
  #nextPeer({ asked, replica }: RepairJob): MemberId | undefined {
    const { member, peers } = this.#parts;
    let next: MemberId | undefined;
    for (const peer of othersOf(replica, member)) {
      if (!peers.isUp(peer)) continue;
      if (next === undefined || countOf(asked, peer) < countOf(asked, next)) next = peer;
    }
    return next;
  }

  /** Everyone who is there was asked, and asked again. */
  #isAskedInVain({ asked, replica }: RepairJob): boolean {
    const { member, peers } = this.#parts;
    const present = othersOf(replica, member).filter((peer) => peers.isUp(peer));
    return present.length > 0 && present.every((peer) => countOf(asked, peer) >= ROUNDS);
  }

  #onAnswer(job: RepairJob, peer: MemberId, outcome: RequestOutcome): void {
    if (this.#isOver(job)) return;
    if (outcome.kind === 'refused' && outcome.reason === 'full') {
      // It has not looked.
      this.#goOnLater(job);
      return;
    }
    const { asked, replica } = job;
    const before = replica.log.wal.holes.size;
    const entries = outcome.kind === 'answered' ? decodeEntries(outcome.body) : undefined;
    // A peer that sends another entry than was asked for is not believed: the log knows its ids.
    for (const entry of entries ?? []) this.#parts.wal.refill(replica.shard, entry);
    if (replica.log.wal.holes.size < before) {
      asked.clear();
      this.#goOn(job);
      return;
    }
    asked.set(peer, countOf(asked, peer) + 1);
    this.#goOnLater(job);
  }

  #finish({ fetches, replica }: RepairJob): void {
    this.#jobs.delete(replica.shard);
    replica.repaired();
    this.#parts.log.info('log is whole again', { shard: replica.shard });
    this.#parts.events?.tell({ kind: 'holesFilled', shard: replica.shard });
    for (const fetch of fetches) this.#actions.fetch(replica, fetch);
  }
}

/**
 * The members that may have what is missing here, the leader first: it may be one whose config
 * stands behind the hole, so that we have not heard of its being a member.
 */
function othersOf({ data, leader }: Replica, self: MemberId): readonly MemberId[] {
  const { learners, voters, votersOutgoing } = data.confState();
  const others = new Set([leader, ...voters, ...votersOutgoing, ...learners]);
  others.delete(self);
  others.delete(NO_NODE);
  return [...others];
}

function countOf(asked: ReadonlyMap<MemberId, number>, peer: MemberId): number {
  return asked.get(peer) ?? 0;
}
