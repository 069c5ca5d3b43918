// What leaders propose of their own for the shards' machines: to wake them [M12], to raise their
// editions [M7], and to end sessions where a member has too many [D21].

import type { Clock, Random, Timer } from '../../base/capabilities.ts';
import { NEVER_MS } from '../../core/machine.ts';
import type { ConfChange } from '../../core/raft/index.ts';
import type { MemberId, Peers } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { FRAME_KIND } from '../codec/index.ts';
import { canCarryOut, isRaised, type ShardEditions, type StateStore } from '../state/index.ts';
import {
  decodeMachinesNote,
  encodeMachinesNote,
  KEEP_ALL,
  type MachinesNote,
} from './machines-codec.ts';
import type { Registry } from './registry.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';

/** The bit of the hello that says: this member understands frames of the kind `machines`. */
export const FEATURE_MACHINES = 4;

/** What was proposed may have been lost with its leader: it is looked at again. */
const RETRY_MS = 1_000;
/** Shards that are woken at once: the others come a moment later. */
const WAKES_MAX = 64;
const WAKES_PAUSE_MS = 10;
/** By then what was proposed is applied, and what is left can be counted. */
const EVICT_PAUSE_MS = 250;
const RAISE_PAUSE_MS = 1_000;
/** Shards that are raised at once: every new shard is once, and ten thousand begin together. */
const RAISES_MAX = 256;
const RAISES_PAUSE_MS = 100;
/** Of the bound: so that not every new session ends another one. */
const TARGET = 0.8;

interface Alarm {
  readonly wakeMs: number;
  /** When to look at it, by the wall clock. */
  lookMs: number;
}

interface Raising {
  readonly editions: ShardEditions;
  /** Until then it may take effect; after that it was lost. */
  readonly againMs: number;
}

export interface LeaderDutiesParts {
  readonly member: MemberId;
  readonly clock: Pick<Clock, 'setTimer' | 'wallMs'>;
  readonly random: Random;
  readonly states: Pick<StateStore, 'sessionBytes'>;
  readonly peers: Pick<Peers, 'featuresOf' | 'send'>;
}

export class LeaderDuties {
  readonly #parts: LeaderDutiesParts;
  readonly #registry: Pick<Registry, 'leaders' | 'running'>;
  readonly #sessionBytesMax: number;
  readonly #alarms = new Map<ShardId, Alarm>();
  #timer: Timer | undefined;
  #timerMs = Number.POSITIVE_INFINITY;
  #isClosed = false;
  readonly #up = new Set<MemberId>();
  readonly #notes = new Map<MemberId, MachinesNote>();
  /** By kind: what this release can carry out. */
  readonly #newest = new Map<string, ShardEditions>();
  /** What was proposed of raises, and may take effect yet. */
  readonly #raising = new Map<ShardId, Raising>();
  /** Where the newest end of sessions stands in a shard's log; infinity until that is known. */
  readonly #evicted = new Map<ShardId, number>();
  #nextEvictMs = 0;
  #nextRaiseMs = 0;

