// The snapshots that one member makes, sends and receives.

import { LIMITS } from '../../base/limits.ts';
import { REQUEST_KIND } from '../codec/index.ts';
import { SnapshotReceiver } from './receiver.ts';
import { SnapshotSender } from './sender.ts';
import { PreparedShelf } from './shelf.ts';
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
  const shelf = new PreparedShelf(parts, limits);
  const sender = new SnapshotSender(parts, handler, limits);
  const receiver = new SnapshotReceiver(parts, handler, limits);
  return {
    latest: (shard, minIndex) => shelf.latest(shard, minIndex),
    send: (peer, shard, message, onDone) => {
      const name = message.snapshot?.data;
      const prepared = name === undefined ? undefined : shelf.find(shard, name);
      if (prepared === undefined) parts.clock.afterTurn(() => onDone(false));
      else sender.send(peer, shard, message, prepared, onDone);
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
        prepared: shelf.made,
        sending: sender.running,
        receiving: receiver.running,
        failed: sendsFailed + receivesFailed,
      };
    },
    close: () => {
      sender.close();
      receiver.close();
      shelf.close();
    },
  };
}
