// Idle shards hibernate: nobody ticks them and nothing is sent for them. See SPEC.md for why that
// harms nobody.
//
//   leader --ask(term, index)--> everyone      all logs end there, committed and applied
//   leader <--agree------------- everyone
//   leader --hibernate---------> everyone      from here on, neither side ticks
//
// Any message of Raft, any request and the loss of the leader's member wake a replica.

import { assert } from '../../base/assert.ts';
import { NO_NODE, type PeerStatus } from '../../core/raft/index.ts';
import type { MemberId, Peers } from '../../engine/transport/index.ts';
import { FRAME_KIND, PackedWriter } from '../codec/index.ts';
import {
  type HibernationNote,
  type HibernationStep,
  readHibernationNotes,
  writeHibernationNote,
} from './hibernation-codec.ts';
import type { Registry } from './registry.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';
import type { Turn } from './turn.ts';

/** The bit of the hello that says: this member's shards can hibernate. */
export const FEATURE_HIBERNATION = 1;

type HibernationPeers = Pick<Peers, 'featuresOf' | 'isUp' | 'lastHeardMs' | 'send'>;

export class Hibernation {
  readonly #member: MemberId;
  readonly #peers: HibernationPeers;
  readonly #settings: HostSettings;
  readonly #registry: Registry;
  readonly #turn: Pick<Turn, 'schedule'>;
  /** Hibernating replicas by the member that leads them. */
  readonly #byLeader = new Map<MemberId, Set<Replica>>();
  /** To be woken, a few per step: all at once would be an election storm. */
  readonly #toWake = new Set<Replica>();
  readonly #notes = new Map<MemberId, PackedWriter>();

  constructor(
    { member, peers }: { readonly member: MemberId; readonly peers: HibernationPeers },
    settings: HostSettings,
    registry: Registry,
    turn: Pick<Turn, 'schedule'>,
  ) {
    this.#member = member;
    this.#peers = peers;
    this.#settings = settings;
    this.#registry = registry;
    this.#turn = turn;
  }

