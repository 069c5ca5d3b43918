// The snapshots that one member sends and receives.

import { LIMITS } from '../../base/limits.ts';
import type { Message } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
} from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { PreparedSnapshot } from '../state/index.ts';
import { SnapshotReceiver } from './receiver.ts';
import { SnapshotSender } from './sender.ts';
import type { SnapshotLimits, SnapshotParts, SnapshotStats } from './types.ts';

export class Snapshots {
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;

  constructor(parts: SnapshotParts) {
    const defaults = { ...LIMITS.snapshots, chunkBytesMax: LIMITS.peer.chunkBytesMax - 1 };
    const limits: SnapshotLimits = { ...defaults, ...parts.limits };
    this.#sender = new SnapshotSender(parts, limits);
    this.#receiver = new SnapshotReceiver(parts, limits);
  }

  /**
   * Sends the prepared state to `message.to`, which then steps `message`. `onDone` is called once,
   * never within this call: tell the core with `reportSnapshot`. A transfer that was interrupted
   * goes on if the same state is sent again soon.
   */
  send(
    shard: ShardId,
    message: Message,
    prepared: PreparedSnapshot,
    onDone: (isSent: boolean) => void,
  ): void {
    this.#sender.send(shard, message, prepared, onDone);
  }

  /** A request of the kind `offerSnapshot`. */
  onRequest(request: IncomingRequest): void {
    this.#receiver.answer(request);
  }

  /** A stream of the kind `snapshot`. */
  onStream(from: MemberId, header: Uint8Array): IncomingStreamHandler | undefined {
    return this.#receiver.accept(from, header);
  }

  stats(): SnapshotStats {
    const { sent, sendsFailed, resumed, chunksSent, bytesSent } = this.#sender.counters;
    const { received, receivesFailed } = this.#receiver.counters;
    return {
      sending: this.#sender.running,
      receiving: this.#receiver.running,
      sent,
      received,
      failed: sendsFailed + receivesFailed,
      resumed,
      chunksSent,
      bytesSent,
      chunksCopied: 0,
    };
  }

  /** Ends every transfer. The prepared states that were kept are let go of. */
  close(): void {
    this.#sender.close();
    this.#receiver.close();
  }
}
