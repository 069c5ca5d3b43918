// A leader whose disk does not answer holds up its shards while its heartbeats keep others from
// leading. [H70] It hands over to whoever has the most; [H71] if that does not help it falls
// silent, so that it is deposed.

import type { Log } from '../../base/capabilities.ts';
import type { PeerStatus } from '../../core/raft/index.ts';
import type { MemberId } from '../../engine/transport/index.ts';
import type { Replica } from './replica.ts';
import type { HostSettings } from './settings.ts';

export interface SlowDiskHome {
  readonly member: MemberId;
  readonly log: Log;
  readonly settings: HostSettings;
  replicas(): Iterable<Replica>;
  wake(replica: Replica): void;
}

export class SlowDisk {
  readonly #home: SlowDiskHome;
  #isSlow = false;
  #isMuted = false;

  constructor(home: SlowDiskHome) {
    this.#home = home;
  }

  /** `waitedMs`: for how long the oldest append has not been answered. */
  step(waitedMs: number): void {
    const { electionTicks, slowDiskMs, tickMs } = this.#home.settings;
    if (waitedMs < slowDiskMs) {
      if (this.#isSlow) this.#recover();
      return;
    }
    if (!this.#isSlow) this.#handOver(waitedMs);
    // A transfer has one election timeout.
    if (!this.#isMuted && waitedMs >= slowDiskMs + electionTicks * tickMs) this.#mute();
  }

  #handOver(waitedMs: number): void {
    this.#isSlow = true;
    this.#home.log.warn('disk does not answer', { waitedMs: Math.round(waitedMs) });
    for (const replica of this.#home.replicas()) {
      if (!replica.isLeader || replica.stopped !== undefined) continue;
      const successor = findSuccessor(replica, this.#home.member);
      if (successor === undefined) continue;
      this.#home.wake(replica);
      replica.core.transferLeader(successor);
    }
  }

  #mute(): void {
    this.#isMuted = true;
    for (const replica of this.#home.replicas()) {
      // Whoever is alone has nobody to leave the shard to.
      if (replica.isLeader && findSuccessor(replica, this.#home.member) !== undefined) {
        this.#home.wake(replica);
        replica.isMutedForDisk = true;
      }
    }
  }

  #recover(): void {
    this.#isSlow = false;
    this.#isMuted = false;
    this.#home.log.info('disk answers again');
    for (const replica of this.#home.replicas()) replica.isMutedForDisk = false;
  }
}

/** The voter that has the most of those who may lead. */
export function findSuccessor(
  replica: Replica,
  self: MemberId,
  mayLead: (peer: MemberId) => boolean = () => true,
): MemberId | undefined {
  const { config, peers } = replica.core.status();
  let best: PeerStatus | undefined;
  for (const peer of peers) {
    if (peer.id === self || !config.voters.includes(peer.id) || !peer.isRecentlyActive) continue;
    if (mayLead(peer.id) && (best === undefined || peer.match > best.match)) best = peer;
  }
  return best?.id;
}
