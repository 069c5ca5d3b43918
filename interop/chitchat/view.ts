// What one peer knows of its cluster. Rust peers and Parley members tell it in the same JSON, the
// one of chitchat's demo program; that both parse here is a check in itself.

import { must } from '../../src/base/assert.ts';

export interface ClusterView {
  readonly clusterId: string;
  /** Ids as text, see `idText`. */
  readonly live: readonly string[];
  readonly dead: readonly string[];
  readonly nodes: ReadonlyMap<string, NodeView>;
}

export interface NodeView {
  readonly id: string;
  readonly heartbeat: number;
  readonly maxVersion: number;
  readonly lastGcVersion: number;
  /** Tombstones included. */
  readonly entries: ReadonlyMap<string, EntryView>;
}

export interface EntryView {
  readonly value: string;
  readonly version: number;
  readonly status: 'Set' | 'Delete' | 'DeleteAfterTtl';
}

interface IdJson {
  node_id: string;
  generation_id: string;
  gossip_advertise_addr: string;
}

interface StateJson {
  cluster_id: string;
  cluster_state: {
    node_states: {
      chitchat_id: IdJson;
      heartbeat: number;
      key_values: Record<string, EntryView>;
      max_version: number;
      last_gc_version: number;
    }[];
  };
  live_nodes: IdJson[];
  dead_nodes: IdJson[];
}

export function idText(nodeId: string, generation: bigint, address: string): string {
  return `${nodeId}/${generation}@${address}`;
}

/** Generations exceed 2^53, so their digits are put in quotes before JSON can round them. */
export function parseView(json: string): ClusterView {
  const quoted = json.replaceAll(/"generation_id":\s*(\d+)/g, '"generation_id":"$1"');
  const state = JSON.parse(quoted) as StateJson;
  const nodes = state.cluster_state.node_states.map((node) => ({
    id: parseId(node.chitchat_id),
    heartbeat: node.heartbeat,
    maxVersion: node.max_version,
    lastGcVersion: node.last_gc_version,
    entries: new Map(Object.entries(node.key_values)),
  }));
  return {
    clusterId: state.cluster_id,
    live: state.live_nodes.map(parseId),
    dead: state.dead_nodes.map(parseId),
    nodes: new Map(nodes.map((node) => [node.id, node])),
  };
}

function parseId(id: IdJson): string {
  return idText(id.node_id, BigInt(id.generation_id), id.gossip_advertise_addr);
}

/** How `seen` differs from what its owner says, or undefined. Heartbeats always differ. */
export function difference(owner: NodeView, seen: NodeView | undefined): string | undefined {
  if (seen === undefined) return 'the node is unknown';
  const counters = (node: NodeView): string => `(gc ${node.lastGcVersion}, max ${node.maxVersion})`;
  if (counters(owner) !== counters(seen)) return `${counters(seen)} instead of ${counters(owner)}`;
  for (const key of new Set([...owner.entries.keys(), ...seen.entries.keys()])) {
    const [there, here] = [entryText(owner.entries.get(key)), entryText(seen.entries.get(key))];
    if (there !== here) return `key ${key} is ${here} instead of ${there}`;
  }
  return undefined;
}

function entryText(entry: EntryView | undefined): string {
  if (entry === undefined) return 'absent';
  return `${entry.status} ${JSON.stringify(entry.value)} at version ${entry.version}`;
}

export function nodeOf(view: ClusterView, id: string): NodeView {
  return must(view.nodes.get(id), `${id} is among the node states`);
}
