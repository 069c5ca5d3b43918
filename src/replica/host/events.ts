// [H96] What befalls the replicas of a member, for those who watch it from inside the process.

import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { SnapshotEvent } from '../snapshots/index.ts';
import type { StopReason } from './condition.ts';

export type PeerFaultKind = 'contradiction' | 'malformed' | 'unknownShard';

export type HostEvent =
  | SnapshotEvent
  /** [H60] Entries of its log are lost; they are being fetched. */
  | { readonly kind: 'holesFound'; readonly shard: ShardId }
  | { readonly kind: 'holesFilled'; readonly shard: ShardId }
  /** [H70] The disk does not answer; leaders hand over. */
  | { readonly kind: 'diskSlow' }
  /** [H63] [H90] [M6] By itself, and not because somebody closed it. */
  | {
      readonly kind: 'shardStopped';
      readonly shard: ShardId;
      readonly reason: StopReason;
      /** Of the error, where there is one: for people. */
      readonly stack: string | undefined;
    }
  /** [H92] Every one of them, also those that are not logged. */
  | {
      readonly kind: 'peerFault';
      readonly fault: PeerFaultKind;
      readonly from: MemberId;
      readonly shard: ShardId;
      /** For people. */
      readonly detail: string;
    };
