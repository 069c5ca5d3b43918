// All replicas of one member, as callers and peers see them: requests and messages come in here and
// go on to the loop.

import { assert } from '../../base/assert.ts';
import type { ConfChange, Message } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
} from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { FRAME_KIND, REQUEST_KIND, readRaftFrame } from '../codec/index.ts';
import type {
  ReadAnswer,
  ReadLevel,
  ReplicaHost,
  ShardPlan,
  ShardStatus,
  WriteOutcome,
} from '../types.ts';
import { Loop } from './loop.ts';
import { openReplica } from './opening.ts';
import { PeerFaults } from './peer-faults.ts';
import type { HostParts } from './ports.ts';
import { Replica } from './replica.ts';
import { type HostSettings, settle } from './settings.ts';

export class Host implements ReplicaHost {
  readonly #parts: HostParts;
  readonly #loop: Loop;
  readonly #peerFaults: PeerFaults;
  /** Shards whose beginning is on its way to the disk. */
  readonly #beginning = new Set<ShardId>();
  /** Whose frame is being read. */
  #from: MemberId = 0;

  constructor(parts: HostParts, settings: Partial<HostSettings> = {}) {
    this.#parts = parts;
    this.#loop = new Loop(parts, settle(settings));
    this.#peerFaults = new PeerFaults(parts.clock, parts.log);
  }

  // --- shards -----------------------------------------------------------------------------------

  openShard(plan: ShardPlan): void {
    const { machine, shard } = plan;
    const loop = this.#loop;
    const isKnown = loop.replica(shard) !== undefined || this.#beginning.has(shard);
    assert(!isKnown, 'a shard is opened once');
    if (loop.isClosed) return;
    const { member, states, wal } = this.#parts;
    const opening = openReplica(plan, wal.shard(shard), states, member);
    if (opening.kind === 'refused') loop.fail(opening.why);
    else if (opening.kind === 'ready') loop.add(new Replica(loop, shard, opening.data));
    else {
      const { change, snapshot } = opening;
      this.#beginning.add(shard);
      wal.append([change], (outcome) => {
        this.#beginning.delete(shard);
        if (outcome !== 'durable' || loop.isClosed) return;
        const data = states.create(shard, machine, snapshot, snapshot.confState);
        loop.add(new Replica(loop, shard, data));
      });
    }
  }

  status(shard: ShardId): ShardStatus | undefined {
    return this.#loop.replica(shard)?.status();
  }

