// The states that this member sends, and those whose transfer was interrupted and may go on.

import { assert } from '../../base/assert.ts';
import { equalBytes } from '../../base/bytes.ts';
import type { Timer } from '../../base/capabilities.ts';
import type { Message } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { PreparedSnapshot } from '../state/index.ts';
import { OutgoingTransfer } from './outgoing.ts';
import type { SnapshotLimits, SnapshotParts, SnapshotsHandler } from './types.ts';

interface Transfer {
  readonly outgoing: OutgoingTransfer;
  /** Runs while the transfer does not. */
  expiry: Timer | undefined;
}

export class SnapshotSender {
  readonly counters = {
    sent: 0,
    sendsFailed: 0,
    resumed: 0,
    chunksSent: 0,
    bytesSent: 0,
    chunksCopied: 0,
  };
  readonly #parts: SnapshotParts;
  readonly #handler: SnapshotsHandler;
  readonly #limits: SnapshotLimits;
  /** By peer and shard: a peer takes one state of a shard at a time. */
  readonly #transfers = new Map<string, Transfer>();
  #isClosed = false;

  constructor(parts: SnapshotParts, handler: SnapshotsHandler, limits: SnapshotLimits) {
    this.#parts = parts;
    this.#handler = handler;
    this.#limits = limits;
  }

  get running(): number {
    let running = 0;
    for (const { outgoing } of this.#transfers.values()) if (outgoing.isRunning) running += 1;
    return running;
  }

  send(
    peer: MemberId,
    shard: ShardId,
    message: Message,
    prepared: PreparedSnapshot,
    onDone: (isSent: boolean) => void,
  ): void {
    assert(prepared.shard === shard, '[N5] a state is of the shard that is asked for');
    const { clock } = this.#parts;
    const key = `${peer} ${shard}`;
    this.#stopStale(key, message.term);
    const transfer = this.#transferFor(key, peer, prepared);
    if (transfer === undefined) {
      clock.afterTurn(() => onDone(false));
      return;
    }
    transfer.outgoing.start(message, (result) => {
      const isSent = result === 'sent';
      if (isSent) this.counters.sent += 1;
      else this.counters.sendsFailed += 1;
      const isReplaced = this.#isClosed || this.#transfers.get(key) !== transfer;
      if (isSent || isReplaced || !transfer.outgoing.hasBegun) this.#drop(key, transfer);
      else transfer.expiry = clock.setTimer(this.#limits.resumeMs, () => this.#drop(key, transfer));
      clock.afterTurn(() => onDone(isSent));
    });
  }

  close(): void {
    this.#isClosed = true;
    for (const [key, transfer] of this.#transfers) {
      if (transfer.outgoing.isRunning) transfer.outgoing.stop();
      else this.#drop(key, transfer);
    }
  }

  /** [N15] */
  closeShard(shard: ShardId): void {
    for (const [key, transfer] of this.#transfers) {
      if (transfer.outgoing.prepared.shard !== shard) continue;
      // Not to be resumed: it is taken from the list before it ends.
      this.#transfers.delete(key);
      if (transfer.outgoing.isRunning) transfer.outgoing.stop();
      else this.#drop(key, transfer);
    }
  }

  /** [N13] What is sent for an earlier term would be thrown away: it goes on for this one. */
  #stopStale(key: string, term: number): void {
    const outgoing = this.#transfers.get(key)?.outgoing;
    if (outgoing?.isRunning === true && outgoing.term < term) outgoing.stop();
  }

  /** One that was interrupted, or a new one; undefined when there are too many. */
  #transferFor(key: string, peer: MemberId, prepared: PreparedSnapshot): Transfer | undefined {
    const present = this.#transfers.get(key);
    if (present !== undefined) {
      const { outgoing } = present;
      if (equalBytes(outgoing.prepared.snapshot.data, prepared.snapshot.data)) {
        present.expiry?.cancel();
        return outgoing.isRunning ? undefined : present;
      }
      // [N5] A newer state replaces an older one: the core waits for one per peer only.
      this.#transfers.delete(key);
      if (outgoing.isRunning) outgoing.stop();
      else this.#drop(key, present);
    }
    if (this.#isClosed || this.running >= this.#limits.sendsMax) return undefined;
    prepared.retain();
    const home = {
      parts: this.#parts,
      handler: this.#handler,
      limits: this.#limits,
      counters: this.counters,
    };
    const outgoing = new OutgoingTransfer(peer, prepared, home);
    const transfer: Transfer = { outgoing, expiry: undefined };
    this.#transfers.set(key, transfer);
    assert(this.running <= this.#limits.sendsMax, '[N11] few states are sent at once');
    return transfer;
  }

  #drop(key: string, transfer: Transfer): void {
    assert(!transfer.outgoing.isRunning, '[N9] a transfer ends before its state is let go of');
    transfer.expiry?.cancel();
    if (this.#transfers.get(key) === transfer) this.#transfers.delete(key);
    transfer.outgoing.prepared.close();
  }
}
