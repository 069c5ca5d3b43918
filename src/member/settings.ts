// What a member is told. Each part that is left out is a part that the member does not have.

import { parseAddress } from '../base/address.ts';
import { ParleyError } from '../base/errors.ts';
import type { SocketAddress } from '../base/ids.ts';
import {
  type ClusterIdentity,
  type GossipSettings,
  type ReplicaSettings,
  refusalOfReplicas,
} from '../cluster/index.ts';

export interface MemberSettings {
  readonly cluster: ClusterIdentity;
  /** Everything arrives here: gossip by UDP, all else by TCP. Port 0 takes any free port. */
  readonly listen: SocketAddress;
  /**
   * Of the member's files, below the root of its disk; '' is the root. One process has it at a
   * time. Undefined: the member keeps no files.
   */
  readonly directory?: string;
  readonly gossip?: Omit<GossipSettings, 'clusterId' | 'listen'>;
  readonly replicas?: Omit<ReplicaSettings, 'clusterId' | 'directory'>;
}

/** The settings of the replicas in full, undefined for a member without. */
export function replicaSettingsOf(
  settings: MemberSettings,
): ReplicaSettings | ParleyError | undefined {
  const { cluster, directory, listen, replicas } = settings;
  if (parseAddress(listen) === undefined) {
    return refuse('listen', `${listen} is no address.`, 'Give IP:PORT.');
  }
  if (replicas === undefined) return undefined;
  if (cluster.uuid === undefined) {
    const what = `cluster ${cluster.name} has no uuid: replicas of two clusters could meet.`;
    return refuse('cluster', what, 'Give the uuid of the cluster.');
  }
  if (directory === undefined) {
    const what = 'a member with replicas keeps a log.';
    return refuse('directory', what, 'Give it a directory.');
  }
  const full = { ...replicas, clusterId: cluster.uuid, directory };
  return refusalOfReplicas(full) ?? full;
}

function refuse(subject: string, what: string, advice: string): ParleyError {
  return new ParleyError('E_CONFIG', what, { subject, advice });
}
