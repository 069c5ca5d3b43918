// The incarnations of the members that this one has talked to: one whose disk was wiped or copied
// comes with another, and must not speak in the name of the one that others counted on.

import type { Store } from '../../engine/store/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import { peerKey } from './layout.ts';

export class PeerMemory {
  readonly #store: Store;
  /** Being written down: two connections of a new member may come at the same time. */
  readonly #pending = new Map<MemberId, Promise<boolean>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * [D20] Before the first frame of a new member is handled, its incarnation is durable here; else
   * a crash would forget it, and a wiped successor could vote once more.
   */
  async meet(member: MemberId, incarnation: bigint): Promise<'known' | 'other' | 'failed'> {
    const remembered = this.#store.get(peerKey(member));
    if (remembered === undefined) {
      this.#store.put(peerKey(member), bytesOf(incarnation));
      this.#store.commit();
      const flushed = this.#store.flush().finally(() => this.#pending.delete(member));
      this.#pending.set(member, flushed);
    } else if (bigOf(remembered) !== incarnation) {
      return 'other';
    }
    const isDurable = (await this.#pending.get(member)) ?? true;
    return isDurable ? 'known' : 'failed';
  }
}

function bytesOf(incarnation: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, incarnation, true);
  return bytes;
}

function bigOf(bytes: Uint8Array): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
}
