// The words of snapshots on their way between members.

import type { Message, Snapshot } from '../../core/raft/index.ts';
import type {
  IncomingRequest,
  IncomingStreamHandler,
  MemberId,
} from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';

/** What the host is asked and told. */
export interface SnapshotsHandler {
  /** A snapshot that was asked for with `latest` is there now, or could not be made. */
  onPrepared(shard: ShardId): void;
  /**
   * The state of `message.snapshot` is staged and durable: step the message. True if the core
   * restores it: `ShardData.install` follows when the log has it. False: it is not needed.
   */
  onStaged(shard: ShardId, message: Message): boolean;
}

/** The snapshots that one member makes, sends and receives. */
export interface Snapshots {
  /**
   * The newest snapshot at hand of `minIndex` or beyond. `pending`: one is being made, and
   * `onPrepared` follows. Ask with a higher index for one with a newer config.
   */
  latest(shard: ShardId, minIndex: number): Snapshot | 'pending';
  /**
   * Sends the state that `message.snapshot` names, then the message. `onDone` is called once, never
   * within this call: tell the core with `reportSnapshot`. False as well when the state is not at
   * hand any more, the peer is down, or too much is under way.
   */
  send(peer: MemberId, shard: ShardId, message: Message, onDone: (isSent: boolean) => void): void;

  /** For the member's `PeersHandler`: requests and streams of the kinds `SNAPSHOT_KINDS`. */
  onRequest(request: IncomingRequest): void;
  onStream(from: MemberId, header: Uint8Array): IncomingStreamHandler | undefined;

  stats(): SnapshotStats;
  close(): void;
}

export interface SnapshotStats {
  readonly prepared: number;
  readonly preparedOpen: number;
  readonly sent: number;
  readonly received: number;
  readonly failed: number;
  readonly resumed: number;
  readonly chunksSent: number;
  readonly bytesSent: number;
  /** Chunks that the receiver had already, and copied. */
  readonly chunksCopied: number;
}