  constructor(
    parts: LeaderDutiesParts,
    { sessionBytesMax }: Pick<HostSettings, 'sessionBytesMax'>,
    registry: Pick<Registry, 'leaders' | 'running'>,
  ) {
    this.#parts = parts;
    this.#registry = registry;
    this.#sessionBytesMax = sessionBytesMax;
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  onOpened(replica: Replica): void {
    this.onApplied(replica);
    const newest = replica.data.newestEditions();
    if (this.#newest.has(newest.kind)) return;
    this.#newest.set(newest.kind, newest);
    this.#tellAll(KEEP_ALL);
  }

  /** Often: cheap while time and sessions are as they should be. */
  step(nowMs: number): void {
    this.#boundSessions(nowMs);
    if (nowMs < this.#nextRaiseMs) return;
    this.#nextRaiseMs = nowMs + RAISE_PAUSE_MS;
    let raised = 0;
    for (const replica of this.#registry.leaders()) {
      if (this.#maybeRaise(replica, nowMs)) raised += 1;
      if (raised < RAISES_MAX) continue;
      this.#nextRaiseMs = nowMs + RAISES_PAUSE_MS;
      return;
    }
  }

  // --- waking -----------------------------------------------------------------------------------

  /** [H46] Its state moved on. Every replica knows the time: the leader of then proposes it. */
  onApplied(replica: Replica): void {
    const wakeMs = replica.data.wakeMs();
    const { shard } = replica;
    if (wakeMs === NEVER_MS) {
      if (this.#alarms.size > 0) this.#alarms.delete(shard);
      return;
    }
    if (this.#alarms.get(shard)?.wakeMs === wakeMs) return;
    this.#alarms.set(shard, { wakeMs, lookMs: wakeMs });
    this.#arm(wakeMs);
  }

  forget(replica: Replica): void {
    this.#alarms.delete(replica.shard);
    this.#raising.delete(replica.shard);
    this.#evicted.delete(replica.shard);
  }

  #arm(atMs: number): void {
    if (this.#isClosed || atMs >= this.#timerMs) return;
    this.#timer?.cancel();
    this.#timerMs = atMs;
    const { clock } = this.#parts;
    // A clock that is set back, or ahead, is noticed in the end.
    const delayMs = Math.min(Math.max(1, atMs - clock.wallMs()), LONGEST_MS);
    this.#timer = clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      this.#timerMs = Number.POSITIVE_INFINITY;
      this.#lookAtAlarms();
    });
  }

  #lookAtAlarms(): void {
    const nowMs = this.#parts.clock.wallMs();
    let nextMs = Number.POSITIVE_INFINITY;
    let woken = 0;
    for (const [shard, alarm] of this.#alarms) {
      if (alarm.lookMs <= nowMs && woken < WAKES_MAX) {
        const replica = this.#registry.running(shard);
        alarm.lookMs = nowMs + RETRY_MS;
        if (replica?.isLeader === true) {
          replica.proposeOwn({ kind: 'wake' });
          woken += 1;
        }
      }
      nextMs = Math.min(nextMs, alarm.lookMs);
    }
    if (nextMs < Number.POSITIVE_INFINITY) this.#arm(Math.max(nextMs, nowMs + WAKES_PAUSE_MS));
  }

  // --- what members tell each other -------------------------------------------------------------

  onPeerUp(member: MemberId): void {
    this.#up.add(member);
    // Each member dials the other. A told B by its new connection, B notices later that its own to
    // the A of before is gone, and forgets what A said: so B asks by the one that it dials then.
    this.#tell(member, KEEP_ALL, true);
  }

  onPeerDown(member: MemberId): void {
    this.#up.delete(member);
    this.#notes.delete(member);
  }

  /** False when the bytes are no note. */
  onFrame(from: MemberId, body: Uint8Array): boolean {
    const note = decodeMachinesNote(body);
    if (note === undefined) return false;
    this.#notes.set(from, note);
    if (note.asks) this.#tell(from, KEEP_ALL);
    if (note.keep < KEEP_ALL) this.#evict(from, note.keep);
    return true;
  }

  #tellAll(keep: number): void {
    for (const member of this.#up) this.#tell(member, keep);
  }

  #tell(member: MemberId, keep: number, asks = false): void {
    const { peers } = this.#parts;
    if ((peers.featuresOf(member) & FEATURE_MACHINES) === 0) return;
    const body = encodeMachinesNote({ keep, asks, newest: [...this.#newest.values()] });
    peers.send(member, 'urgent', FRAME_KIND.machines, body);
  }

  // --- sessions ---------------------------------------------------------------------------------

  #boundSessions(nowMs: number): void {
    const bytes = this.#parts.states.sessionBytes();
    if (bytes <= this.#sessionBytesMax || nowMs < this.#nextEvictMs) return;
    this.#nextEvictMs = nowMs + EVICT_PAUSE_MS;
    const keep = Math.floor((KEEP_ALL * TARGET * this.#sessionBytesMax) / bytes);
    this.#tellAll(keep);
    this.#evict(this.#parts.member, keep);
  }

  /** [D21] [H48] `member` has too many: those that lead shards which it holds end their part. */
  #evict(member: MemberId, keep: number): void {
    for (const replica of this.#registry.leaders()) {
      if (!holds(replica, member) || !this.#hasFollowed(replica, member)) continue;
      const { count } = replica.data.sessionsHeld();
      // Rounded by chance: of many shards with one session each some keep theirs.
      const kept = Math.floor((count * keep) / KEEP_ALL + this.#parts.random.unit());
      if (kept < count) this.#proposeEvict(replica, kept);
    }
  }

  /**
   * [H48] Whether `member` has what was ended last. One whose disk stands still, or that is cut off
   * from the shard, has too many for as long as that lasts, says so four times a second, and takes
   * a fifth of the sessions that are left each time: in some seconds nobody would have one.
   */
  #hasFollowed(replica: Replica, member: MemberId): boolean {
    const evicted = this.#evicted.get(replica.shard);
    if (evicted === undefined) return true;
    if (member === this.#parts.member) return replica.data.applied().index >= evicted;
    const peer = replica.core.status().peers.find(({ id }) => id === member);
    return peer !== undefined && peer.match >= evicted;
  }

  #proposeEvict(replica: Replica, keep: number): void {
    const { shard } = replica;
    const isProposed = replica.proposeOwn({ kind: 'evict', keep }, (outcome) => {
      if (this.#registry.running(shard) !== replica) return;
      if (outcome.kind === 'applied') this.#evicted.set(shard, outcome.index);
      else this.#evicted.delete(shard);
    });
    if (isProposed) this.#evicted.set(shard, Number.POSITIVE_INFINITY);
  }

  // --- editions ---------------------------------------------------------------------------------

  /**
   * [M7] [H47] Every member that holds the shard must have said that it can carry it out. True when
   * it was proposed.
   */
  #maybeRaise(replica: Replica, nowMs: number): boolean {
    const present = replica.data.editions();
    const newest = replica.data.newestEditions();
    const isNewest =
      present.machine.version >= newest.machine.version &&
      present.shard.version >= newest.shard.version;
    if (isNewest) this.#raising.delete(replica.shard);
    if (isNewest || !isRaised(present, newest)) return false;
    if ((this.#raising.get(replica.shard)?.againMs ?? nowMs) > nowMs) return false;
    if (replica.core.hasPendingChange() || replica.proposals.hasChanges) return false;
    if (!membersOf(replica).every((member) => this.#canCarryOut(member, newest))) return false;
    const againMs = nowMs + RAISE_PAUSE_MS;
    this.#raising.set(replica.shard, { editions: newest, againMs });
    return replica.proposeOwn({ kind: 'raise', editions: newest });
  }

  /**
   * [H47] Whether `change` adds a member that has not said that it can carry out what the shard
   * agreed on: its replica would stop, and the shard count on it all the same. Changes and raises
   * do not pass each other: no raise is proposed while a change is under way, and a change is held
   * against the raise that is.
   */
  addsOlderRelease(replica: Replica, { changes }: ConfChange): boolean {
    const agreed = this.#raising.get(replica.shard)?.editions ?? replica.data.editions();
    if (canCarryOut(replica.data.firstEditions(), agreed)) return false;
    return changes.some(({ kind, node }) => {
      return (kind === 'addVoter' || kind === 'addLearner') && !this.#canCarryOut(node, agreed);
    });
  }

  #canCarryOut(member: MemberId, wanted: ShardEditions): boolean {
    if (member === this.#parts.member) return true;
    const theirs = this.#notes.get(member)?.newest.find(({ kind }) => kind === wanted.kind);
    return theirs !== undefined && canCarryOut(theirs, wanted);
  }
}

/** Timers take no more than 24 days. */
const LONGEST_MS = 3_600_000;

function membersOf({ data }: Replica): readonly MemberId[] {
  const { learners, learnersNext, voters, votersOutgoing } = data.confState();
  return [...voters, ...votersOutgoing, ...learners, ...learnersNext];
}

function holds(replica: Replica, member: MemberId): boolean {
  return membersOf(replica).includes(member);
}
