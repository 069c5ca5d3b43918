export { CLASSIC, type GossipSettings } from './gossip-settings.ts';
export { MemberGossip } from './member-gossip.ts';
export {
  MemberReplicas,
  type MemberReplicasParts,
} from './member-replicas.ts';
export type { ClusterPort, ClusterView } from './members.ts';
export { describeSeed, parseSeed, type Seed } from './seeds.ts';
