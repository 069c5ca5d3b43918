// Reads the log's old segments again, from time to time: rot that is found while peers still have
// the entries can be mended.

import type { Clock, Timer } from '../../base/capabilities.ts';
import type { ShardId, Wal } from '../../engine/wal/index.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';

export interface ScrubHome {
  readonly wal: Wal;
  readonly clock: Clock;
  readonly settings: HostSettings;
  readonly isClosed: boolean;
  replicas(): Iterable<Replica>;
  /** Its log was read: entries may have turned out to be lost. */
  noteRead(shard: ShardId): void;
  /** Work that nobody waits for. */
  watch(what: string, work: Promise<unknown>): void;
}

export class Scrub {
  readonly #home: ScrubHome;
  #timer: Timer;

  constructor(home: ScrubHome) {
    this.#home = home;
    this.#timer = this.#arm();
  }

  #arm(): Timer {
    const { clock, settings } = this.#home;
    return clock.setTimer(settings.scrubEveryMs, () => this.#home.watch('scrub', this.#run()));
  }

  async #run(): Promise<void> {
    const { settings, wal } = this.#home;
    await wal.scrub(settings.scrubPauseMs);
    if (this.#home.isClosed) return;
    for (const { shard } of this.#home.replicas()) this.#home.noteRead(shard);
    this.#timer = this.#arm();
  }

  close(): void {
    this.#timer.cancel();
  }
}
