// The place of one check: it starts peers with what they have in common, watches that none of them
// came to harm, and clears up.

import { randomUUID } from 'node:crypto';
import { freeAddress } from '../ports.ts';
import { CorePeer } from './core-peer.ts';
import { ParleyMember } from './parley-member.ts';
import type { Peer, PeerOptions, PeerSettings } from './peer.ts';
import type { Variant } from './programs.ts';
import { RustPeer } from './rust-peer.ts';

export class Arena {
  readonly variant: Variant;
  readonly #clusterId = `interop-${randomUUID().slice(0, 8)}`;
  readonly #peers: Peer[] = [];

  constructor(variant: Variant) {
    this.variant = variant;
  }

  async rust(nodeId: string, options: PeerOptions = {}): Promise<RustPeer> {
    return this.#add(
      await RustPeer.start(this.variant.program, await this.#settings(nodeId, options)),
    );
  }

  async parley(nodeId: string, options: PeerOptions = {}): Promise<ParleyMember> {
    return this.#add(await ParleyMember.start(await this.#settings(nodeId, options)));
  }

  /** Parley's gossip core on a real socket, for what the member's HTTP API does not offer. */
  async core(nodeId: string, options: PeerOptions = {}): Promise<CorePeer> {
    return this.#add(await CorePeer.start(await this.#settings(nodeId, options)));
  }

  faults(): readonly string[] {
    return this.#peers.flatMap((peer) => peer.faults());
  }

  async clear(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => peer.kill()));
  }

  #add<P extends Peer>(peer: P): P {
    this.#peers.push(peer);
    return peer;
  }

  async #settings(nodeId: string, options: PeerOptions): Promise<PeerSettings> {
    return {
      nodeId,
      seeds: options.seeds ?? [],
      clusterId: options.clusterId ?? this.#clusterId,
      address: options.address ?? (await freeAddress()),
      // Above 2^53, as nanoseconds since 1970 are: a peer that rounds them is found out.
      generation: options.generation ?? 1_700_000_000_123_456_789n,
      protocolVersion: options.protocolVersion ?? this.variant.protocolVersion,
      intervalMs: options.intervalMs ?? 100,
      keyGraceMs: options.keyGraceMs ?? 60_000,
      deadGraceMs: options.deadGraceMs ?? 60_000,
      // With the usual 5 s a death in a young cluster is noticed after half a minute only.
      initialIntervalMs: options.initialIntervalMs ?? 100,
    };
  }
}