  #running(shard: ShardId): Replica | undefined {
    const replica = this.#loop.replica(shard);
    return replica?.stopped === undefined ? replica : undefined;
  }

  #refusal(shard: ShardId): 'noLeader' | 'stopping' | 'unknownShard' {
    if (this.#loop.isClosed) return 'stopping';
    return this.#beginning.has(shard) ? 'noLeader' : 'unknownShard';
  }

  // --- requests ---------------------------------------------------------------------------------

  propose(shard: ShardId, payload: Uint8Array, done: (outcome: WriteOutcome) => void): void {
    const loop = this.#loop;
    const replica = this.#running(shard);
    if (replica === undefined) {
      loop.answers.refuseWrite(done, this.#refusal(shard), 0);
      loop.schedule();
      return;
    }
    if (replica.activity.kind === 'hibernating') loop.wake(replica);
    replica.propose(payload, done);
    loop.markDirty(replica);
  }

  /**
   * [H16] Whoever hears that a change took effect may act upon it, and switch off whom it removed.
   * A removes B from A and B, answers, and loses its power. If neither the new config nor the
   * commit were on its disk, A would come back in need of B's vote, for ever.
   */
  changeConfig(shard: ShardId, change: ConfChange, done: (outcome: WriteOutcome) => void): void {
    const loop = this.#loop;
    const replica = this.#running(shard);
    if (replica === undefined) {
      loop.answers.refuseWrite(done, this.#refusal(shard), 0);
      loop.schedule();
      return;
    }
    loop.wake(replica);
    replica.changeConfig(change, (outcome) => loop.durableAnswers.tell(done, outcome));
    loop.markDirty(replica);
  }

  read(
    shard: ShardId,
    level: ReadLevel,
    question: Uint8Array,
    done: (answer: ReadAnswer) => void,
  ): void {
    const loop = this.#loop;
    const replica = this.#running(shard);
    if (replica === undefined) {
      loop.answers.refuseRead(done, this.#refusal(shard), 0);
      loop.schedule();
      return;
    }
    if (level !== 'local') loop.wake(replica);
    replica.read(level, question, done, this.#parts.clock.monotonicMs());
    loop.markDirty(replica);
  }

  transferLeader(shard: ShardId, to: MemberId): string {
    const replica = this.#running(shard);
    if (replica === undefined) return this.#refusal(shard);
    this.#loop.wake(replica);
    const outcome = replica.core.transferLeader(to);
    this.#loop.markDirty(replica);
    return outcome.kind === 'refused' ? outcome.reason : outcome.kind;
  }

  // --- peers ------------------------------------------------------------------------------------

  /** A frame of one of the host's kinds. [H30] The clock first, then what came in. */
  onFrame(from: MemberId, kind: number, body: Uint8Array): void {
    const loop = this.#loop;
    if (loop.isClosed) return;
    loop.catchUp();
    this.#from = from;
    const isWhole =
      kind === FRAME_KIND.raft
        ? readRaftFrame(body, from, this.#parts.member, this.#onMessage)
        : this.#onNote(from, kind, body);
    if (!isWhole) this.#peerFaults.note('malformed', from, 0, `a frame of kind ${kind}`);
  }

  /** What hosts tell each other. */
  #onNote(from: MemberId, kind: number, body: Uint8Array): boolean {
    const loop = this.#loop;
    if (kind === FRAME_KIND.hibernation) return loop.hibernation.onFrame(from, body, loop.nowMs);
    return kind === FRAME_KIND.diskSpace && loop.fullDisk.onFrame(from, body);
  }

  readonly #onMessage = (shard: ShardId, message: Message): void => {
    const replica = this.#loop.replica(shard);
    if (replica === undefined) {
      if (this.#beginning.has(shard)) return;
      this.#peerFaults.note('unknownShard', this.#from, shard, message.kind);
      return;
    }
    if (replica.stopped !== undefined) return;
    // [H52] It comes behind its state, as a stream, or not at all.
    if (message.kind === 'snapshot') {
      this.#peerFaults.note('malformed', this.#from, shard, 'a snapshot without its state');
      return;
    }
    const outcome = this.#loop.step(replica, message);
    if (outcome === 'contradiction') {
      this.#peerFaults.note(outcome, this.#from, shard, replica.lastContradiction);
    } else if (outcome === 'malformed' || outcome === 'localMessage') {
      this.#peerFaults.note('malformed', this.#from, shard, message.kind);
    }
  };

  onPeerUp(member: MemberId): void {
    this.#loop.hibernation.onPeerUp(member);
    this.#loop.fullDisk.onPeerUp(member);
  }

  /** What was on its way to `member` may be lost. */
  onPeerDown(member: MemberId): void {
    this.#loop.hibernation.onPeerDown(member);
    this.#loop.fullDisk.onPeerDown(member);
    for (const replica of this.#loop.replicas()) {
      if (replica.isLeader && replica.stopped === undefined) {
        replica.core.reportUnreachable(member);
      }
    }
  }

  /** A request of one of the host's kinds. */
  onRequest(request: IncomingRequest): void {
    if (request.kind === REQUEST_KIND.fetchEntries) this.#loop.repair.onRequest(request);
    else this.#loop.snapshots.onRequest(request);
  }

  /** A stream of the kind `snapshot`. */
  onStream(from: MemberId, header: Uint8Array): IncomingStreamHandler | undefined {
    return this.#loop.isClosed ? undefined : this.#loop.snapshots.onStream(from, header);
  }

  /** Answers everyone. The log and the store are closed after this, by whoever opened them. */
  async stop(): Promise<void> {
    this.#loop.close();
    await new Promise<void>((resolve) => this.#parts.clock.afterTurn(resolve));
  }
}
