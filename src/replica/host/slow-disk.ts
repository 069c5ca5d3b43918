// A leader whose disk does not answer holds up its shards while its heartbeats keep others from
// leading. [H70] It hands over to the voter that has the most; [H71] if that does not help it falls
// silent, so that it is deposed.

import { assert } from '../../base/assert.ts';
import type { HostParts } from './ports.ts';
import type { Registry } from './registry.ts';
import type { HostSettings } from './settings.ts';
import { findSuccessor } from './successor.ts';

type Disk =
  | 'answering'
  /** [H70] Leaders have been told to hand over. */
  | 'slow'
  /** [H71] Those who could not are muted. */
  | 'muted';

type SlowDiskParts = Pick<HostParts, 'log' | 'events'>;

export class SlowDisk {
  readonly #parts: SlowDiskParts;
  readonly #settings: HostSettings;
  readonly #registry: Pick<Registry, 'all' | 'leaders'>;
  #disk: Disk = 'answering';

  constructor(
    parts: SlowDiskParts,
    settings: HostSettings,
    registry: Pick<Registry, 'all' | 'leaders'>,
  ) {
    this.#parts = parts;
    this.#settings = settings;
    this.#registry = registry;
  }

  /** `waitedMs`: for how long the oldest append has not been answered. */
  step(waitedMs: number): void {
    assert(waitedMs >= 0, 'an append waits from when it was made');
    const { electionTicks, slowDiskMs, tickMs } = this.#settings;
    if (waitedMs < slowDiskMs) {
      if (this.#disk !== 'answering') this.#recover();
      return;
    }
    if (this.#disk === 'answering') this.#handOver(waitedMs);
    // A transfer has one election timeout.
    const isTransferOver = waitedMs >= slowDiskMs + electionTicks * tickMs;
    if (this.#disk === 'slow' && isTransferOver) this.#mute();
  }

  #handOver(waitedMs: number): void {
    this.#disk = 'slow';
    this.#parts.log.warn('disk does not answer', { waitedMs: Math.round(waitedMs) });
    this.#parts.events?.tell({ kind: 'diskSlow' });
    for (const replica of this.#registry.leaders()) {
      const successor = findSuccessor(replica);
      if (successor !== undefined) replica.leave(successor);
    }
  }

  #mute(): void {
    this.#disk = 'muted';
    for (const replica of this.#registry.leaders()) {
      // A single voter has nobody to leave the shard to.
      if (findSuccessor(replica) === undefined) continue;
      replica.wake();
      replica.condition.becomeMuted('slowDisk');
    }
  }

  #recover(): void {
    this.#disk = 'answering';
    this.#parts.log.info('disk answers again');
    for (const replica of this.#registry.all()) replica.condition.unmute('slowDisk');
  }
}
