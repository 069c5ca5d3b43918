// A leader whose disk is nearly full refuses writes, although its followers may have room. [H72]
// Members tell each other whether they have room, and such a leader hands over to a voter that has.

import { assert } from '../../base/assert.ts';
import type { Clock } from '../../base/capabilities.ts';
import type { MemberId, Peers } from '../../engine/transport/index.ts';
import { FRAME_KIND } from '../codec/index.ts';
import type { Registry } from './registry.ts';
import type { HostSettings } from './settings.ts';
import { findSuccessor } from './successor.ts';

/** The bit of the hello that says: this member understands frames of the kind `diskSpace`. */
export const FEATURE_DISK_SPACE = 2;

const FULL = Uint8Array.of(0);
const ROOM = Uint8Array.of(1);
/**
 * A member that was full leads again only after so long: else two small disks would pass it to and
 * fro.
 */
const SETTLED_MS = 10_000;

export interface FullDiskParts {
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly peers: Pick<Peers, 'featuresOf' | 'send'>;
  readonly wal: { readonly hasRoom: boolean };
}

export class FullDisk {
  readonly #parts: FullDiskParts;
  readonly #settings: HostSettings;
  readonly #registry: Pick<Registry, 'leaders'>;
  readonly #up = new Set<MemberId>();
  /** Peers that are full: infinity; those that were: since when they have room again. */
  readonly #roomSinceMs = new Map<MemberId, number>();
  #hasRoom = true;
  #nextMs = 0;

  constructor(parts: FullDiskParts, settings: HostSettings, registry: Pick<Registry, 'leaders'>) {
    this.#parts = parts;
    this.#settings = settings;
    this.#registry = registry;
  }

  /** Often: cheap while there is room. */
  step(nowMs: number): void {
    const { hasRoom } = this.#parts.wal;
    if (hasRoom !== this.#hasRoom) {
      this.#hasRoom = hasRoom;
      this.#nextMs = nowMs;
      if (hasRoom) this.#tellAll();
    }
    if (hasRoom || nowMs < this.#nextMs) return;
    const { electionTicks, tickMs } = this.#settings;
    // A transfer has one election timeout; by then it has worked, or somebody else is asked.
    this.#nextMs = nowMs + electionTicks * tickMs;
    // Again and again: a frame may have been lost.
    this.#tellAll();
    this.#handOver(nowMs);
  }

  onPeerUp(member: MemberId): void {
    assert(!this.#up.has(member), '[H72] a peer comes up after it was down');
    this.#up.add(member);
    this.#tell(member);
  }

  onPeerDown(member: MemberId): void {
    this.#up.delete(member);
  }

  /** False when the bytes say nothing. */
  onFrame(from: MemberId, body: Uint8Array): boolean {
    const [word] = body;
    if (body.length !== 1 || (word !== 0 && word !== 1)) return false;
    if (word === 0) this.#roomSinceMs.set(from, Number.POSITIVE_INFINITY);
    else if (this.#roomSinceMs.get(from) === Number.POSITIVE_INFINITY) {
      this.#roomSinceMs.set(from, this.#parts.clock.monotonicMs());
    }
    return true;
  }

  #tellAll(): void {
    for (const member of this.#up) this.#tell(member);
  }

  #tell(member: MemberId): void {
    const { peers } = this.#parts;
    assert(this.#up.has(member), '[H72] notes go to peers that are up');
    if ((peers.featuresOf(member) & FEATURE_DISK_SPACE) === 0) return;
    peers.send(member, 'urgent', FRAME_KIND.diskSpace, this.#hasRoom ? ROOM : FULL);
  }

  #handOver(nowMs: number): void {
    assert(!this.#hasRoom, '[H72] a member with room keeps its leaders');
    let left = this.#settings.wakesMax;
    for (const replica of this.#registry.leaders()) {
      const successor = findSuccessor(replica, (peer) => this.#mayLead(peer, nowMs));
      if (successor === undefined) continue;
      replica.leave(successor);
      left -= 1;
      if (left === 0) return;
    }
  }

  /** A peer that never said anything, as those of older versions, is believed to have room. */
  #mayLead(peer: MemberId, nowMs: number): boolean {
    const sinceMs = this.#roomSinceMs.get(peer);
    return sinceMs === undefined || nowMs - sinceMs >= SETTLED_MS;
  }
}
