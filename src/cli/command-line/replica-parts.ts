// What the replicas of a member in production stand on: LMDB below the data directory, and the
// machines of its services. Loaded only by members that have replicas.

import { join } from 'node:path';
import type { Clock } from '../../base/capabilities.ts';
import { openLmdbStore } from '../../engine/store/index.ts';
import type { MemberParts } from '../../member/index.ts';
import { kvMachine } from '../../service/kv/index.ts';

export function replicaParts(
  dataDirectory: string,
  clock: Clock,
  onFatal: (reason: string) => void,
): NonNullable<MemberParts['replicas']> {
  return {
    openStore: async (directory, events) =>
      openLmdbStore({ clock, path: join(dataDirectory, directory) }, events),
    machineOf: () => kvMachine,
    onFatal,
  };
}
