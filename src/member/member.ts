// The composition root: makes a whole member out of capabilities and settings. In production the
// capabilities are the machine's, in the simulator they are virtual; nothing here can tell.
//
//   lock -> front door -> gossip -> replicas, with the services' machines -> edges
//
// is the order of opening; closing goes back the same way. The lock comes first: a second process
// in the same directory must not get as far as the log, on whatever port it would listen. The door
// comes before all that is heard of by others: a member that fails to start was never seen.

import { assert, must } from '../base/assert.ts';
import type { Capabilities, Stream, StreamHandler } from '../base/capabilities.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import {
  ClosingStack,
  type ClusterPort,
  lockDirectory,
  MemberGossip,
  MemberNumbers,
  MemberReplicas,
  type MemberReplicasParts,
  type PeerSetting,
  type ReplicaSettings,
} from '../cluster/index.ts';
import type { HttpEdge } from '../edge/http/index.ts';
import { zstdBlocks } from '../engine/codec/index.ts';
import { type FrontDoor, type MemberId, openFrontDoor } from '../engine/transport/index.ts';
import { type MemberSettings, replicaSettingsOf } from './settings.ts';

export interface MemberParts {
  readonly capabilities: Capabilities;
  /** An address of this machine, for the message that refuses to advertise 0.0.0.0. */
  readonly proposedHost: string;
  /** For a member with replicas. */
  readonly replicas?: Omit<MemberReplicasParts, 'capabilities'>;
  /** For a member that speaks HTTP. The library needs real sockets, so the simulator has none. */
  readonly openHttp?: (home: EdgeHome) => HttpEdge;
}

/** What an edge gets to know of its member. */
export interface EdgeHome {
  readonly address: SocketAddress;
  readonly cluster: ClusterPort;
}

export type MemberOpening =
  | { readonly kind: 'opened'; readonly member: Member }
  | { readonly kind: 'refused'; readonly error: ParleyError };

/** Running requests get this long to finish when the member stops. */
const HTTP_GRACE_MS = 500;
/** What is written to peers and clients gets this long to leave. */
const DOOR_GRACE_MS = 500;

/** Opens a member, or says why not in a line fit for a terminal and leaves nothing open. */
export async function openMember(
  parts: MemberParts,
  settings: MemberSettings,
): Promise<MemberOpening> {
  const replicas = replicaSettingsOf(settings);
  if (replicas instanceof ParleyError) return { kind: 'refused', error: replicas };
  const opening = new Opening(parts, settings);
  try {
    return { kind: 'opened', member: await opening.run(replicas) };
  } catch (error) {
    await opening.opened.close();
    if (!(error instanceof ParleyError)) throw error;
    return { kind: 'refused', error };
  }
}

export class Member {
  readonly address: SocketAddress;
  readonly #made: Made;

  constructor(made: Made) {
    this.address = made.door.address;
    this.#made = made;
  }

