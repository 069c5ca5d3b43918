// Catching up faster than one delta per exchange. A node that took in a delta and knows, from the
// digest that came before it, that the peer has more says at once how far it is now: by a SYN-ACK,
// which is answered with the next delta like any other. So the one who is behind sets the pace, one
// datagram is on its way at a time, and peers of any make take part without knowing.
//
//   A  SYN -->  B        A  <-- SYN-ACK: digest, delta 1  B
//   A  SYN-ACK: digest, delta for B -->  B        A  <-- ACK: delta 2  B
//   A  SYN-ACK: digest, empty delta -->  B        A  <-- ACK: delta 3  B         and so on [G38]

import type { SocketAddress } from '../../base/ids.ts';
import { LIMITS } from '../../base/limits.ts';
import type { PeerDigest } from './peer-digest.ts';
import { type Roster, SELF_SLOT } from './roster.ts';

const { pullsPerRoundMax, pullUnpackedBytes } = LIMITS.gossip;

export class Pulls {
  readonly #roster: Roster;
  #left: number = pullsPerRoundMax;
  /** Whom this node is behind: the first found in a round, so that no two tell it the same. */
  #peer: SocketAddress | undefined;
  /** By slot: the max version that the peer has. Empty without a peer. */
  readonly #wanted = new Map<number, number>();
  /** The peer was asked in this round, so that what it sends now is an answer to that. */
  #asked = false;

  constructor(roster: Roster) {
    this.#roster = roster;
  }

  /** Also drops a peer that did not answer; slots may change their nodes between rounds. */
  beginRound(): void {
    this.#left = pullsPerRoundMax;
    this.#release();
  }

  #release(): void {
    this.#peer = undefined;
    this.#asked = false;
    this.#wanted.clear();
  }

  /** The digest of a peer came: notes what it has more of. */
  note(from: SocketAddress, digest: PeerDigest): void {
    if (this.#peer !== undefined && this.#peer !== from) return;
    const { slots } = this.#roster.order();
    const { max } = this.#roster.columns;
    this.#wanted.clear();
    for (const slot of slots) {
      const theirs = digest.maxOf(slot);
      if (slot !== SELF_SLOT && theirs > (max[slot] as number)) this.#wanted.set(slot, theirs);
    }
    if (this.#wanted.size > 0) this.#peer = from;
    else this.#release();
  }

  /**
   * A delta of a peer was looked at: whether to ask that peer for more now. Not after one that
   * brought nothing: the peer cannot or does not want to tell the rest.
   */
  take(
    from: SocketAddress,
    delta: { readonly progress: boolean; readonly bytes: number },
  ): boolean {
    if (from !== this.#peer) return false;
    const { max } = this.#roster.columns;
    for (const [slot, theirs] of this.#wanted) {
      if ((max[slot] as number) >= theirs) this.#wanted.delete(slot);
    }
    this.#left -= Math.ceil(delta.bytes / pullUnpackedBytes);
    if (this.#wanted.size === 0 || !delta.progress || this.#left < 0) {
      this.#release();
      return false;
    }
    this.#asked = true;
    return true;
  }

  /** Whether a message from there is an answer to this node's asking for more. */
  isAnswer(from: SocketAddress): boolean {
    return this.#asked && from === this.#peer;
  }
}
