// What a member's replicas must be told, and which of it is refused before anything is opened: what
// would only show hours later, as a failed assertion or as a shard that never elects anybody.

import { isUnspecified, parseAddress } from '../base/address.ts';
import { DiskError } from '../base/capabilities.ts';
import { diskPathParts } from '../base/disk-path.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import { LIMITS } from '../base/limits.ts';
import type { MemberId } from '../engine/transport/index.ts';
import type { ShardId } from '../engine/wal/index.ts';
import {
  FEATURE_DISK_SPACE,
  FEATURE_HIBERNATION,
  FEATURE_MACHINES,
} from '../replica/host/index.ts';
import { type ReplicaNumbers, refusalOfNumbers } from './data-plane-numbers.ts';

export interface ReplicaSettings extends ReplicaNumbers {
  readonly clusterId: string;
  readonly member: MemberId;
  readonly peers: readonly PeerSetting[];
  readonly shards: readonly ShardSetting[];
  /** Of the member's files, below the root of its disk; '' is the root. */
  readonly directory: string;
  /** What to say in greetings; by default everything that this version understands. */
  readonly features?: number;
}

export interface PeerSetting {
  readonly member: MemberId;
  readonly address: SocketAddress;
  /** Its node id. By default the member's number, as in clusters whose members are listed. */
  readonly nodeId?: string;
}

interface ShardSetting {
  readonly shard: ShardId;
  /** Empty for a replica that joins a shard that others founded. */
  readonly founders: readonly MemberId[];
}

/** All that this version understands. */
export const FEATURES_ALL = FEATURE_HIBERNATION | FEATURE_DISK_SPACE | FEATURE_MACHINES;

const U32_MAX = 2 ** 32 - 1;
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Why replicas cannot run with these; undefined when they can. */
export function refusalOfReplicas(settings: ReplicaSettings): ParleyError | undefined {
  return (
    refusalOfIdentity(settings) ??
    refusalOfPeers(settings) ??
    refusalOfShards(settings) ??
    refusalOfFeatures(settings) ??
    refusalOfNumbers(settings)
  );
}

function refusalOfIdentity(settings: ReplicaSettings): ParleyError | undefined {
  const { clusterId, directory, member } = settings;
  if (!UUID.test(clusterId)) {
    const why = 'members of different clusters are told apart by uuids';
    return refuse('clusterId', quote(clusterId), why, 'Give a uuid, in small letters.');
  }
  try {
    diskPathParts(directory);
  } catch (error) {
    if (!(error instanceof DiskError)) throw error;
    const why = 'a member keeps its files below the root of its disk';
    return refuse('directory', quote(directory), why, 'Give a relative path without "..".');
  }
  return refusalOfId('member', member);
}

/** 0 is what clients call themselves. */
function refusalOfId(subject: string, id: number, min = 1): ParleyError | undefined {
  if (Number.isInteger(id) && id >= min && id <= U32_MAX) return undefined;
  return refuse(
    subject,
    `${id}`,
    'that is no id',
    `Give a whole number from ${min} to ${U32_MAX}.`,
  );
}

function refusalOfPeers({ member, peers }: ReplicaSettings): ParleyError | undefined {
  const owners = new Map<string, MemberId>();
  const ids = peers.map((peer) => peer.member);
  for (const [i, peer] of peers.entries()) {
    const name = `peers[${i}]`;
    const refusal = refusalOfId(`${name}.member`, peer.member);
    if (refusal !== undefined) return refusal;
    if (peer.member === member) {
      const why = 'a member is no peer of its own';
      return refuse(`${name}.member`, `${member}`, why, 'Name the others only.');
    }
    const parsed = parseAddress(peer.address);
    if (parsed === undefined || parsed.port === 0 || isUnspecified(peer.address)) {
      const why = 'nobody can be reached there';
      return refuse(`${name}.address`, quote(peer.address), why, 'Give the IP:PORT it listens on.');
    }
    const owner = owners.get(peer.address);
    if (owner !== undefined) {
      const why = `that is the address of member ${owner}`;
      return refuse(`${name}.address`, peer.address, why, 'Give each member its own.');
    }
    owners.set(peer.address, peer.member);
  }
  return refusalOfTwice('peers', ids);
}

function refusalOfShards({ shards }: ReplicaSettings): ParleyError | undefined {
  const { configNodesMax } = LIMITS.wire;
  for (const [i, { founders, shard }] of shards.entries()) {
    const name = `shards[${i}]`;
    const refusal =
      refusalOfId(`${name}.shard`, shard, 0) ?? refusalOfTwice(`${name}.founders`, founders);
    if (refusal !== undefined) return refusal;
    if (founders.length > configNodesMax) {
      const why = 'votes of so many cannot be counted';
      const advice = `Name ${configNodesMax} at most.`;
      return refuse(`${name}.founders`, `${founders.length} members`, why, advice);
    }
    for (const founder of founders) {
      const wrong = refusalOfId(`${name}.founders`, founder);
      if (wrong !== undefined) return wrong;
    }
  }
  return refusalOfTwice(
    'shards',
    shards.map(({ shard }) => shard),
  );
}

function refusalOfTwice(subject: string, ids: readonly number[]): ParleyError | undefined {
  const twice = ids.find((id, at) => ids.indexOf(id) < at);
  if (twice === undefined) return undefined;
  return refuse(subject, ids.join(', '), `${twice} is there twice`, 'Name each one once.');
}

function refusalOfFeatures({ features, host }: ReplicaSettings): ParleyError | undefined {
  if (features === undefined) return undefined;
  if (!Number.isInteger(features) || (features & FEATURES_ALL) !== features) {
    const why = 'peers would count on what this version does not understand';
    return refuse('features', `${features}`, why, `Give bits of ${FEATURES_ALL}, or leave it out.`);
  }
  if (host?.hibernation === true && (features & FEATURE_HIBERNATION) === 0) {
    const why = 'the greetings do not say so, and peers would not know';
    return refuse('host.hibernation', 'true', why, `Add ${FEATURE_HIBERNATION} to the features.`);
  }
  return undefined;
}

function quote(text: string): string {
  return JSON.stringify(text);
}

function refuse(subject: string, found: string, why: string, advice: string): ParleyError {
  return new ParleyError('E_CONFIG', `${subject} is ${found}: ${why}.`, { subject, advice });
}