  get gossip(): MemberGossip {
    return must(this.#made.gossip, 'the settings have gossip');
  }

  get replicas(): MemberReplicas {
    return must(this.#made.replicas, 'the settings have replicas');
  }

  /** Names of members and their numbers. */
  get numbers(): MemberNumbers {
    return this.#made.numbers;
  }

  /** Talks to the replicas of `peer` from now on. */
  addPeer(peer: PeerSetting): void {
    this.numbers.assign(nameOf(peer), peer.member);
    this.replicas.addPeer(peer);
  }

  /** Refuses `member` from now on. */
  removePeer(member: MemberId): void {
    this.numbers.forget(member);
    this.replicas.removePeer(member);
  }

  /** Leaves in order: answers those who wait, says goodbye, lets go of everything. */
  close(reason = 'closed'): Promise<void> {
    this.#made.leaving.reason = reason;
    return this.#made.opened.close();
  }
}

interface Made {
  readonly door: FrontDoor;
  readonly gossip: MemberGossip | undefined;
  readonly replicas: MemberReplicas | undefined;
  readonly numbers: MemberNumbers;
  readonly opened: ClosingStack;
  readonly leaving: Leaving;
}

/** Why the member leaves, for those who hear its goodbye. */
interface Leaving {
  reason: string;
}

class Opening {
  readonly opened = new ClosingStack();
  readonly #parts: MemberParts;
  readonly #settings: MemberSettings;
  readonly #leaving: Leaving = { reason: 'did not start' };

  constructor(parts: MemberParts, settings: MemberSettings) {
    this.#parts = parts;
    this.#settings = settings;
  }

  async run(replicaSettings: ReplicaSettings | undefined): Promise<Member> {
    const { opened } = this;
    await this.#lockDirectory();
    const door = await this.#openDoor();
    const gossip = await this.#openGossip(door);
    const replicas = await this.#openReplicas(door, replicaSettings);
    this.#openEdges(door, gossip);
    // The first step of closing: nobody comes in while the rest goes.
    opened.add(() => door.refuseMore());
    gossip?.start();
    const numbers = this.#numbers(gossip);
    return new Member({ door, gossip, replicas, numbers, opened, leaving: this.#leaving });
  }

  async #lockDirectory(): Promise<void> {
    const { directory } = this.#settings;
    if (directory === undefined) return;
    const lock = await lockDirectory(this.#parts.capabilities.disk, directory);
    if (lock instanceof ParleyError) throw lock;
    this.opened.add(() => lock.release());
  }

  async #openDoor(): Promise<FrontDoor> {
    const door = await openFrontDoor(this.#parts.capabilities, this.#settings.listen);
    this.opened.add(() => door.close(DOOR_GRACE_MS));
    return door;
  }

  async #openGossip(door: FrontDoor): Promise<MemberGossip | undefined> {
    const { cluster, gossip: settings } = this.#settings;
    if (settings === undefined) return undefined;
    const { capabilities, proposedHost } = this.#parts;
    const gossip = await MemberGossip.open(
      { capabilities, proposedHost, blocks: zstdBlocks },
      { ...settings, clusterId: cluster.name, listen: door.address },
    );
    this.opened.add(() => gossip.stop(this.#leaving.reason));
    return gossip;
  }

  async #openReplicas(
    door: FrontDoor,
    settings: ReplicaSettings | undefined,
  ): Promise<MemberReplicas | undefined> {
    const { capabilities, replicas: parts } = this.#parts;
    if (settings === undefined) return undefined;
    assert(parts !== undefined, 'replicas need a store and machines');
    // Reading the log takes its time. A peer that dials meanwhile comes again.
    door.serveFrames(turnAway);
    const replicas = await MemberReplicas.open({ ...parts, capabilities }, settings);
    this.opened.add(() => replicas.close());
    door.serveFrames((stream) => replicas.accept(stream));
    return replicas;
  }

  #openEdges(door: FrontDoor, gossip: MemberGossip | undefined): void {
    const { openHttp } = this.#parts;
    if (openHttp === undefined) return;
    assert(gossip !== undefined, 'what HTTP shows comes from gossip');
    const http = openHttp({ address: door.address, cluster: gossip.members });
    this.opened.add(() => http.close(HTTP_GRACE_MS));
    door.serveHttp(http);
  }

  #numbers(gossip: MemberGossip | undefined): MemberNumbers {
    const numbers = new MemberNumbers();
    const { replicas } = this.#settings;
    if (replicas === undefined) return numbers;
    const { member } = replicas;
    numbers.assign(gossip?.members.self.nodeId ?? String(member), member);
    for (const peer of replicas.peers) numbers.assign(nameOf(peer), peer.member);
    return numbers;
  }
}

function nameOf({ member, nodeId }: PeerSetting): string {
  return nodeId ?? String(member);
}

function turnAway(stream: Stream): StreamHandler {
  stream.destroy();
  return { onData: () => {}, onDrain: () => {}, onEnd: () => {}, onClose: () => {} };
}
