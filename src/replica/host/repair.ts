// [H60] Fills holes in a shard's log: entries whose bytes are lost here and whose ids are known.
// Peers are asked one after the other; lost-entries.ts has what follows when none has an entry.

import { LIMITS } from '../../base/limits.ts';
import { draftMessage, type LogFetch, NO_NODE } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  MemberId,
  Peers,
  RequestOutcome,
} from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import type { Snapshots } from '../snapshots/index.ts';
import { LostEntries, type LostEntriesHome } from './lost-entries.ts';
import {
  decodeEntries,
  decodeEntryRequest,
  type EntryRequest,
  encodeEntries,
  encodeEntryRequest,
} from './repair-codec.ts';
import type { Replica } from './replica.ts';
import { cachedEntry, gatherEntries } from './requested-entries.ts';

/** So often every peer is asked before nobody is believed to have an entry. */
const ROUNDS = 2;

export interface RepairHome extends LostEntriesHome {
  readonly member: MemberId;
  readonly peers: Pick<Peers, 'isUp' | 'request'>;
  readonly snapshots: Pick<Snapshots, 'latest' | 'send'>;
  replica(shard: ShardId): Replica | undefined;
  /** Its log was read: entries may have turned out to be lost. */
  noteRead(shard: ShardId): void;
  /** The log is whole: what waited for it goes on. */
  repaired(replica: Replica, fetches: readonly LogFetch[]): void;
  /** Lets go of entries that the durable state covers, holes and all. */
  cut(replica: Replica, index: number): void;
}

interface RepairJob {
  readonly replica: Replica;
  readonly fetches: LogFetch[];
  /** How often each peer was asked in vain since the last hole was filled. */
  readonly asked: Map<MemberId, number>;
  readonly lostEntries: LostEntries;
}

interface Question {
  readonly request: IncomingRequest;
  readonly wanted: EntryRequest;
}

export class Repair {
  readonly #home: RepairHome;
  readonly #jobs = new Map<ShardId, RepairJob>();
  /** Members to which a state is on its way, by shard. */
  readonly #sending = new Set<string>();
  /** Of peers; the first one is being answered. */
  readonly #questions: Question[] = [];

  constructor(home: RepairHome) {
    this.#home = home;
  }

  /** `fetch` was in vain and is answered when the log is whole. */
  begin(replica: Replica, fetch: LogFetch | undefined): void {
    replica.hasHoles = true;
    const known = this.#jobs.get(replica.shard);
    if (known?.replica === replica) {
      if (fetch !== undefined) known.fetches.push(fetch);
      return;
    }
    const fetches = fetch === undefined ? [] : [fetch];
    const lostEntries = new LostEntries(this.#home, replica);
    const job: RepairJob = { replica, fetches, asked: new Map(), lostEntries };
    this.#jobs.set(replica.shard, job);
    const { holes } = replica.log.wal;
    this.#home.log.warn('log has holes', { shard: replica.shard, entries: holes.size });
    this.#goOn(job);
  }

  #isOver({ replica }: RepairJob): boolean {
    return this.#home.isClosed || replica.stopped !== undefined;
  }

  #goOn(job: RepairJob): void {
    if (this.#isOver(job)) return;
    const { replica } = job;
    this.#mendHere(replica);
    if (replica.log.wal.isWhole()) {
      this.#finish(job);
      return;
    }
    job.lostEntries.look(this.#isUnrepairable(job), othersOf(replica, this.#home.member));
    if (this.#isOver(job)) return;
    const peer = this.#nextPeer(job);
    if (peer === undefined) this.#goOnLater(job);
    else this.#ask(job, peer);
  }

  #goOnLater(job: RepairJob): void {
    const { clock, settings } = this.#home;
    clock.setTimer(settings.repairRetryMs, () => this.#goOn(job));
  }

  /** What the durable state covers is cut off; what is still in memory is written once more. */
  #mendHere(replica: Replica): void {
    const { data, log, shard } = replica;
    let covered = 0;
    for (const index of log.wal.holes.keys()) {
      const entry = cachedEntry(log.wal, index);
      if (entry !== undefined) this.#home.wal.refill(shard, entry);
      else if (index <= data.durableApplied()) covered = Math.max(covered, index);
    }
    if (covered > 0) this.#home.cut(replica, covered);
  }

  // --- asking -----------------------------------------------------------------------------------

  #ask(job: RepairJob, peer: MemberId): void {
    const { replica } = job;
    const { peers, settings } = this.#home;
    const ids: { index: number; term: number }[] = [];
    for (const [index, term] of replica.log.wal.holes) {
      if (ids.length < LIMITS.replica.repairEntriesMax) ids.push({ index, term });
    }
    const wantsState = replica.isUnrepairable && !replica.isLeader;
    const body = encodeEntryRequest({ shard: replica.shard, wantsState, ids });
    const timeoutMs = settings.repairRetryMs * 10;
    peers.request(peer, REQUEST_KIND.fetchEntries, body, timeoutMs, (outcome) => {
      this.#onAnswer(job, peer, outcome);
    });
  }

