// Reads the log's old segments again, from time to time: rot that is found while peers still have
// the entries can be mended.

import type { Clock, Timer } from '../../base/capabilities.ts';
import type { Wal } from '../../engine/wal/index.ts';
import type { HostSettings } from './settings.ts';
import type { Supervisor } from './supervisor.ts';

export class Scrub {
  readonly #parts: { readonly clock: Clock; readonly wal: Pick<Wal, 'scrub'> };
  readonly #settings: HostSettings;
  readonly #supervisor: Supervisor;
  /** Old segments were read: entries of any shard may have turned out to be lost. */
  readonly #onRead: () => void;
  #timer: Timer;

  constructor(
    parts: { readonly clock: Clock; readonly wal: Pick<Wal, 'scrub'> },
    settings: HostSettings,
    supervisor: Supervisor,
    onRead: () => void,
  ) {
    this.#parts = parts;
    this.#settings = settings;
    this.#supervisor = supervisor;
    this.#onRead = onRead;
    this.#timer = this.#arm();
  }

  #arm(): Timer {
    const { scrubEveryMs } = this.#settings;
    return this.#parts.clock.setTimer(scrubEveryMs, () => {
      this.#supervisor.watch('scrub', this.#run());
    });
  }

  async #run(): Promise<void> {
    await this.#parts.wal.scrub(this.#settings.scrubPauseMs);
    if (this.#supervisor.isClosed) return;
    this.#onRead();
    this.#timer = this.#arm();
  }

  close(): void {
    this.#timer.cancel();
  }
}
