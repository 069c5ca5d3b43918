// [H92] What peers do wrong: told once per kind, peer and minute, never a reason to stop.

import { assert } from '../../base/assert.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { ShardId } from '../../engine/wal/index.ts';
import type { PeerFaultKind } from './events.ts';
import type { HostParts } from './ports.ts';

const REPEAT_MS = 60_000;

interface Told {
  readonly atMs: number;
  /** How often it came again since. */
  untold: number;
}

type PeerFaultsParts = Pick<HostParts, 'clock' | 'log' | 'events'>;

export class PeerFaults {
  readonly #parts: PeerFaultsParts;
  /** By kind and peer. Bounded: peers are members of this cluster. */
  readonly #told = new Map<string, Told>();

  constructor(parts: PeerFaultsParts) {
    this.#parts = parts;
  }

  note(kind: PeerFaultKind, from: MemberId, shard: ShardId, detail: string): void {
    assert(from !== 0, "[H92] a fault is somebody's");
    const { clock, events, log } = this.#parts;
    events?.tell({ kind: 'peerFault', fault: kind, from, shard, detail });
    const key = `${kind} ${from}`;
    const nowMs = clock.monotonicMs();
    const last = this.#told.get(key);
    if (last !== undefined && nowMs - last.atMs < REPEAT_MS) {
      last.untold += 1;
      return;
    }
    this.#told.set(key, { atMs: nowMs, untold: 0 });
    const untold = last?.untold ?? 0;
    log.warn('peer contradicts', { kind, from, shard, detail, untold });
  }
}
