// Purged nodes and the last heartbeat known of each. A peer that purges later still tells of them;
// without this memory every such rumour would bring the dead back for another grace.

import { LIMITS } from '../../base/limits.ts';

export class PurgedMemory {
  /** By id bytes as text; a map keeps its order of insertion, so the first is the oldest. */
  readonly #heartbeats = new Map<string, number>();

  get size(): number {
    return this.#heartbeats.size;
  }

  remember(idBytes: Uint8Array, heartbeat: number): void {
    const key = keyOf(idBytes);
    this.#heartbeats.delete(key);
    this.#heartbeats.set(key, heartbeat);
    if (this.#heartbeats.size <= LIMITS.gossip.purgedNodesMax) return;
    for (const oldest of this.#heartbeats.keys()) {
      this.#heartbeats.delete(oldest);
      break;
    }
  }

  /** The remembered heartbeat. Asking keeps the memory fresh: the rumour is still about. */
  recall(idBytes: Uint8Array): number | undefined {
    if (this.#heartbeats.size === 0) return undefined;
    const heartbeat = this.#heartbeats.get(keyOf(idBytes));
    if (heartbeat !== undefined) this.remember(idBytes, heartbeat);
    return heartbeat;
  }

  forget(idBytes: Uint8Array): void {
    if (this.#heartbeats.size > 0) this.#heartbeats.delete(keyOf(idBytes));
  }
}

/** One character per byte: as good a key as any, and none of it is decoded. */
function keyOf(idBytes: Uint8Array): string {
  return String.fromCharCode(...idBytes);
}
