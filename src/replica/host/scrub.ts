// Reads the log's old segments again, from time to time: rot that is found while peers still have
// the entries can be mended.

import type { Clock } from '../../base/capabilities.ts';
import type { Wal } from '../../engine/wal/index.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';

export interface ScrubHome {
  readonly wal: Wal;
  readonly clock: Clock;
  readonly settings: HostSettings;
  readonly isClosed: boolean;
  replicas(): Iterable<Replica>;
  /** Entries of its log are lost. */
  holesFound(replica: Replica): void;
}

/** Until the host is closed. */
export function scrubFromTimeToTime(home: ScrubHome): void {
  home.clock.setTimer(home.settings.scrubEveryMs, () => {
    if (home.isClosed) return;
    void scrub(home).then(() => scrubFromTimeToTime(home));
  });
}

async function scrub(home: ScrubHome): Promise<void> {
  await home.wal.scrub(home.settings.scrubPauseMs);
  for (const replica of home.replicas()) {
    const isNew = !replica.hasHoles && !replica.log.wal.isWhole();
    if (isNew && replica.stopped === undefined && !home.isClosed) home.holesFound(replica);
  }
}