  /** Of those that are there the one that was asked least. */
  #nextPeer({ asked, replica }: RepairJob): MemberId | undefined {
    const { member, peers } = this.#home;
    let next: MemberId | undefined;
    for (const peer of othersOf(replica, member)) {
      if (!peers.isUp(peer)) continue;
      if (next === undefined || countOf(asked, peer) < countOf(asked, next)) next = peer;
    }
    return next;
  }

  /** Everyone who is there was asked, and asked again. */
  #isUnrepairable({ asked, replica }: RepairJob): boolean {
    const { member, peers } = this.#home;
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
    for (const entry of entries ?? []) this.#home.wal.refill(replica.shard, entry);
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
    this.#home.log.info('log is whole again', { shard: replica.shard });
    this.#home.repaired(replica, fetches);
  }

  // --- answering --------------------------------------------------------------------------------

  /** A peer asks for entries that it lost. */
  onRequest(request: IncomingRequest): void {
    const wanted = decodeEntryRequest(request.body);
    if (wanted === undefined || this.#home.replica(wanted.shard) === undefined) {
      request.respond(encodeEntries([]));
      return;
    }
    if (this.#questions.length >= LIMITS.replica.repairQuestionsMax) {
      request.refuse('full');
      return;
    }
    this.#questions.push({ request, wanted });
    if (this.#questions.length === 1) this.#home.watch('repair', this.#answerAll());
  }

  /** [H20] One after the other: thirty bytes ask for a megabyte. */
  async #answerAll(): Promise<void> {
    for (;;) {
      const [question] = this.#questions;
      if (question === undefined || this.#home.isClosed) return;
      const { deadlineMs, isAbandoned } = question.request;
      const isAwaited = !isAbandoned && deadlineMs > this.#home.clock.monotonicMs();
      if (isAwaited) await this.#answer(question);
      this.#questions.shift();
    }
  }

  async #answer({ request, wanted }: Question): Promise<void> {
    const { ids, shard, wantsState } = wanted;
    const { repairBytesMax } = LIMITS.replica;
    const entries = await gatherEntries(this.#home.wal, shard, ids, repairBytesMax);
    if (this.#home.isClosed) return;
    this.#home.noteRead(shard);
    if (!request.isAbandoned) request.respond(encodeEntries(entries));
    if (entries.length === 0 && wantsState) this.#maybeSendState(request.from, wanted);
  }

  /** [H62] The leader sends its state in place of entries that it has applied and let go of. */
  #maybeSendState(to: MemberId, { ids, shard }: EntryRequest): void {
    const { member, snapshots } = this.#home;
    const replica = this.#home.replica(shard);
    if (replica === undefined || !replica.isLeader || replica.stopped !== undefined) return;
    const applied = replica.data.applied().index;
    const covered = ids.map(({ index }) => index).filter((index) => index <= applied);
    const key = `${to} ${shard}`;
    if (covered.length === 0 || this.#sending.has(key)) return;
    const snapshot = snapshots.latest(shard, Math.max(replica.log.configIndex, ...covered));
    // Being made: the peer asks again.
    if (snapshot === 'pending') return;
    const message = draftMessage('snapshot', member, to, replica.core.basicStatus().term);
    message.snapshot = snapshot;
    this.#sending.add(key);
    snapshots.send(to, shard, message, () => this.#sending.delete(key));
  }
}

/**
 * Who may have what is missing here, the leader first: it may be one whose config stands behind the
 * hole, so that we have not heard of its being a member.
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
