// The state of the cluster in the shape of the classic program, field by field and in its order,
// so that scripts written for it go on working.

import type { ClusterView } from '../../cluster/index.ts';
import type { EntryStatus, GossipId, NodeView } from '../../core/gossip/index.ts';
import type { Json } from './json.ts';

/** Names inside `cluster_state` that no key can take: scripts rely on them. */
const RESERVED = new Set(['node_states', 'seed_addrs']);

const STATUS: Record<EntryStatus, string> = {
  set: 'Set',
  deleted: 'Delete',
  deleteAfterTtl: 'DeleteAfterTtl',
};

export function classicState(view: ClusterView): Json {
  return {
    cluster_id: view.clusterId,
    cluster_state: clusterState(view),
    live_nodes: view.live.map(memberName),
    dead_nodes: view.dead.map(memberName),
  };
}

function clusterState(view: ClusterView): Json {
  const state = new Map<string, Json>([
    ['node_states', view.nodes.map(nodeState)],
    ['seed_addrs', view.seedAddresses],
  ]);
  for (const [key, { value }] of view.winners) if (!RESERVED.has(key)) state.set(key, value);
  return state;
}

function nodeState(node: NodeView): Json {
  const entries = new Map<string, Json>();
  for (const { key, value, version, status } of node.entries()) {
    entries.set(key, { value, version, status: STATUS[status] });
  }
  return {
    chitchat_id: {
      node_id: node.id.nodeId,
      generation_id: node.id.generation,
      gossip_advertise_addr: node.id.address,
    },
    heartbeat: node.heartbeat,
    key_values: entries,
    max_version: node.maxVersion,
    last_gc_version: node.lastGcVersion,
  };
}

/** `generation` and `generation_id` say the same: scripts exist for either name. */
function memberName(id: GossipId): Json {
  return {
    node_id: id.nodeId,
    generation: id.generation,
    generation_id: id.generation,
    gossip_advertise_addr: id.address,
  };
}
