// What a replica finds on its member: everything that is shared between shards.

import type { Log } from '../../base/capabilities.ts';
import type { LogFetch, Message, Snapshot } from '../../core/raft/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { Snapshots } from '../snapshots/index.ts';
import type { WriteRefusal } from '../types.ts';
import type { MemberLoad } from './admission.ts';
import type { Answers } from './answers.ts';
import type { LogWriter } from './log-writer.ts';
import type { HostParts } from './ports.ts';
import type { HostSettings } from './settings.ts';

/** `Resident` is the replica: naming the class here would close a circle. */
export interface ReplicaHome<Resident> {
  readonly parts: HostParts;
  readonly settings: HostSettings;
  readonly log: Log;
  readonly load: MemberLoad;
  readonly answers: Answers;
  readonly logWriter: LogWriter;
  readonly snapshots: Pick<Snapshots, 'latest'>;
  readonly outbox: { post(shard: ShardId, message: Message): void };
  /** Why no proposals are taken now; undefined if they are. */
  refusal(): WriteRefusal | undefined;
  /** When this turn began, by the monotonic clock. */
  readonly nowMs: number;

  markDirty(replica: Resident): void;
  /** False when ticks lag behind time: one is due, or [H32] some were missed a moment ago. */
  isTimeKnown(): boolean;
  fetch(replica: Resident, fetch: LogFetch): void;
  /** [H90] What `error` says is a bug: the replica stops. */
  stopBroken(replica: Resident, error: unknown): void;
  install(replica: Resident, snapshot: Snapshot): void;
  /** Its state moved on: its log may be cut one day. */
  noteApplied(replica: Resident): void;
}