  /** Replicas that hibernate now. */
  get count(): number {
    let count = 0;
    for (const replicas of this.#byLeader.values()) count += replicas.size;
    return count;
  }

  // --- falling asleep ---------------------------------------------------------------------------

  /** A replica that is awake was ticked. */
  ticked(replica: Replica, nowMs: number): void {
    const { electionTicks, hibernation, hibernateAfterTicks } = this.#settings;
    const { idleTicks } = replica;
    if (!hibernation || idleTicks < hibernateAfterTicks) {
      if (replica.condition.activity.kind === 'asking') replica.condition.becomeAwake();
      return;
    }
    // Asked again and again: notes may be lost. Not once per election timeout, which is how often
    // the core forgets who was active: the two could meet at the same tick for ever.
    if (!replica.isLeader || idleTicks % (electionTicks - 1) !== 0) return;
    const peers = this.#idlePeers(replica);
    if (peers === undefined) return;
    replica.condition.becomeAsking(replica.core.basicStatus().lastIndex);
    if (peers.length === 0) this.#hibernate(replica, nowMs);
    else this.#tell(peers, 'ask', replica);
  }

  /**
   * The peers of a shard that could hibernate: everyone has everything, and spoke up lately. Else
   * undefined. [H80]
   */
  #idlePeers(replica: Replica): readonly PeerStatus[] | undefined {
    if (!replica.isLeader || !isIdle(replica)) return undefined;
    const { applied, commit, config, lastIndex, peers, role, transferee } = replica.core.status();
    // A tick may just have ended its leadership, of which the next Ready will tell: it would sleep
    // without a leader, and without peers that could have objected.
    if (role !== 'leader') return undefined;
    if (commit !== lastIndex || applied !== lastIndex || transferee !== NO_NODE) return undefined;
    if (config.votersOutgoing.length > 0) return undefined;
    const others = peers.filter(({ id }) => id !== this.#member);
    for (const { id, isRecentlyActive, match, state } of others) {
      if (match !== lastIndex || state !== 'replicate' || !isRecentlyActive) return undefined;
      if (!this.#peers.isUp(id)) return undefined;
      if ((this.#peers.featuresOf(id) & FEATURE_HIBERNATION) === 0) return undefined;
    }
    return others;
  }

  /** False when the bytes are no notes. */
  onFrame(from: MemberId, body: Uint8Array, nowMs: number): boolean {
    const notes = readHibernationNotes(body);
    for (const note of notes ?? []) {
      const replica = this.#registry.running(note.shard);
      if (replica !== undefined) this.#onNote(replica, from, note, nowMs);
    }
    return notes !== undefined;
  }

  #onNote(replica: Replica, from: MemberId, note: HibernationNote, nowMs: number): void {
    assert(replica.isRunning, '[H81] notes are for replicas that run');
    if (note.step === 'agree') {
      this.#onAgree(replica, from, note, nowMs);
      return;
    }
    if (!this.#settings.hibernation || replica.condition.isHibernating) return;
    if (!agreesWith(replica, from, note)) return;
    if (note.step === 'hibernate') this.#hibernate(replica, nowMs);
    else this.#note(from, { ...note, step: 'agree' });
  }

  /**
   * [H81] The last one to agree makes all of them hibernate, unless something happened meanwhile: a
   * proposal after the question ends the idleness, a new term ends the role.
   */
  #onAgree(replica: Replica, from: MemberId, note: HibernationNote, nowMs: number): void {
    const { activity } = replica.condition;
    if (activity.kind !== 'asking' || activity.index !== note.index) return;
    if (replica.core.basicStatus().term !== note.term) return;
    assert(from !== this.#member, '[H81] others agree');
    activity.agreed.add(from);
    const peers = this.#idlePeers(replica);
    if (peers === undefined || !peers.every(({ id }) => activity.agreed.has(id))) return;
    this.#tell(peers, 'hibernate', replica);
    this.#hibernate(replica, nowMs);
  }

  #hibernate(replica: Replica, nowMs: number): void {
    const { applied, commit, lastIndex } = replica.core.basicStatus();
    assert(commit === lastIndex && applied === lastIndex, '[H80] all is committed and applied');
    replica.condition.becomeHibernating(nowMs);
    let hibernating = this.#byLeader.get(replica.leader);
    if (hibernating === undefined) {
      hibernating = new Set();
      this.#byLeader.set(replica.leader, hibernating);
    }
    assert(!hibernating.has(replica), '[H81] a replica falls asleep once');
    hibernating.add(replica);
  }

  #tell(peers: readonly PeerStatus[], step: HibernationStep, replica: Replica): void {
    const { lastIndex, term } = replica.core.basicStatus();
    const note = { step, shard: replica.shard, term, index: lastIndex };
    for (const { id } of peers) this.#note(id, note);
  }

  #note(member: MemberId, note: HibernationNote): void {
    let writer = this.#notes.get(member);
    if (writer === undefined) {
      writer = new PackedWriter(64);
      this.#notes.set(member, writer);
    }
    writeHibernationNote(writer, note);
    this.#turn.schedule();
  }

  /** [H82] After the messages of the turn, in their lane: what was sent before comes before. */
  flush(): void {
    for (const [member, writer] of this.#notes) {
      if (writer.length === 0) continue;
      this.#peers.send(member, 'urgent', FRAME_KIND.hibernation, writer.view());
      writer.reset();
    }
  }

  // --- waking up --------------------------------------------------------------------------------

  /** Wakes a replica that hibernates; harmless for others. */
  wake(replica: Replica, nowMs: number): void {
    const { activity } = replica.condition;
    if (activity.kind !== 'hibernating') return;
    const { tickMs, electionTicks } = this.#settings;
    replica.condition.becomeAwake();
    replica.noteBusy();
    const isKnown = this.#byLeader.get(replica.leader)?.delete(replica) === true;
    assert(isKnown, '[H83] what hibernates is found by its leader');
    this.#toWake.delete(replica);
    const sleptTicks = (nowMs - activity.sinceMs) / tickMs;
    if (replica.isLeader) {
      // [H83] Rounded up: its lease must not outlive the time that others measured.
      const missed = Math.min(electionTicks, Math.ceil(sleptTicks) + 1);
      replica.rested(missed);
    } else if (this.#isLost(replica.leader, nowMs)) {
      // [H84] Rounded down: it must not vote before the time that the leader counts on.
      const missed = Math.min(electionTicks, Math.floor(sleptTicks));
      replica.tickMissed(missed);
    }
  }

  #isLost(member: MemberId, nowMs: number): boolean {
    if (member === this.#member) return false;
    const { lostTicks, tickMs } = this.#settings;
    return nowMs - this.#peers.lastHeardMs(member) >= lostTicks * tickMs;
  }

  /** Looks after the members that lead hibernating shards, and wakes some of those to be woken. */
  step(nowMs: number): void {
    for (const [leader, replicas] of this.#byLeader) {
      if (replicas.size > 0 && this.#isLost(leader, nowMs)) this.#wakeLedBy(leader);
    }
    let left = this.#settings.wakesMax;
    for (const replica of this.#toWake) {
      if (left === 0) break;
      left -= 1;
      this.wake(replica, nowMs);
      this.#toWake.delete(replica);
    }
  }

  /**
   * The peer may have been restarted. [H85] Then it knows no leader: let it hear from us. [H86] And
   * it leads nothing any more: a shard that was put to rest by the run before has to find out.
   */
  onPeerUp(member: MemberId): void {
    for (const replica of this.#byLeader.get(this.#member) ?? []) {
      const { config } = replica.core.basicStatus();
      if (config.voters.includes(member) || config.learners.includes(member)) {
        this.#toWake.add(replica);
      }
    }
    this.#wakeLedBy(member);
  }

  /** The connection to a leader's member broke: it may be gone. */
  onPeerDown(member: MemberId): void {
    this.#wakeLedBy(member);
  }

  #wakeLedBy(member: MemberId): void {
    for (const replica of this.#byLeader.get(member) ?? []) this.#toWake.add(replica);
  }

  /** It is not one of the host's replicas any more. */
  forget(replica: Replica): void {
    assert(!replica.isRunning, 'a replica is forgotten when it has stopped');
    this.#toWake.delete(replica);
    for (const replicas of this.#byLeader.values()) replicas.delete(replica);
  }
}

function isIdle({ condition, proposals, reads }: Replica): boolean {
  const { kind } = condition.activity;
  if (condition.lacksEntries || kind === 'leaving' || kind === 'muted') return false;
  return proposals.isEmpty && reads.isEmpty;
}

/** [H80] A follower agrees when it stands exactly where the leader does. */
function agreesWith(replica: Replica, from: MemberId, { index, term }: HibernationNote): boolean {
  if (!isIdle(replica)) return false;
  const status = replica.core.basicStatus();
  const { value } = replica.condition;
  // As of the last Ready as well: a change of role that is on its way would find it hibernating.
  if (value.kind === 'stopped' || value.role !== 'follower') return false;
  return (
    status.role === 'follower' &&
    status.lead === from &&
    replica.leader === from &&
    status.term === term &&
    status.lastIndex === index &&
    status.commit === index &&
    status.applied === index
  );
}
