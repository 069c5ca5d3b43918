// The snapshots that one member makes, sends and receives.

import { LIMITS } from '../../base/limits.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { PreparedSnapshots } from './prepared-snapshots.ts';
import { SnapshotReceiver } from './receiver.ts';
import { SnapshotSender } from './sender.ts';
import type {
  SnapshotLimits,
  SnapshotParts,
  SnapshotStats,
  Snapshots,
  SnapshotsHandler,
} from './types.ts';

export const DEFAULT_SNAPSHOT_LIMITS: SnapshotLimits = {
  ...LIMITS.snapshots,
  chunkBytesMax: LIMITS.peer.chunkBytesMax - 1,
};

export function openSnapshots(parts: SnapshotParts, handler: SnapshotsHandler): Snapshots {
  const limits: SnapshotLimits = { ...DEFAULT_SNAPSHOT_LIMITS, ...parts.limits };
  const prepared = new PreparedSnapshots(parts, limits);
  const sender = new SnapshotSender(parts, handler, limits);
  const receiver = new SnapshotReceiver(parts, handler, limits);
  return {
    latest: (shard, minIndex) => prepared.latest(shard, minIndex),
    send: (peer, shard, message, onDone) => {
      const name = message.snapshot?.data;
      const found = name === undefined ? undefined : prepared.find(shard, name);
      if (found === undefined) parts.clock.afterTurn(() => onDone(false));
      else sender.send(peer, shard, message, found, onDone);
    },
    onRequest: (request) => {
      if (request.kind === REQUEST_KIND.compareSnapshot) receiver.compare(request);
      else receiver.answer(request);
    },
    onStream: (from, header) => receiver.accept(from, header),
    stats: (): SnapshotStats => {
      const { sendsFailed, ...sending } = sender.counters;
      const { receivesFailed, ...receiving } = receiver.counters;
      return {
        ...sending,
        ...receiving,
        prepared: prepared.made,
        sending: sender.running,
        receiving: receiver.running,
        failed: sendsFailed + receivesFailed,
      };
    },
    openShard: (shard) => receiver.openShard(shard),
    closeShard: (shard) => {
      sender.closeShard(shard);
      receiver.closeShard(shard);
      prepared.closeShard(shard);
    },
    close: () => {
      sender.close();
      receiver.close();
      prepared.close();
    },
  };
}
