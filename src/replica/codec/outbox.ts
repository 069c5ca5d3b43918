// The messages of a member's replicas to its peers, gathered for a turn: many messages of
// many shards leave as one frame per peer and lane, so that a heartbeat of an idle shard costs some
// ten bytes and no frame of its own.
//
// [B9] An append without entries tells a follower that the commit index has moved, and nobody waits
// for it. It stays for a while, to leave with whatever else goes to that member. One client that
// writes one command after the other would otherwise have each follower woken twice for a command,
// and the leader by the two answers: on a machine with few processors they are in the way of the
// next command.

import { assert, must } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/capabilities.ts';
import { LIMITS } from '../../base/limits.ts';
import type { Entry, Message, MessageKind } from '../../core/raft/index.ts';
import type { Lane, MemberId, Peers } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import { writeEntries } from './entries.ts';
import { FRAME_KIND } from './kinds.ts';
import { writeMessageHead } from './message-codec.ts';
import { PackedWriter } from './packed-bytes.ts';

export interface OutboxHandler {
  /** An append to `peer` did not leave: the shard's core must hear of it. */
  onUnsent(shard: ShardId, peer: MemberId): void;
  /** Snapshots are too large for a frame, and go their own way. */
  onSnapshot(shard: ShardId, message: Message): void;
}

/** Bulk of a busy shard must not delay what keeps the leaders of all the others in office. */
const LANES: Readonly<Record<MessageKind, Lane>> = {
  append: 'ordinary',
  appendResponse: 'ordinary',
  heartbeat: 'urgent',
  heartbeatResponse: 'urgent',
  vote: 'urgent',
  voteResponse: 'urgent',
  preVote: 'urgent',
  preVoteResponse: 'urgent',
  snapshot: 'bulk',
  timeoutNow: 'urgent',
  propose: 'ordinary',
  transferLeader: 'urgent',
  readIndex: 'urgent',
  readIndexResponse: 'urgent',
  storageAppend: 'ordinary',
  storageAppendResponse: 'ordinary',
  storageApply: 'ordinary',
  storageApplyResponse: 'ordinary',
};

export class Outbox {
  readonly #peers: Pick<Peers, 'send'>;
  readonly #handler: OutboxHandler;
  readonly #frames = new Map<MemberId, PeerFrames>();
  /** Those with anything to send, so that a flush does not look at all. */
  #waiting: PeerFrames[] = [];
  readonly #block = new EntryBlock();
  readonly #clock: Pick<Clock, 'setTimer'>;
  /** Runs while something stays that nobody waits for. */
  #timer: Timer | undefined;

  constructor(peers: Pick<Peers, 'send'>, clock: Pick<Clock, 'setTimer'>, handler: OutboxHandler) {
    this.#peers = peers;
    this.#clock = clock;
    this.#handler = handler;
  }

  /** Keeps nothing of `message`. */
  post(shard: ShardId, message: Message): void {
    if (message.kind === 'snapshot') {
      this.#handler.onSnapshot(shard, message);
      return;
    }
    assert(message.to > 0, '[B1] messages pass between members');
    const frames = this.#framesTo(message.to);
    const frame = LANES[message.kind] === 'urgent' ? frames.urgent : frames.ordinary;
    const { writer } = frame;
    if (!frames.isWaiting) {
      frames.isWaiting = true;
      this.#waiting.push(frames);
    }
    if (message.entries.length === 0) {
      writeMessageHead(writer, shard, message);
    } else {
      const block = this.#block.of(message.entries);
      // A frame keeps its limit unless one message alone passes it.
      if (writer.length + block.length > LIMITS.wire.frameBytes) this.#send(frame);
      writeMessageHead(writer, shard, message);
      writer.append(block);
    }
    if (message.kind === 'append') frame.appends.push(shard);
    if (message.kind !== 'append' || message.entries.length > 0) frames.isPressing = true;
    if (writer.length > LIMITS.wire.frameBytes) this.#send(frame);
  }

  /** Hands the frames over: once per turn, after everyone has posted. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting.length === 0) return;
    this.#waiting = [];
    for (const frames of waiting) {
      assert(frames.isWaiting, '[B7] a peer waits once for the flush');
      if (frames.isPressing) this.#sendAll(frames);
      else this.#waiting.push(frames);
    }
    this.#block.forget();
    if (this.#waiting.length > 0) {
      this.#timer ??= this.#clock.setTimer(LIMITS.wire.commitDelayMs, this.#onTimer);
    }
  }

  /** [B9] What stayed since the timer was set or after it leaves. */
  readonly #onTimer = (): void => {
    this.#timer = undefined;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const frames of waiting) this.#sendAll(frames);
  };

  /** Nothing leaves by itself any more. */
  close(): void {
    this.#timer?.cancel();
  }

  #sendAll(frames: PeerFrames): void {
    frames.isWaiting = false;
    frames.isPressing = false;
    this.#send(frames.urgent);
    this.#send(frames.ordinary);
  }

  #framesTo(member: MemberId): PeerFrames {
    let frames = this.#frames.get(member);
    if (frames === undefined) {
      frames = new PeerFrames(member);
      this.#frames.set(member, frames);
    }
    return frames;
  }

  #send(frame: PendingFrame): void {
    const { writer, appends } = frame;
    if (writer.length === 0) {
      assert(appends.length === 0, '[B8] an append is in a frame');
      return;
    }
    const outcome = this.#peers.send(frame.member, frame.lane, FRAME_KIND.raft, writer.view());
    writer.reset();
    if (appends.length === 0) return;
    frame.appends = [];
    if (outcome === 'queued') return;
    for (const shard of appends) this.#handler.onUnsent(shard, frame.member);
  }
}

class PeerFrames {
  readonly urgent: PendingFrame;
  readonly ordinary: PendingFrame;
  isWaiting = false;
  /** Somebody waits for a part of it. */
  isPressing = false;

  constructor(member: MemberId) {
    this.urgent = new PendingFrame(member, 'urgent');
    this.ordinary = new PendingFrame(member, 'ordinary');
  }
}

class PendingFrame {
  readonly member: MemberId;
  readonly lane: Lane;
  readonly writer = new PackedWriter();
  /** The shards whose appends are in it. */
  appends: ShardId[] = [];

  constructor(member: MemberId, lane: Lane) {
    this.member = member;
    this.lane = lane;
  }
}

/**
 * Entries as bytes, kept for the next peer: a leader sends the same ones to all of them. Equal are
 * those with the same first and last entry, for a core's log has one entry at each index and what
 * lies between two of its entries does not change.
 */
class EntryBlock {
  readonly #writer = new PackedWriter();
  #first: Entry | undefined;
  #last: Entry | undefined;

  of(entries: readonly Entry[]): Uint8Array {
    const first = must(entries[0], 'a block has entries');
    const last = must(entries.at(-1), 'a block has entries');
    if (first !== this.#first || last !== this.#last) {
      assert(last.index - first.index === entries.length - 1, '[B3] entries follow each other');
      this.#writer.reset();
      writeEntries(this.#writer, entries);
      this.#first = first;
      this.#last = last;
    }
    return this.#writer.view();
  }

  /** The entries may go to the collector. */
  forget(): void {
    this.#first = undefined;
    this.#last = undefined;
  }
}
