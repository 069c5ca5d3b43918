// `GET /`: the state of the cluster in the shape of the classic program, field by field and in its
// order, so that scripts written for it go on working. The state may be large, so it is read page
// by page while it is sent.

import type { ClusterPort } from '../../../cluster/index.ts';
import type { EntryStatus, GossipId, NodeView } from '../../../core/gossip/index.ts';
import { type Json, jsonPieces, LazyArray, LazyFields } from '../json.ts';
import { route } from '../route.ts';
import { uint64 } from '../schemas.ts';
import { Type } from '../type.ts';

/** Names inside `cluster_state` that no key can take: scripts rely on them. */
const RESERVED = new Set(['node_states', 'seed_addrs']);

const STATUS: Record<EntryStatus, string> = {
  set: 'Set',
  deleted: 'Delete',
  deleteAfterTtl: 'DeleteAfterTtl',
};

/** Entries read at once: some of them wait as text while a reader takes those before. */
const PAGE_ENTRIES = 32;

// --- shapes -------------------------------------------------------------------------------------

/** Forms send every field, so an empty filter is none. */
const StateQuery = Type.Object({
  key: Type.Optional(
    Type.String({ description: 'Only this key, of every member and as it stands for all.' }),
  ),
  prefix: Type.Optional(Type.String({ description: 'Only keys that begin with this text.' })),
});

const MemberName = {
  node_id: Type.String(),
  generation_id: uint64('One number per start of the member; the higher is the later.'),
  gossip_advertise_addr: Type.String({ examples: ['127.0.0.1:10001', '[::1]:10001'] }),
};

const Member = Type.Object({
  node_id: MemberName.node_id,
  generation: uint64('The same number as generation_id.'),
  generation_id: MemberName.generation_id,
  gossip_advertise_addr: MemberName.gossip_advertise_addr,
});

const Entry = Type.Object({
  value: Type.String(),
  version: uint64('Grows with each write of the owner.'),
  status: Type.String({ enum: Object.values(STATUS) }),
});

const NodeState = Type.Object({
  chitchat_id: Type.Object(MemberName),
  heartbeat: uint64('Grows while the member lives.'),
  key_values: Type.Record(Type.String(), Entry, {
    description: 'The keys of this member, deleted ones included until they are forgotten.',
  }),
  max_version: uint64('The highest version known of this member.'),
  last_gc_version: uint64('Deletions up to this version are forgotten.'),
});

const ClusterState = Type.Object({
  cluster_id: Type.String(),
  cluster_state: Type.Object(
    {
      node_states: Type.Array(NodeState, { description: 'In the order of their ids.' }),
      seed_addrs: Type.Array(Type.String()),
    },
    {
      additionalProperties: Type.String(),
      description:
        'Besides node_states and seed_addrs: every key that a live member holds, with the value ' +
        'that was written last, in the order of the keys.',
    },
  ),
  live_nodes: Type.Array(Member, { description: 'The member that answers comes first.' }),
  dead_nodes: Type.Array(Member),
});

export const clusterStateRoute = route({
  path: '/',
  name: 'getCluster',
  summary: 'The cluster as this member sees it',
  description:
    'Members, their keys, and for each key the value written last. Every member answers the ' +
    'same once gossip has gone round. With a key or a prefix only the keys asked for are in the ' +
    'answer. A long answer is read while it is sent: each key is told as it was at some moment ' +
    'between the first byte and the last.',
  tag: 'cluster',
  query: StateQuery,
  answer: ClusterState,
  changesState: false,
  run: ({ cluster }, { key = '', prefix = '' }) => {
    const filter: Filter = {
      prefix: key === '' ? prefix : key,
      wants: (name) => (key === '' || name === key) && name.startsWith(prefix),
    };
    return { kind: 'pieces', make: () => jsonPieces(classicState(cluster, filter)) };
  },
});

// --- the answer ---------------------------------------------------------------------------------

/** The keys asked for: all of them begin with `prefix`, by which the first one is found. */
interface Filter {
  readonly prefix: string;
  readonly wants: (key: string) => boolean;
}

function classicState(cluster: ClusterPort, filter: Filter): Json {
  const { clusterId, nodes, seedAddresses, live, dead } = cluster.view();
  return {
    cluster_id: clusterId,
    cluster_state: new LazyFields(clusterFields(cluster, nodes, seedAddresses, filter)),
    live_nodes: live.map(memberName),
    dead_nodes: dead.map(memberName),
  };
}

function* clusterFields(
  cluster: ClusterPort,
  nodes: readonly NodeView[],
  seeds: readonly string[],
  filter: Filter,
): Generator<readonly [string, Json] | undefined, undefined> {
  yield ['node_states', new LazyArray(nodeStates(nodes, filter))];
  yield ['seed_addrs', seeds];
  const page = (after: string | undefined) =>
    cluster.winnersPage(filter.prefix, after, PAGE_ENTRIES);
  for (const { key, value } of pagewise(page, filter)) {
    if (value === undefined) yield undefined;
    else if (!RESERVED.has(key)) yield [key, value];
  }
}

function* nodeStates(nodes: readonly NodeView[], filter: Filter): Generator<Json, undefined> {
  for (const node of nodes) {
    yield {
      chitchat_id: {
        node_id: node.id.nodeId,
        generation_id: node.id.generation,
        gossip_advertise_addr: node.id.address,
      },
      heartbeat: node.heartbeat,
      key_values: new LazyFields(keyValues(node, filter)),
      max_version: node.maxVersion,
      last_gc_version: node.lastGcVersion,
    };
  }
}

function* keyValues(node: NodeView, filter: Filter): Generator<readonly [string, Json], undefined> {
  const page = (after: string | undefined) => node.page(filter.prefix, after, PAGE_ENTRIES);
  for (const { key, value, version, status } of pagewise(page, filter)) {
    yield [key, { value, version, status: STATUS[status] }];
  }
}

/** Keys behind the first one that is not wanted are not wanted either. */
function* pagewise<Item extends { readonly key: string }>(
  page: (after: string | undefined) => readonly Item[],
  { wants }: Filter,
): Generator<Item, undefined> {
  let after: string | undefined;
  for (;;) {
    const items = page(after);
    for (const item of items) {
      if (!wants(item.key)) return;
      yield item;
    }
    after = items.at(-1)?.key;
    if (after === undefined) return;
  }
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
