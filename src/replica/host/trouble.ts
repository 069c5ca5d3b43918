// What peers do wrong: counted always, told once per kind, peer and minute, never a reason to stop.

import type { Clock, Log } from '../../base/capabilities.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';

export type TroubleKind = 'contradiction' | 'malformed' | 'unknownShard' | 'wrongSender';

const QUIET_MS = 60_000;

export class Trouble {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #counts: Record<TroubleKind, number> = {
    contradiction: 0,
    malformed: 0,
    unknownShard: 0,
    wrongSender: 0,
  };
  /** When each kind of each peer was told last. Bounded: peers are members of this cluster. */
  readonly #toldMs = new Map<string, number>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  get counts(): Readonly<Record<TroubleKind, number>> {
    return this.#counts;
  }

  note(kind: TroubleKind, from: MemberId, shard: ShardId, detail: string): void {
    this.#counts[kind] += 1;
    const key = `${kind} ${from}`;
    const nowMs = this.#clock.monotonicMs();
    const toldMs = this.#toldMs.get(key);
    if (toldMs !== undefined && nowMs - toldMs < QUIET_MS) return;
    this.#toldMs.set(key, nowMs);
    this.#log.warn('peer contradicts', { kind, from, shard, detail });
  }
}
