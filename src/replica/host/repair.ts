// [H60] Fills holes in a shard's log: entries whose bytes are lost here and whose ids are known.
// Peers that still have them are asked one after the other.

import type { Clock, Log } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { LogFetch } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  MemberId,
  Peers,
  RequestOutcome,
} from '../../engine/transport/index.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { decodeEntries, decodeWants, encodeEntries, encodeWants } from './repair-codec.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';
import { gatherEntries } from './wanted-entries.ts';

export interface RepairHome {
  readonly member: MemberId;
  readonly wal: Wal;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: HostSettings;
  readonly peers: Pick<Peers, 'isUp' | 'request'>;
  readonly isClosed: boolean;
  replica(shard: ShardId): Replica | undefined;
  /** The log is whole: what waited for it goes on. */
  repaired(replica: Replica, fetches: readonly LogFetch[]): void;
  /** Lets go of entries that the durable state covers, holes and all. */
  cut(replica: Replica, index: number): void;
}

interface Patient {
  readonly replica: Replica;
  readonly fetches: LogFetch[];
  /** Counts the attempts: each asks another peer. */
  attempts: number;
}

export class Repair {
  readonly #home: RepairHome;
  readonly #patients = new Map<ShardId, Patient>();

  constructor(home: RepairHome) {
    this.#home = home;
  }

  /** `fetch` was in vain and is answered when the log is whole. */
  begin(replica: Replica, fetch: LogFetch | undefined): void {
    replica.hasHoles = true;
    const known = this.#patients.get(replica.shard);
    if (known !== undefined) {
      if (fetch !== undefined) known.fetches.push(fetch);
      return;
    }
    const fetches = fetch === undefined ? [] : [fetch];
    const patient: Patient = { replica, fetches, attempts: 0 };
    this.#patients.set(replica.shard, patient);
    const { holes } = replica.log.wal;
    this.#home.log.warn('log has holes', { shard: replica.shard, entries: holes.size });
    this.#treat(patient);
  }

  #treat(patient: Patient): void {
    const { clock, isClosed, peers, settings } = this.#home;
    const { replica } = patient;
    if (isClosed || replica.stopped !== undefined) return;
    const { holes } = replica.log.wal;
    let covered = 0;
    for (const index of holes.keys()) {
      if (index <= replica.data.durableApplied()) covered = Math.max(covered, index);
    }
    if (covered > 0) this.#home.cut(replica, covered);
    if (replica.log.wal.isWhole()) {
      this.#finish(patient);
      return;
    }
    const peer = this.#nextPeer(patient);
    if (peer === undefined) {
      clock.setTimer(settings.repairRetryMs, () => this.#treat(patient));
      return;
    }
    const wanted = [...holes].slice(0, LIMITS.replica.repairEntriesMax);
    const body = encodeWants(
      replica.shard,
      wanted.map(([index, term]) => ({ index, term })),
    );
    const timeoutMs = settings.repairRetryMs * 10;
    peers.request(peer, REQUEST_KIND.fetchEntries, body, timeoutMs, (outcome) => {
      this.#onAnswer(patient, outcome);
    });
  }

  #nextPeer(patient: Patient): MemberId | undefined {
    const { member, peers } = this.#home;
    const { learners, voters } = patient.replica.data.confState();
    const others = [...voters, ...learners].filter((id) => id !== member && peers.isUp(id));
    patient.attempts += 1;
    return others[patient.attempts % Math.max(1, others.length)];
  }

  #onAnswer(patient: Patient, outcome: RequestOutcome): void {
    const { clock, isClosed, settings, wal } = this.#home;
    const { replica } = patient;
    if (isClosed || replica.stopped !== undefined) return;
    const before = replica.log.wal.holes.size;
    const entries = outcome.kind === 'answered' ? decodeEntries(outcome.body) : undefined;
    // A peer that sends another entry than was asked for is not believed: the log knows its ids.
    for (const entry of entries ?? []) wal.refill(replica.shard, entry);
    if (replica.log.wal.holes.size < before) this.#treat(patient);
    else clock.setTimer(settings.repairRetryMs, () => this.#treat(patient));
  }

  #finish({ fetches, replica }: Patient): void {
    this.#patients.delete(replica.shard);
    replica.repaired();
    this.#home.log.info('log is whole again', { shard: replica.shard });
    this.#home.repaired(replica, fetches);
  }

  /** A peer asks for entries that it lost. */
  onRequest(request: IncomingRequest): void {
    const wants = decodeWants(request.body);
    if (wants === undefined || this.#home.replica(wants.shard) === undefined) {
      request.respond(encodeEntries([]));
      return;
    }
    const { wal } = this.#home;
    const found = gatherEntries(wal, wants.shard, wants.ids, LIMITS.replica.repairBytesMax);
    void found.then((entries) => {
      if (!this.#home.isClosed && !request.isAbandoned) request.respond(encodeEntries(entries));
    });
  }
}
